"""What goes into a run: snapshots and environments."""
