"""Simulates the RTL of the whole accelerator and compares it with onnxruntime, integer for integer."""
