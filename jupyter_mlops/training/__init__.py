"""Making runs: capture, runs, submission."""
