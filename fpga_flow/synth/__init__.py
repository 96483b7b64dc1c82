"""Synthesis with Yosys, layer by layer, and the analytic estimate beside it."""
