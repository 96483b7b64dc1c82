"""fpga_flow: from a quantised, pruned network to verified dataflow hardware."""

import os
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fpga-flow")
except PackageNotFoundError:  # run from a bare checkout
    __version__ = "0+unknown"

if "OMP_WAIT_POLICY" not in os.environ:
    # Waiting threads of OpenMP sleep soon: on a busy machine, spinning keeps the others from finishing. Its
    # library reads this once, when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
