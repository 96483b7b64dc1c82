"""`flow check`: whether a network's hardware is right, small and fast enough, for a project's CI."""
