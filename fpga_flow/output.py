"""What comes out of the accelerator: the index of a class, or numbers; and why."""

from math import prod
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

CLASSIFIERS = ("Softmax", "LogSoftmax", "ArgMax")
"""Operators at the end of a file that say its numbers are one class' share each."""
INDEPENDENT = ("Sigmoid",)
"""Operators at the end of a file that say its numbers are labels independent of each other."""
_LEFT_OUT = "left_out"
"""Key of a file's metadata."""


def note_left_out(model: "ModelWrapper", operators: tuple[str, ...]) -> None:
    """Write into `model` which operators at the end of its file it lacks, in order."""
    if operators:
        model.set_metadata_prop(_LEFT_OUT, " ".join(operators))


def left_out(model: "ModelWrapper") -> tuple[str, ...]:
    """Return the operators that `note_left_out` wrote into `model`."""
    return tuple((model.get_metadata_prop(_LEFT_OUT) or "").split())


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

    shape: tuple[int, ...]
    """Of the numbers, channels first, without the batch."""
    decides: bool
    """Whether the accelerator gives the index of the largest where `hardware.top_k` is not set."""
    reason: str
    """Why it does, or does not."""
    behind: tuple[str, ...] = ()
    """Operators at the end of the file that the accelerator does not carry out, in order."""
    scale: float
    """What stands in front of them is `scale * integer + offset`."""
    offset: float

    def top_k(self, wanted: int | None) -> int:
        """Return how many indices come out where the recipe's `hardware.top_k` is `wanted`; 0: numbers."""
        return int(self.decides) if wanted is None else wanted

    def words(self, top_k: int) -> str:
        """Return in words what comes out; `top_k` as `hardware.top_k` says, or as the method of that name."""
        size = prod(self.shape)
        reason = self.reason if top_k == int(self.decides) else f"hardware.top_k={top_k}"
        if top_k:
            best = "index of the largest" if top_k == 1 else f"indices of the {top_k} largest, best first,"
            numbers = f"{size:,} numbers ({reason}); hardware.top_k=0 gives the numbers themselves"
            return f"only the {best} of {numbers}"
        sizes = [f"{length:,}" for length in (*self.shape[1:], self.shape[0]) if length > 1]
        order = ", channels last" if len(sizes) > 1 and self.shape[0] > 1 else ""
        plus = f" {'-' if self.offset < 0 else '+'} {abs(self.offset):.6g}" if self.offset else ""
        text = f"{' x '.join(sizes) or 1} number{'s' * (size > 1)}{order} ({reason}): "
        text += f"{'each is ' * (size > 1)}{self.scale:.6g} * integer{plus}"
        if self.behind:
            text += f"; apply {' and '.join(self.behind)}, which the network ends in, to that yourself"
        return text
