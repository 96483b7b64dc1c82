"""How the flow takes networks that people build, from QONNX to verified RTL.

    python -m tests.bench.bench_scale          # writes docs/scale.csv, prints a table in Markdown
    python -m tests.bench.bench_scale --only cnv --keep build/out/scale

Each network goes through a flow of its own, with nothing cached from before: its seconds are those of the
stages' manifests, and of the simulator's own record. All but the A(MC) network have random weights,
calibrated on real frames (`fpga_flow.untrained`); what hardware takes does not depend on it. Export compares
and scores no more frames than are simulated. The A(MC) network is looked for in the folder FPGA_FLOW_ZOO, or
in ../shared/data; without it the others are measured.
"""

import argparse
import csv
import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fpga_flow import results, untrained
from fpga_flow.core import artifact, places, toolchain
from fpga_flow.core.progress import say
from fpga_flow.core.recipe import ROOT, find_recipe, load_recipe, make_recipe
from fpga_flow.pipeline import flow
from fpga_flow.results.export import ExportResult
from fpga_flow.results.hardware import HardwareResult
from fpga_flow.results.verify import VerifyEffort, VerifyResult
from fpga_flow.sim.compiled import INFO
from tests.bench.tables import processor

AMC = "amc_vgg10_w4a4_pruned.onnx"
BUILT = ("export", "hardware", "rtl")
"""The stages from QONNX to RTL."""


@dataclass(frozen=True)
class Network:
    """A network and the hardware it is built as."""

    name: str
    source: str
    """A recipe in build/, or the name of an ONNX file."""
    board: str
    fps: float
    """The target; where there is a folding it is what the folding is for."""
    frames: int
    """Verified with and without stalls, so chosen that a simulation takes minutes at most."""
    folding: str | None = None
    """A folding file below models/, taken instead of the target."""


NETWORKS = (
    Network("A(MC) VGG10, 64 filters, 4 bits, pruned", AMC, "pynq-z1", 5_000, 32),
    Network(
        "VGG10, 32 filters, 4 bits, finn-examples' folding",
        "vgg10-32-w4",
        "zcu104",
        5_000,
        16,
        "vgg10/vgg10-32-finn-examples.json",
    ),
    Network("BacalhauNet, 6 bits", "bacalhaunet-w6", "pynq-z1", 5_000, 32),
    Network("TFC, 1 bit", "tfc-w1", "pynq-z1", 20_000, 64),
    Network("CNV, 2 bits", "cnv-w2", "zcu104", 500, 8),
    Network("DenseNet-B, 4 bits", "densenet-b-w4", "zcu104", 500, 4),
)


@dataclass(frozen=True)
class Row:
    """What one network took."""

    network: str
    board: str
    target_fps: float
    macs: int
    layers: int
    """Of the hardware, FIFOs and width converters included."""
    to_rtl_seconds: float
    """From QONNX to RTL: stages export, hardware and rtl."""
    simulator_seconds: float
    """To a compiled simulator, from Verilog."""
    simulated_cycles_per_second: int
    frames: int
    differences: int
    predicted_cycles: int
    """Per frame."""
    measured_cycles: int
    verify_seconds: float
    """Stage verify: the simulator, full speed, stalls, all layers' streams."""
    machine: str
    command: str

    @property
    def ratio(self) -> float:
        """Measured over predicted cycles per frame."""
        return self.measured_cycles / self.predicted_cycles


def onnx_of(network: Network, folder: Path) -> Path | None:
    """Return the network's QONNX, made in `folder` where it is a recipe; None where it is not here."""
    if network.source.endswith(".onnx"):
        zoo = Path(os.environ.get("FPGA_FLOW_ZOO", ROOT.parent / "shared" / "data"))
        return zoo / network.source if (zoo / network.source).is_file() else None
    path = folder / f"{network.source}.onnx"
    untrained.export(load_recipe(find_recipe(network.source)), path, places.cache() / "data")
    return path


