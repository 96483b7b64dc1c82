"""The RTL of a run for a project without this program: sources, test bench, description, IP-XACT."""
