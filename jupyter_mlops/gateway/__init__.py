"""HAProxy in front of a service's replicas."""
