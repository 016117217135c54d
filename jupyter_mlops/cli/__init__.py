"""The command line, which is also the magics' command tree."""
