"""A run and its stages in their order: which must be made, which stand."""
