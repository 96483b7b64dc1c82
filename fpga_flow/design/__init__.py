"""The RTL design: every layer as RTL, stitched, and the description that later stages read."""
