"""Boards, device families, and whether a design fits: everything that knows a vendor."""
