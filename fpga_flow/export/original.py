"""The file as it came, executed by qonnx, against the values that come out: the last check of an export.

Nothing of the export is in it: no cleaning, no integers, no steps of the host's.
"""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from fpga_flow.core.errors import DifferenceError
from fpga_flow.core.progress import say
from fpga_flow.export import host
from fpga_flow.export.compare import FLOAT32, FLOAT64, witness
from fpga_flow.export.names import original_names
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.export.reader import load, name_domains
from fpga_flow.export.reference import FileReference, Observation
from fpga_flow.integer.golden import Golden, top_k
from fpga_flow.integer.output import DECISIONS, Output, Step
from fpga_flow.integer.quantise import carry_out
from fpga_flow.results.export import Original

FRAMES = 8
SECONDS = 60.0
"""After which no further frame is begun: qonnx executes node by node."""
MAX_NODES = 2000
"""Of a file that qonnx, which looks tensors up in lists, is asked to execute."""
MAX_REASON = 200
"""Characters of what qonnx says that are told."""
Numbers = NDArray[Any]


class OriginalFile:
    """A file as it came, in qonnx' own execution."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        proto = load(path)
        if len(proto.graph.node) > MAX_NODES:
            raise ValueError(f"it has {len(proto.graph.node):,} nodes, and this would take too long")
        name_domains(proto)  # qonnx knows the operators of older files by today's domain
        constants = {tensor.name for tensor in proto.graph.initializer}
        source = next(value for value in proto.graph.input if value.name not in constants)
        sizes = source.type.tensor_type.shape.dim
        sizes[0].dim_value = self._batch = sizes[0].dim_value or 1
        self._input = source.name
        with _quiet():
            self._model = ModelWrapper(proto).transform(InferShapes())

    def run(self, frames: NDArray[np.float32], seconds: float, *names: str) -> dict[str, Numbers]:
        """Return those of the tensors called `names` that the file has, (n, ...), for float frames (N, ...).

        n < N where `seconds` are over.
        """
        end = time.monotonic() + seconds
        found: dict[str, list[Numbers]] = {}
        for start in range(0, len(frames), self._batch):
            part = frames[start : start + self._batch]
            full = np.resize(part, (self._batch, *part.shape[1:]))  # frames again where some are missing
            with _quiet():
                tensors = execute_onnx(self._model, {self._input: full}, return_full_exec_context=True)
            for name in dict.fromkeys(names):
                if name in tensors:
                    found.setdefault(name, []).append(tensors[name][: len(part)])
            if time.monotonic() > end:
                break
        return {name: np.concatenate(values) for name, values in found.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep qonnx and onnxruntime from remarks on what is in the file."""
    onnxruntime.set_default_logger_severity(3)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        onnxruntime.set_default_logger_severity(2)


class _Values:
    """What comes out of the accelerator and the host, and what it may be off the float network's."""

    def __init__(self, network: IntegerNetwork, output: Output) -> None:
        self.output = output
        self.decides = output.decides and output.behind[-1:] != () and output.behind[-1] in DECISIONS
        self.steps: tuple[Step, ...] = network.left_out.steps
        """From the float network's last tensor, which `model.onnx` gives, to the file's output."""
        largest = network.output.magnitude * output.scale + abs(output.offset)
        self._noise = network.logit_error + FLOAT32.ties * largest

    def of_integers(self, integers: Numbers) -> Numbers:
        """Return the values (1, ...) of one frame's integers."""
        return top_k(integers, self.output.k) if self.decides else self.output.values(integers, 0)

    def of_floats(self, floats: Numbers) -> Numbers:
        """Return the values (1, ...) for what the float network gives in front of its last steps."""
        found = carry_out(self.steps, floats)
        if not self.decides:
            return found
        order: Numbers = np.argsort(-found.reshape(1, -1), axis=1, kind="stable")[:, : self.output.k]
        return order

    def unequal(self, ours: Numbers, theirs: Numbers) -> Numbers:
        """Return the places, flat, at which two lists of values differ by more than float32's rounding."""
        a, b = ours.reshape(-1), theirs.reshape(-1)
        if a.size != b.size:
            return np.arange(1)
        if a.dtype.kind != "f":  # a file may leave open in which order several indices come
            return np.flatnonzero(np.sort(a) != np.sort(b) if self.decides else a != b)
        x, y = (values.astype(np.float64) for values in (a, b))
        allowed = self._gain() * self._noise + FLOAT32.ties * np.maximum(self._reach(), np.abs(x))
        return np.flatnonzero(~(np.abs(x - y) <= allowed))

    def _gain(self) -> float:
        """Return the most by which the host's steps make an error larger."""
        factors = {"mul": lambda v: np.abs(v).max(), "div": lambda v: 1 / np.abs(v).min()}
        factors |= {"leaky_relu": lambda v: max(1.0, abs(v[0])), "log_softmax": lambda _: 2.0}
        return prod(float(factors[kind](numbers)) for kind, numbers in self.steps if kind in factors)

    def _reach(self) -> float:
        """Return the largest number that is added on the way, or 1."""
        added = (numbers for kind, numbers in self.steps if kind in ("add", "sub"))
        return max([1.0, *(abs(number) for numbers in added for number in numbers)])


