"""The replica: a scoring server that imports core alone."""
