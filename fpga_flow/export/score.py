"""Golden vectors and the golden model's accuracy on test frames."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar
from fpga_flow.data.frames import UNKNOWN, Frames
from fpga_flow.export import host
from fpga_flow.export.golden import batches
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.integer.golden import Golden

READ_FRAMES = 2048
READ_VALUES = 2**24
"""Of the frames that are read at a time, at most so many."""
VECTOR_BYTES = 2**30
"""What the golden vectors may take."""
VECTORS = "vectors.npz"


def write_vectors(
    path: Path, golden: Golden, source: Frames, indices: NDArray[np.int64], spec: dict[str, Any],
    labelled: bool, batch: int,
) -> NDArray[Any]:  # fmt: skip
    """Write codes and golden outputs of these frames; return the codes (N, ...).

    Arrays: x the codes (N, *input shape), of 8 or 16 bits, logits int64 (N, *output shape), y int64 (N,) the
    class (only where the network decides one), label int64 (N,) with -1 where unknown, snr float32 (N,) in
    dB with nan where there is none, index int64 (N,) in the test split.
    """
    parts = batches(len(indices), _read_at_once(spec))
    codes = np.concatenate([host.quantise(source.read(indices[part]), spec) for part in parts])
    runs = [golden.run(codes[part]) for part in batches(len(codes), batch)]
    labels = source.labels[indices] if labelled else np.full(len(codes), UNKNOWN)
    classes = [found for _, found in runs if found is not None]
    arrays = {
        "x": codes,
        "logits": np.concatenate([logits for logits, _ in runs]),
        **({"y": np.concatenate(classes)} if classes else {}),
        "label": labels.astype(np.int64),
        "snr": _snr(source)[indices],
        "index": indices,
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # its stubs take the names for options
    return codes


def accuracy(
    golden: Golden, source: Frames, indices: NDArray[np.int64], spec: dict[str, Any], batch: int
) -> tuple[float, dict[str, float]]:
    """Return accuracy (0..1) of the golden model over these frames, and by SNR in dB."""
    found = np.empty(len(indices), dtype=np.int64)
    with bar("running the golden model on test frames", len(indices), "frames") as advance:
        for outer in batches(len(indices), _read_at_once(spec)):
            codes = host.quantise(source.read(indices[outer]), spec)
            for inner in batches(len(codes), batch):
                logits, classes = golden.run(codes[inner])
                if classes is None:
                    raise ValueError(f"a network that gives {logits.shape[1:]} for a frame decides no class")
                found[outer.start + inner.start : outer.start + inner.stop] = classes
            advance(len(codes))
    right = found == source.labels[indices]
    snr = _snr(source)[indices]
    levels = np.unique(snr[~np.isnan(snr)])
    return float(right.mean()), {f"{level:g}": float(right[snr == level].mean()) for level in levels}


def check_vectors(count: int, network: IntegerNetwork) -> None:
    """Raise `InputError` where golden vectors of `count` frames take too much memory."""
    each = prod(network.input.shape) + 8 * prod(network.output.shape)
    if count * each > VECTOR_BYTES:
        raise InputError(
            f"export.vectors: must be at most {VECTOR_BYTES // each:,} for frames of {each:,} bytes, "
            f"outputs included, not {count:,}"
        )


def _read_at_once(spec: dict[str, Any]) -> int:
    values: int = prod(spec["frame_shape"])
    return max(1, min(READ_FRAMES, READ_VALUES // values))


def _snr(source: Frames) -> NDArray[np.float32]:
    """Return dB for each frame, nan where the data has none."""
    if source.snr_db is None:
        return np.full(len(source), np.nan, dtype=np.float32)
    return source.snr_db.astype(np.float32)
