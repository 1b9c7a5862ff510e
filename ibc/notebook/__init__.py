"""Training from Python, as in a notebook: what is asked for, a bar, and what comes of it."""
