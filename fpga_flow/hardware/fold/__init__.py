"""Folding: how much each layer does at once."""

from fpga_flow.hardware.fold.lines import KINDS as KINDS
from fpga_flow.hardware.fold.lines import Layer as Layer
from fpga_flow.hardware.fold.lines import fold_from_file as fold_from_file
from fpga_flow.hardware.fold.lines import fold_to_cycles as fold_to_cycles
from fpga_flow.hardware.fold.lines import latency as latency
from fpga_flow.hardware.fold.lines import layers as layers
from fpga_flow.hardware.fold.lines import write_folding as write_folding
from fpga_flow.hardware.streams import insert_streams as insert_streams
