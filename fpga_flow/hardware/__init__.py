"""From the integer network to a folded graph of FINN's dataflow layers."""
