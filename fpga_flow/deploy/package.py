"""The package for the board: bitstream, driver, test frames with golden outputs, in one zip."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.bitstream.shell import TOP
from fpga_flow.core.digests import file_digest
from fpga_flow.core.recipe import ROOT
from fpga_flow.design.design import Design, Stream
from fpga_flow.sim.packing import wanted

DRIVER = Path(__file__).resolve().parent / "board" / "accelerator"
SHARED = (ROOT / "fpga_flow" / "integer" / "quantise.py",)
"""Modules of the flow that the driver uses too."""
NAME = "accelerator"
"""Of the Python package in the zip."""
DATE = (2020, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that equal contents are an equal zip."""


def describe(
    design: Design, digest: str, latency_cycles: int, spec: Mapping[str, Any], numbers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the driver has to know.

    `spec` is how the host quantises a frame, `numbers` how it makes the network's own values of what comes
    out (`Output.description`).
    """

    def port(stream: Stream) -> dict[str, Any]:
        kind = DataType[stream.datatype]
        return {
            "values": stream.words * stream.lanes,
            "bits": int(kind.bitwidth()),
            "signed": bool(kind.signed()),
            "bipolar": kind.name == "BIPOLAR",
        }

    return {
        "digest": digest,
        "ip": f"{TOP}_0",
        "part": design.part,
        "clock_mhz": design.clock_mhz,
        "cycles_per_frame": design.cycles_per_frame,
        "latency_cycles": latency_cycles,
        "top_k": design.top_k,
        "input": port(design.input),
        "output": port(design.output),
        "host": dict(spec),
        "numbers": dict(numbers),
    }


def vectors(path: Path, k: int, frames: int) -> dict[str, Any]:
    """Return codes (frames, values), outputs (frames, values) and labels of the golden vectors in `path`."""
    stored = np.load(path)
    x = np.moveaxis(stored["x"][:frames], 1, -1)
    logits = stored["logits"][:frames]
    y = wanted(logits, k)
    return {"x": x.reshape(len(x), -1), "y": y, "label": stored["label"][:frames]}


def write_package(
    path: Path, description: Mapping[str, Any], frames: Mapping[str, Any], hardware: Mapping[str, bytes]
) -> str:
    """Write the zip and return its SHA-256; `hardware` are the bitstream's files by name, in the package."""
    scratch = path.with_suffix(".part")
    arrays = path.with_suffix(".npz")
    np.savez_compressed(arrays, **frames)
    files = {f"{NAME}/{file.name}": file.read_bytes() for file in (*sorted(DRIVER.glob("*.py")), *SHARED)}
    files[f"{NAME}/{NAME}.json"] = (json.dumps(description, indent=2) + "\n").encode()
    files[f"{NAME}/vectors.npz"] = arrays.read_bytes()
    arrays.unlink()
    files |= {f"{NAME}/{name}": content for name, content in hardware.items()}
    with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)
    scratch.replace(path)
    return file_digest(path)
