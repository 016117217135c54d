"""What the REST routes do, one module for each noun: bodies, and functions over the flows."""
