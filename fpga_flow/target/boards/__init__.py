"""The boards that come with the project, a TOML file each. A stage's digest has those of its own board."""
