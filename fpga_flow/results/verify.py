"""The result of the stage `verify`."""

from typing import Literal

from fpga_flow.results.activity import Activity
from fpga_flow.results.base import Record, Result, Share

MOST_SHOWN = 8
"""Inputs that a message shows."""


class Difference(Record):
    """The first value that differs, in the order of the layers, then of the stream."""

    layer: str
    """Its name, as everywhere."""
    tensor: str
    """Name of the tensor in the integer network (network.onnx)."""
    frame: int
    """Its number among the golden vectors."""
    index: tuple[int, ...]
    """Of the value in the tensor as the stream sends it: channels last."""
    expected: int
    """By onnxruntime."""
    found: int | None
    """None where the stream ended before this value."""

    def words(self) -> str:
        """Return all of it in words."""
        return ", ".join(f"{key} {value}" for key, value in self.model_dump(mode="json").items())


class Counterexample(Record):
    """An input of a layer alone for which its RTL gives another number than the layer must."""

    inputs: dict[int, int]
    """By place, those of the vector that are not 0; of a layer of thresholds, by channel, the value."""
    output: int
    """Place of the number, or its channel."""
    expected: int
    """What the layer's constants say."""
    found: int
    """What the RTL gives."""

    def words(self) -> str:
        """Return all of it in words."""
        shown = [f"input {place} = {value}" for place, value in self.inputs.items()]
        more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
        vector = ", ".join(shown[:MOST_SHOWN]) + more or "all inputs 0"
        return f"{vector}: output {self.output}: expected {self.expected}, found {self.found}"


class LayerProof(Record):
    """Whether a layer's RTL is right for every input, whatever came before."""

    layer: str
    """Its name, as everywhere."""
    how: Literal["netlist", "enumeration"]
    """`netlist`: every output was followed through the netlist as a sum of the inputs, times the matrix;
    `enumeration`: every value that can come was simulated, in each channel."""
    values: int | None
    """That were simulated, all that there are; None of a netlist."""
    reason: str
    """Why there is no proof; empty where there is one."""
    counterexample: Counterexample | None
    """Found by simulation where there is no proof; None where none was found."""

    @property
    def proved(self) -> bool:
        """Whether there is a proof."""
        return not self.reason

    def words(self) -> str:
        """Return in words why there is no proof."""
        example = self.counterexample
        shown = example.words() if example else "no input was found for which it differs"
        return f"{self.layer}: {shown} ({self.reason})"


class FrameCounts(Record):
    """Frames that were simulated, without stalls or with them."""

    stalls: bool
    frames: int
    mismatches: int
    """Of them those that differ from the golden model."""


class RtlAccuracy(Record):
    """Share of the simulated frames whose class was found."""

    rtl: Share | None
    """None where not all of their classes are known."""


class VerifyResult(Result):
    """The simulation of the whole accelerator against onnxruntime."""

    simulator: str
    """And its version."""
    samples: int
    """Frames that were simulated."""
    mismatches: int
    """Of them those that differ."""
    first_difference: Difference | None
    measured_cycles_per_frame: int
    """From one frame to the next."""
    measured_latency_cycles: int
    """From a frame's first word in to its last word out."""
    stalls: bool
    """Whether it was simulated with random stalls too."""
    sets: tuple[FrameCounts, ...]
    layers_compared: tuple[str, ...]
    """Those whose streams are equal, and the first that differs."""
    layers_not_reached: tuple[str, ...]
    """Those behind it."""
    layer_frames: int
    """Frames on which streams were compared."""
    values_compared: dict[str, int]
    """By layer, numbers that were compared."""
    proofs: tuple[LayerProof, ...]
    """Of the layers whose kind is proved; a layer with more values than can be enumerated is not here."""
    accuracy: RtlAccuracy
    activity: Activity | None = None
    """Of the streams over a frame; None where too few frames were simulated to fill the accelerator."""

    @property
    def unproved(self) -> tuple[LayerProof, ...]:
        """The proofs that failed, whether or not an input was found for which the layer differs."""
        return tuple(proof for proof in self.proofs if not proof.proved)

    @property
    def refuted(self) -> tuple[LayerProof, ...]:
        """Those for which one was found."""
        return tuple(proof for proof in self.proofs if proof.counterexample is not None)

    def fault(self) -> str:
        """Return in words why the RTL is not verified; empty where it is."""
        told = []
        if self.mismatches:
            first = self.first_difference
            where = first.words() if first else "none of the layers differs, only the output"
            told.append(
                f"{self.mismatches} of {self.samples} frames differ between RTL and onnxruntime; "
                f"first difference: {where}"
            )
        told += [f"layer {proof.words()}" for proof in self.refuted]
        return "; ".join(told)


class VerifyEffort(Record):
    """What the simulation was like, which differs each time."""

    cycles_per_second: float
