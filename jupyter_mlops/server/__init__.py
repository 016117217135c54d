"""The REST server extension."""
