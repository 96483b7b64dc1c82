"""Proves that RTL of layers is right for every input, whatever came before: in netlists, or by enumeration.

**A matrix as a network of adders** (`matrix.py`). What a network does to unit vectors would say what it
does to every vector if it were known that it is linear: that no value leaves its bits, that every carry
goes on and begins anew in the right cycle, that nothing of one vector is left for the next. A simulation of
samples does not say so, and with unit vectors hardly an adder of it has two operands. So it is not assumed,
but shown:

1. Yosys reads the layer's RTL as the synthesis does (`netlist.py`): a netlist of sums of words, choices and
   registers, from which nothing was optimised away.
2. That netlist is run clock by clock (`machine.py`) on a vector whose bits are symbols. Control is followed
   as it is. Each adder gets a node of its own: the sum of two lists of bits. The digits of a number that
   comes digit by digit are places of one list, and the list ends where the adder's carry begins anew.
3. The bits of every output are read back (`forms.py`): a list of bits is an integer combination of the
   inputs only where each bit is known to be that number's, and where its range, which follows from the
   inputs' types, says that what was cut off, or repeated as a sign, is right. No width is taken from the
   generator.
4. The combination must be the matrix' row, and its range must be within the type of the output.

The vectors before and behind it, and all registers at first, are unknown (neither 0 nor 1), and so is any
bit that would depend on them or that is computed in a way that the proof does not know. Unknown bits are
contagious and never enough: an output that could be touched by anything else is not proved. A handshake
that depended on data would not be either; so what frames show of stalls holds for all data. It is shown for
a full pipeline, and twice more with both sides resting at random, some and most of the time.

What is taken as given: Yosys' reading of SystemVerilog; that `df_digit_adder.sv`, a digit of sum and a
carry, adds: the tests prove by SAT that its LUTs do what its `+` does, at each width (a design with any
other text under this name is not proved); and the matrix and the types of the hardware graph, whose order
of channels and windows the comparison of frames with onnxruntime looks at.

**Thresholds** (`thresholds.py`). All values that the input can have, in every channel, go through the
simulated RTL, where there are not too many. It is taken as given that a value's count does not depend on
those before it.

Where a proof fails, vectors are simulated (`search.py`): of single inputs, of each output's least and
greatest sum, random ones, with and without rests. One that shows a difference ends the verification. Where
none does, the layer is not proved, and said to be so: the RTL is wrong only for others, or the proof could
not follow what is right. The latter is known of inputs of -1 and 1 in whole numbers, where a width cuts all
of a shifted one but its lowest bit, which is always 1 and so has lost which input it is of. `layers.py` does
all this for a design, and keeps what was proved.
"""
