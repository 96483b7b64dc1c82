"""Runs side by side: how their recipes differ, and what came of it."""
