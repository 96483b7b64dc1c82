"""Each SystemVerilog module alone."""
