"""The jet tagger as adders, all of it in parallel: ours beside alkaid's own Verilog, by Yosys.

    python -m tests.bench.bench_jets                     # docs/jets.csv; hours, and some minutes of training
    python -m tests.bench.bench_jets --only 4 --keep     # those of 4 bits that the table has not

The networks are those of `jets/fixed_point.toml`: 6 and 4 bits, unpruned and pruned by FMP. Both cores take a
jet and give five logits each cycle, have registers on both sides and no FIFO, and both are compared with the
golden logits of 1,024 jets: ours as RTL in Verilator, with stalls too, and alkaid's logic in its own
interpreter. Ours is one matrix unit and one activation after the other, with the streams' handshake, which
alkaid's has not. How deep they are pipelined: ours by levels of logic between registers, alkaid's by a cutoff
of its own. Whether a row of ours is better is told by its ratios to the row of alkaid's above it.
"""

import argparse
import tempfile
from collections.abc import Iterator, Set
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from fpga_flow.cli.main import main as flow
from fpga_flow.core.recipe import ROOT
from fpga_flow.layers.constant.adders import Integers
from fpga_flow.sim.simulator import Port, Simulator
from fpga_flow.target.families import family_named
from tests.bench.jets.core import INPUT, SOURCES, Core, Network, core_of
from tests.bench.netlist import Figures, for_adders, synthesised
from tests.bench.tables import read_rows, write_rows
from tests.words import pack_words, unpack_words

MAPPED = for_adders(family_named("xc7"))
HDL = ROOT / "fpga_flow" / "layers" / "hdl"
RECIPE = Path(__file__).parent / "jets" / "fixed_point.toml"
FILE = ROOT / "docs" / "jets.csv"
NETWORKS = [(bits, pruning) for bits in (4, 6) for pruning in ("fmp", "none")]
DEPTHS = ((2, 6), (4, 12))
"""Cutoffs of alkaid's, and levels of ours: two adders and four between two registers."""


@dataclass(frozen=True)
class Row:
    """A core of a network."""

    bits: int
    pruning: str
    nonzero: int
    core: str
    adders: int
    latency: int
    """Cycles from a jet in to its logits out."""
    lut: int
    srl: int
    ff: int
    carry4: int
    levels: int
    """Of logic between two registers at most, LUTs and carry chains."""
    lut_ratio: float | str
    """To the row before it."""
    ff_ratio: float | str
    latency_ratio: float | str


def exported(bits: int, pruning: str, runs: Path) -> tuple[Network, Integers, Integers]:
    """Return a trained network, its golden frames and logits; the run is kept in `runs`."""
    run = runs / f"jets-{bits}-{pruning}"
    settings = [
        "--bits",
        str(bits),
        "--set",
        f"prune.method={pruning}",
        "--again",
        "--until",
        "export",
        "--out",
        str(run),
    ]
    if flow(["build", str(RECIPE), *settings]) != 0:
        raise RuntimeError(f"{run} was not built")
    vectors = np.load(run / "export" / "vectors.npz")
    network = Network.read(run / "export" / "network.onnx")
    return network, vectors["x"].astype(np.int64), vectors["logits"]


