"""A layer kind and a device family that the project does not have, added from outside it."""
