"""How deep each FIFO between two layers must be: by the layers' schedules, or by simulating the RTL."""
