"""The virtual board: the shell in Verilator, and a stand-in for pynq that the driver does not notice."""
