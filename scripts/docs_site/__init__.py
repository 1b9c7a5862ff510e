"""What mkdocs makes beside the pages in docs/: see `hook`."""
