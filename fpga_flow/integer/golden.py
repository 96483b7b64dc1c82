"""The golden model in onnxruntime: integers in, integers out. RTL, virtual board and board must equal it.

`export` writes the files (`golden.onnx`, and `golden_layers.onnx` with every tensor as an output).
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.core.toolchain import CPU_COUNT

INPUT, LOGITS, CLASS = "input", "logits", "class"
"""Names in the files; every other output of `golden_layers.onnx` is a tensor of `network.onnx`."""

Integers = NDArray[np.int64]


def session(model: onnx.ModelProto | Path, quiet: bool = False) -> onnxruntime.InferenceSession:
    """Open `model` in onnxruntime on the CPU; raises `InputError` naming a file that is none.

    `quiet`: its errors are raised, and not printed too.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = CPU_COUNT
    options.log_severity_level = 4 if quiet else 3
    source: Any = str(model) if isinstance(model, Path) else model.SerializeToString()
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common base
        if not isinstance(model, Path):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{model}: onnxruntime cannot read it: {reason}") from error


class Golden:
    """`run(x) -> logits, class` and `layers(x) -> every tensor`, x being integer codes (N, ...)."""

    def __init__(self, path: Path, layers_path: Path | None = None) -> None:
        """Open `golden.onnx`, and `golden_layers.onnx` where `layers` is wanted."""
        self._session = session(path)
        self._layers = session(layers_path) if layers_path else None
        names = [output.name for output in self._session.get_outputs()]
        self._results = [name for name in (LOGITS, CLASS) if name in names]
        source = self._session.get_inputs()[0]
        self.input_shape: tuple[int, ...] = tuple(source.shape[1:])
        self.input_dtype = np.dtype(source.type.removeprefix("tensor(").removesuffix(")"))

    def run(self, x: NDArray[Any]) -> tuple[Integers, Integers | None]:
        """Return logits, batch first, and class (N,), the lowest index of the largest logit.

        The class is None where the network decides none.
        """
        found = self._session.run(self._results, {INPUT: self._checked(x)})
        return found[0], found[1] if len(found) > 1 else None

    def layers(self, x: NDArray[Any]) -> dict[str, Integers]:
        """Return every tensor of the network for `x`, batch first, by its name in `network.onnx`."""
        if self._layers is None:
            raise ValueError("this Golden was opened without layers_path")
        names = [output.name for output in self._layers.get_outputs() if output.name not in (LOGITS, CLASS)]
        values = self._layers.run(names, {INPUT: self._checked(x)})
        return {name: value.astype(np.int64) for name, value in zip(names, values, strict=True)}

    def _checked(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.shape[1:] != self.input_shape:
            raise InputError(
                f"golden model: frames must have the shape {self.input_shape}, not {x.shape[1:]}"
            )
        codes = np.ascontiguousarray(x, dtype=self.input_dtype)
        if not np.array_equal(x, codes):
            raise InputError(f"golden model: frames must hold integers that fit {self.input_dtype}")
        return codes


def top_k(logits: NDArray[Any], k: int) -> Integers:
    """Return the indices (N, k) of the `k` largest of `logits` (N, classes), lowest index first on ties.

    Each of `logits` may have axes of length 1 behind the classes.
    """
    flat = logits.reshape(len(logits), -1)
    order: Integers = np.argsort(-flat.astype(np.int64), axis=1, kind="stable")[:, :k]
    return order
