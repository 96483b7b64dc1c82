"""What the hardware will cost, in seconds and before any tool runs."""
