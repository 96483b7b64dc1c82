"""What a network takes of a board before any tool runs, and what would fit where it does not."""
