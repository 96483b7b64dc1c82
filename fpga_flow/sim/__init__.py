"""The RTL simulator: Verilator builds, kept and run, for all that simulates."""
