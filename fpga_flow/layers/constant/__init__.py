"""Constant matrices as networks of shared adders: the network, its solvers, its proof and its RTL."""
