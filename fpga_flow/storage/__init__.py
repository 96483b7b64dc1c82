"""What runs and the cache take on disk, and how it is freed."""