def measure(network: Network, folder: Path) -> Row | None:
    """Take `network` through a flow in `folder`, whose cache is its own; None where its file is not here."""
    places.RUNS = folder
    file = onnx_of(network, folder)
    if file is None:
        return None
    settings = {
        "board": network.board,
        "hardware.fps": network.fps,
        "verify.frames": network.frames,
        "export.vectors": network.frames,
        "export.compared": network.frames,
        "export.scored": network.frames,
    }
    if network.folding:
        settings["hardware.folding"] = str(ROOT / "models" / network.folding)
    recipe = make_recipe({"name": file.stem}, settings.items())
    run = flow.new_run(folder / "run", recipe, file)
    flow.execute(run, until="verify")
    return row_of(network, run.folder, folder / ".cache" / "verilator")


def row_of(network: Network, run: Path, cache: Path) -> Row:
    """Return what the finished run in the folder `run` says; `cache` is that of its simulators."""
    export = results.read(ExportResult, run / "export")
    hardware = results.read(HardwareResult, run / "hardware")
    verify = results.read(VerifyResult, run / "verify")
    effort = results.read_effort(VerifyEffort, run / "verify")
    return Row(
        network=network.name,
        board=network.board,
        target_fps=network.fps,
        macs=export.cost.macs,
        layers=len(hardware.layers),
        to_rtl_seconds=round(sum(_seconds(run / stage) for stage in BUILT), 1),
        simulator_seconds=round(_simulator(run / "rtl", cache)["seconds"], 1),
        simulated_cycles_per_second=round(effort.cycles_per_second),
        frames=verify.samples,
        differences=verify.mismatches,
        predicted_cycles=hardware.cycles_per_frame,
        measured_cycles=verify.measured_cycles_per_frame,
        verify_seconds=round(_seconds(run / "verify"), 1),
        machine=machine(),
        command=shlex.join(["python", "-m", "tests.bench.bench_scale", *sys.argv[1:]]),
    )


def _seconds(stage: Path) -> float:
    manifest = artifact.read_manifest(stage)
    if manifest is None:
        raise FileNotFoundError(f"{stage}: no manifest")
    return manifest.seconds


def _simulator(rtl: Path, cache: Path) -> dict[str, Any]:
    """Return the record of the only simulator that was compiled for the accelerator in `rtl`."""
    from fpga_flow.design.design import load_design

    top = load_design(rtl).top
    records: list[dict[str, Any]] = [artifact.read_json(path) for path in cache.glob(f"*/{INFO}")]
    (record,) = [record for record in records if record["top"] == top]
    return record


def machine() -> str:
    """Return processor, cores and memory of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {toolchain.CPU_COUNT} cores, {memory:.0f} GiB"


def markdown(rows: Iterable[Row]) -> str:
    """Return the README's table."""
    heads = (
        "network", "layers", "QONNX to RTL", "simulator", "cycles/s", "frames", "differences",
        "cycles per frame: predicted", "measured", "ratio",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        cells = (
            row.network, f"{row.layers:,}", f"{row.to_rtl_seconds:.0f} s", f"{row.simulator_seconds:.0f} s",
            f"{row.simulated_cycles_per_second:,}", f"{row.frames}", f"{row.differences}",
            f"{row.predicted_cycles:,}", f"{row.measured_cycles:,}", f"{row.ratio:.4f}",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(rows: Sequence[Row], path: Path) -> None:
    """Write `rows` to the CSV file `path`; networks that were not measured now keep the lines they have."""
    names = [field.name for field in fields(Row)]
    kept: dict[str, dict[str, Any]] = {}
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            kept = {line["network"]: line for line in csv.DictReader(file)}
    kept |= {row.network: asdict(row) for row in rows}
    order = [network.name for network in NETWORKS if network.name in kept]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept[name] for name in order)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="networks whose name holds this (any case)")
    parser.add_argument("--csv", type=Path, default=ROOT / "docs" / "scale.csv")
    parser.add_argument("--keep", type=Path, help="a new folder for the runs, which is kept")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="fpga_flow_scale_") as scratch:
        for number, network in enumerate(NETWORKS):
            if arguments.only.lower() not in network.name.lower():
                continue
            say(network.name)
            row = measure(network, (arguments.keep or Path(scratch)).resolve() / str(number))
            if row is None:
                say(f"  {network.source} is not here: left out")
                continue
            rows.append(row)
            write(rows, arguments.csv)
    print(markdown(rows))


if __name__ == "__main__":
    main()