def check_original(
    path: Path,
    model: ModelWrapper,
    network: IntegerNetwork,
    golden: Golden,
    output: Output,
    frames: NDArray[np.float32],
    codes: Numbers,
) -> Original:
    """Compare what comes out for `frames` (N, ...) with codes `codes` with what the file at `path` gives.

    `model` is that file cleaned. Returns how many frames were compared and how many of them differ by
    float32's rounding alone: where a float network may decide between two codes either way, or rounds behind
    a large offset (see `compare`). Where qonnx cannot execute the file, `reason` says so, and none are.
    Raises `DifferenceError` at the first difference.
    """
    reference = FileReference(model)
    called = original_names(model)
    inside = [called.get(name, name) for name, _ in reference.quantised]
    last = called.get(model.graph.output[0].name, "")
    try:
        given = OriginalFile(path).run(frames, SECONDS, output.name, *inside, last)
        outputs = given[output.name]
    except Exception as error:  # noqa: BLE001  qonnx raises what it comes upon
        reason = (str(error).strip().splitlines() or [""])[0][:MAX_REASON] or type(error).__name__
        say(f"  not compared with the file as it came, which qonnx cannot execute: {reason}")
        return Original(frames=0, rounded=0, reason=reason)
    values, rounded = _Values(network, output), 0
    for index, theirs in enumerate(outputs):
        one = slice(index, index + 1)
        ours = values.of_integers(golden.run(codes[one])[0])
        places = values.unequal(ours, theirs)
        if len(places):
            seen = reference.run(frames[one])
            if all(name in given for name in (*inside, last)):
                scales = (scale for _, scale in reference.quantised)
                levels = (given[name][one] / scale for name, scale in zip(inside, scales, strict=True))
                steps = [np.rint(level.astype(np.float64)).astype(np.int64) for level in levels]
                seen = Observation(steps, given[last][one].astype(np.float64))
            fits = not len(values.unequal(values.of_floats(seen.logits.astype(np.float32)), theirs))
            if not (fits and _rounds(network, golden, reference, seen, frames[one], codes[one])):
                raise DifferenceError(_difference(path, index, int(places[0]), ours, theirs))
            rounded += 1
    told = f"; {rounded} differ by float32's rounding" if rounded else ""
    say(f"  {len(outputs)} frames: what comes out is what qonnx gives for the file as it came{told}")
    return Original(frames=len(outputs), rounded=rounded, reason=None)


def _rounds(
    network: IntegerNetwork,
    golden: Golden,
    reference: FileReference,
    seen: Observation,
    frame: NDArray[np.float32],
    codes: Numbers,
) -> bool:
    """Whether float32's rounding alone explains what was `seen` of the float network for one frame."""
    layers, ties = golden.layers(codes), host.at_ties(frame, network.host)
    if not witness(network, layers, seen, ties, FLOAT32).doubts.any():
        return True
    exact = witness(network, layers, reference.double.run(frame), ties, FLOAT64)
    return not exact.doubts.any()


def _difference(path: Path, index: int, place: int, ours: Numbers, theirs: Numbers) -> str:
    where = f"frame {index}, value {place}"
    if ours.size != theirs.size:
        return (
            f"export: {path.name} gives {theirs.size} values a frame in qonnx' execution, "
            f"what comes out is {ours.size}"
        )
    expected, found = theirs.reshape(-1)[place], ours.reshape(-1)[place]
    return (
        f"export: what comes out differs from {path.name} as it came, executed by qonnx, for another reason "
        f"than float32's rounding; first: {where}: expected {expected:.6g}, found {found:.6g}"
    )
