"""The result of the stage `verify`."""

from fpga_flow.results.base import Record, Result, Share


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
    accuracy: RtlAccuracy


class VerifyEffort(Record):
    """What the simulation was like, which differs each time."""

    cycles_per_second: float
