"""fpga_flow: from a quantised, pruned network to verified dataflow hardware."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fpga-flow")
except PackageNotFoundError:  # run from a bare checkout
    __version__ = "0+unknown"
