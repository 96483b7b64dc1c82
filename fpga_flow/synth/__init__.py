"""Synthesis with Yosys, layer by layer."""
