"""The network in integers: the golden model, its outputs, and how frames become its inputs."""