def simulated(core: Core, network: Network, frames: Integers, folder: Path) -> Integers:
    """Return the logits of `frames` by the RTL; raises `RuntimeError` for a cycle more than `core` says."""
    source = folder / "core.sv"
    source.write_text(core.text, encoding="utf-8")
    simulator = Simulator.build(
        "core",
        [*(HDL / name for name in SOURCES), source],
        inputs=[Port("in", network.inputs * INPUT.bits, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", network.outputs * core.out_bits, ("data_o", "valid_o", "ready_i"))],
        clock="clk_i",
        reset="rst_ni",
        cache=folder / "simulators",
    )
    words = {"in": pack_words(frames, INPUT.bits)}
    plain, stalled = (
        simulator.run(words, {"out": len(frames)}, stall_in=rate, stall_out=rate, strict=True)
        for rate in (0.0, 0.3)
    )
    if not np.array_equal(plain.outputs["out"], stalled.outputs["out"]):
        raise RuntimeError("the core must give the same logits under stalls")
    taken, given = (
        np.asarray(cycles, np.int64) for cycles in (plain.input_cycles["in"], plain.output_cycles["out"])
    )
    if np.any(given - taken != core.latency) or np.any(np.diff(given) != 1):
        raise RuntimeError(f"the core must give logits in every cycle, {core.latency} cycles later")
    return unpack_words(plain.outputs["out"], core.out_bits, network.outputs, signed=True)


def traced(network: Network) -> Any:
    """Return alkaid's logic of `network`: its products, biases, and activations that saturate."""
    trace = import_module("alkaid.trace")
    x = trace.FVArrayInput((network.inputs,))
    values = x.quantize(*(np.full(network.inputs, bits) for bits in (1, INPUT.bits - 1, 0)))
    for matrix, clip in network.layers:
        values = values @ matrix.T.astype(np.float32)
        if clip is not None:
            values = values - clip.offsets.astype(np.float64)
            sizes = 0, clip.bits + clip.shift, -clip.shift
            values = values.quantize(*sizes, overflow_mode="SAT", round_mode="TRN") * 2.0**-clip.shift
    return trace.trace(x, values)


def theirs(logic: Any, cutoff: int, folder: Path) -> tuple[Figures, int, int]:
    """Return what alkaid's Verilog takes, its adders, and its latency."""
    rtl = import_module("alkaid.codegen.rtl")
    made = rtl.RTLModel(logic, str(folder / "made"), prj_name="top", latency_cutoff=cutoff)
    made.write()
    sources = [path for path in sorted((folder / "made" / "src").rglob("*.v")) if "wrapper" not in path.name]
    adders = sum(op.opcode in (0, 1) for op in logic.ops)
    # It counts from the register on its input.
    return synthesised("top", sources, folder, MAPPED), adders, int(made.latency) + 1


def rows_of(bits: int, pruning: str, runs: Path, known: Set[str]) -> Iterator[Row]:
    """Return the rows of a network, less those of pairs of cores that are `known`.

    Raises `RuntimeError` where a core gives other logits than the golden ones.
    """
    network, frames, logits = exported(bits, pruning, runs)
    logic = traced(network)
    if not np.array_equal(np.asarray(logic.predict(frames.astype(np.float64))), logits):
        raise RuntimeError("alkaid's logic gives other logits")
    for cutoff, levels in DEPTHS:
        if f"ours, {levels} levels" in known:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            core = core_of(network, levels)
            if not np.array_equal(simulated(core, network, frames, folder), logits):
                raise RuntimeError(f"our core of {levels} levels gives other logits")
            their, adders, latency = theirs(logic, cutoff, folder)
            head = bits, pruning, network.nonzero
            sources = [*(HDL / source for source in SOURCES), folder / "core.sv"]
            our = synthesised("core", sources, folder, MAPPED)
            yield Row(*head, f"alkaid, cutoff {cutoff}", adders, latency, *_counts(their), "", "", "")
            ratios = our.lut / their.lut, our.ff / their.ff, core.latency / latency
            yield Row(
                *head,
                f"ours, {levels} levels",
                core.adders,
                core.latency,
                *_counts(our),
                *(round(ratio, 3) for ratio in ratios),
            )


def _counts(found: Figures) -> tuple[int, int, int, int, int]:
    return found.lut, found.srl, found.ff, found.carry4, found.levels


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", type=int, help="networks of so many bits")
    parser.add_argument("--keep", action="store_true", help="keep the rows that the table has")
    parser.add_argument("--runs", type=Path, default=ROOT / "build" / "out")
    arguments = parser.parse_args()
    rows = read_rows(FILE, Row) if arguments.keep else []
    for bits, pruning in NETWORKS:
        if arguments.only in (None, bits):
            known = {row.core for row in rows if (int(row.bits), row.pruning) == (bits, pruning)}
            for row in rows_of(bits, pruning, arguments.runs, known):
                print(*asdict(row).values(), sep="; ", flush=True)
                rows.append(row)
                with FILE.open("w", encoding="utf-8", newline="") as file:
                    write_rows(file, rows)


if __name__ == "__main__":
    main()
