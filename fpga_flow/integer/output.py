"""What comes out of the accelerator: the index of a class, or numbers; and why."""

import json
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qonnx.core.modelwrapper import ModelWrapper

CLASSIFIERS = ("Softmax", "LogSoftmax", "ArgMax", "TopK")
"""Operators at the end of a file that say its numbers are one class' share each."""
DECISIONS = ("ArgMax", "TopK")
"""Those of them that give indices."""
INDEPENDENT = ("Sigmoid", "Tanh", "Relu", "LeakyRelu", "Clip")
"""Operators at the end of a file that say its numbers are independent of each other: labels, values."""
_LAYOUT = ("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Dropout")
"""Operators that calculate nothing."""
_LEFT_OUT = "left_out"
"""Key of a file's metadata."""
Step = tuple[str, tuple[float, ...]]
"""What the host does to numbers; see `quantise.carry_out`."""


class LeftOut(NamedTuple):
    """The end of a file, which the accelerator does not carry out."""

    operators: tuple[str, ...] = ()
    """In order."""
    steps: tuple[Step, ...] = ()
    """What the host does in their place where the accelerator gives numbers."""
    k: int = 1
    """How many indices the file gives where it ends in the largest of classes."""
    name: str = ""
    """Of the output, in the file."""


def note_left_out(model: "ModelWrapper", ending: LeftOut) -> None:
    """Write into `model` what of the end of its file it lacks."""
    if ending != LeftOut():
        model.set_metadata_prop(_LEFT_OUT, json.dumps(ending._asdict()))


def left_out(model: "ModelWrapper") -> LeftOut:
    """Return what `note_left_out` wrote into `model`."""
    table: dict[str, Any] = json.loads(model.get_metadata_prop(_LEFT_OUT) or "{}")
    if not table:
        return LeftOut()
    steps = tuple((kind, tuple(values)) for kind, values in table["steps"])
    return LeftOut(tuple(table["operators"]), steps, table["k"], table["name"])


def decides(shape: tuple[int, ...], behind: tuple[str, ...]) -> bool:
    """Whether numbers of `shape` (channels first, less the batch) stand for classes, one of which is taken.

    `behind` are the operators at the end of the file that are left out, in its order. A vector of bare
    numbers is taken for classes; one number, a map and independent labels are not.
    """
    if prod(shape) != shape[0] or shape[0] == 1:
        return False
    return any(name in CLASSIFIERS for name in behind) or not any(name in INDEPENDENT for name in behind)


class Output(BaseModel):
    """What the network gives for a frame, as it stands in export's result and in the report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    """In the file; empty where it has none."""
    shape: tuple[int, ...]
    """Of the integers, channels first, without the batch."""
    decides: bool
    """Whether the accelerator gives indices of the largest where `hardware.top_k` is not set."""
    k: int = 1
    """How many, where it does."""
    reason: str
    """Why it does, or does not."""
    behind: tuple[str, ...] = ()
    """Operators at the end of the file that the accelerator does not carry out, in order."""
    scale: float
    """What stands in front of them is `scale * integer + offset`."""
    offset: float
    steps: tuple[Step, ...] = ()
    """What the host does behind that, for the network's own values where the network has them."""

    def top_k(self, wanted: int | None) -> int:
        """Return how many indices come out where the recipe's `hardware.top_k` is `wanted`; 0: numbers."""
        return self.k * int(self.decides) if wanted is None else wanted

    def values(self, integers: "NDArray[Any]", top_k: int) -> "NDArray[Any]":
        """Return what the network itself gives, (N, ...) as its file has it, for what the accelerator gives.

        `integers` are (N, *shape), channels first, as the golden model has them: values are float32 then, or
        int64 where the file ends in an arg-max over a map. With `top_k` > 0 they are indices (N, top_k), and
        stay as they are.
        """
        from fpga_flow.integer import quantise  # the command line and the report do without numpy

        return integers if top_k else quantise.values(integers, self.description())

    def description(self) -> dict[str, Any]:
        """Return what `quantise.values` has to know."""
        return self.model_dump(mode="json", include={"shape", "scale", "offset", "steps"})

    @property
    def value_shape(self) -> tuple[int, ...]:
        """Of the network's own values, without the batch."""
        import numpy as np

        return self.values(np.zeros((1, *self.shape)), 0).shape[1:]

    def words(self, top_k: int) -> str:
        """Return in words what comes out; `top_k` as `hardware.top_k` says, or as the method of that name."""
        reason = self.reason if top_k == self.top_k(None) else f"hardware.top_k={top_k}"
        if top_k:
            best = "index of the largest" if top_k == 1 else f"indices of the {top_k} largest, best first,"
            instead = "hardware.top_k=0 gives the numbers themselves"
            return f"only the {best} of {prod(self.shape):,} numbers ({reason}); {instead}"
        shape = self.value_shape
        size = prod(shape)
        sizes = " x ".join(f"{length:,}" for length in shape if length > 1) or "1"
        plus = f" {'-' if self.offset < 0 else '+'} {abs(self.offset):.6g}" if self.offset else ""
        text = f"{sizes} number{'s' * (size > 1)} ({reason}): "
        text += f"{'each is ' * (size > 1)}{self.scale:.6g} * integer{plus}"
        functions = [name for name in self.behind if name not in _LAYOUT]
        if self.decides:  # the numbers that are compared, not the index of the largest
            functions = [name for name in functions if name not in DECISIONS]
        return f"{text}, then {', '.join(functions)}, which the host applies" if functions else text
