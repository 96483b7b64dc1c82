"""Folding: how much each layer does at once, so that a target is met at the least cost.

`fold` does what a recipe asks, `fold_to_cycles` folds to a rate. `options` says what a layer allows,
the kinds of layers what it costs, `solver` finds the least sum, `search` the targets that are no sum.
"""

from fpga_flow.hardware.fold.file import fold_from_file as fold_from_file
from fpga_flow.hardware.fold.file import write_folding as write_folding
from fpga_flow.hardware.fold.lines import latency as latency
from fpga_flow.hardware.fold.lines import layers as layers
from fpga_flow.hardware.fold.messages import implementation_lines as implementation_lines
from fpga_flow.hardware.fold.messages import message_lines as message_lines
from fpga_flow.hardware.fold.options import layer_key as layer_key
from fpga_flow.hardware.fold.targets import fold as fold
from fpga_flow.hardware.fold.targets import fold_to_cycles as fold_to_cycles
from fpga_flow.hardware.fold.targets import result_of as result_of
from fpga_flow.hardware.streams import insert_streams as insert_streams
