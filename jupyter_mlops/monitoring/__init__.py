"""What is known of services that run: their telemetry."""
