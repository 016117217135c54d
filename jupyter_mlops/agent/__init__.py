"""One background process per workspace: makes what is into what should be."""
