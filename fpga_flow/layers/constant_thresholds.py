"""An activation whose thresholds are logic: all channels at once, or any number where all have the same."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from finn.custom_op.fpgadataflow.thresholding import Thresholding
from numpy.typing import NDArray
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import is_bipolar, literal
from fpga_flow.layers.base import Attributes, Folding, Implementation, Timing, Weights, divisors, fold
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources

MOST_STEPS = 31
"""Thresholds of a channel: a comparison sees what was found before, and that and the value share a LUT."""
MOST_LITERAL = 65_536
"""Bits of all thresholds together: what Verilator takes as one number."""
PER_STAGE = 2
"""Comparisons between two registers: each is a LUT and a carry chain."""


@replaces(None)
class ConstantThresholds_rtl(OwnRtl, Thresholding):  # type: ignore[misc]
    """FINN's `Thresholding` with `df_constant_thresholds` for a body."""

    modules = ("df_constant_thresholds.sv",)

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of FINN's layer, and whether all channels have the same thresholds."""
        return {
            **Thresholding.get_nodeattr_types(self),
            **RTLBackend.get_nodeattr_types(self),
            "Alike": ("i", False, 0, {0, 1}),
        }

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        lanes, width = self.get_nodeattr("PE"), self.get_input_datatype(0).bitwidth()
        thresholds = model.get_initializer(self.onnx_node.input[1])[:lanes]
        lifted = above_least(thresholds, self.get_input_datatype(0))
        return "df_constant_thresholds", {
            "Lanes": lanes,
            "Width": width,
            "Signed": int(self.get_input_datatype(0).signed()),
            "Steps": lifted.shape[1],
            "PerStage": PER_STAGE,
            "Packed": int(self.joins_luts()),
            "Bias": self.get_nodeattr("ActVal"),
            "OutWidth": self.get_output_datatype().bitwidth(),
            "Thresholds": literal(lifted.ravel().tolist(), width + 1),
        }


def above_least(thresholds: NDArray[np.float32], datatype: BaseDataType) -> NDArray[np.int64]:
    """Return integer `thresholds` less the least code of `datatype`, 0 to 2**bits, as the module has them."""
    bits = datatype.bitwidth()
    least = -(1 << bits - 1) if datatype.signed() else 0
    lifted: NDArray[np.int64] = np.ceil(thresholds).astype(np.int64) - least
    return lifted.clip(0, 1 << bits)


def derives(weights: Weights) -> Mapping[str, Any]:
    """Return whether all channels have the same thresholds, of `weights` (channels, steps)."""
    assert weights is not None
    return {"Alike": int((weights == weights[0]).all())}


def suits(layer: Any) -> bool:
    """Return whether the module takes the layer: whole numbers, and few enough thresholds."""
    datatype, steps = layer.get_input_datatype(0), int(layer.get_nodeattr("numSteps"))
    bits = steps * (datatype.bitwidth() + 1) * layer.get_nodeattr("NumChannels")
    plain = datatype.is_integer() and not is_bipolar(datatype)
    return bool(plain and steps <= MOST_STEPS and bits <= MOST_LITERAL)


def foldings(layer: Any) -> list[Folding]:
    """Return all channels at once; any number of them where they are alike."""
    channels = int(layer.get_nodeattr("NumChannels"))
    return [fold(PE=pe) for pe in (divisors(channels) if layer.get_nodeattr("Alike") else [channels])]


def stages(a: Attributes) -> int:
    """Return the registers that a word passes."""
    return math.ceil(_comparisons(a) / PER_STAGE)


def _comparisons(a: Attributes) -> int:
    return math.ceil(math.log2(a["numSteps"] + 1))


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when an activation gives its words."""
    return Timing(cycles, 0.0, 0, stages(a), stages(a))


def schedule(layer: Any) -> Schedule:
    """`df_constant_thresholds.sv`: a register for every two comparisons, all of them moving together."""
    count = stages({"numSteps": layer.get_nodeattr("numSteps")})
    return steps((1,), (1,), latency=count, places=count, rigid=True)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`.

    A LUT has what was found before, k bits, and 5 - k bits of the value, where the part joins two in one.
    """
    width, comparisons = bits_of(a["inputDataType"]), _comparisons(a)
    each = 1 if family.joins_luts else 2
    luts = sum(each * math.ceil(width / (5 - found)) for found in range(comparisons))
    held = sum(width + found for found in range(PER_STAGE, comparisons, PER_STAGE))
    lane = Resources(lut=luts + 1.25, ff=held + bits_of(a["outputDataType"]))
    return lane.times(a["PE"]) + Resources(lut=2, ff=stages(a))


CONSTANT = Implementation(
    "constant",
    "ConstantThresholds_rtl",
    schedule,
    resources,
    timing,
    suits=suits,
    weights="constant",
    derives=derives,
    foldings=foldings,
    proof="thresholds",
)
"""Of the kind of layer that counts thresholds."""
