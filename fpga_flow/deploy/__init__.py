"""The board: what is copied to it, how it gets there, what it measures."""
