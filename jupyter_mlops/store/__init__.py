"""Where records, runs and files are kept."""
