"""Scores of contests, from what a network's layers cost.

The ITU challenge's is in `fpga_flow.export.cost`, as every run is scored by it.
"""
