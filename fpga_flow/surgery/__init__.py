"""Surgery: channels, filters and whole blocks are really taken out; what is left is a smaller network."""
