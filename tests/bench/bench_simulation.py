"""How fast a whole accelerator simulates, and compiles, with one choice changed at a time.

    python -m tests.bench.bench_simulation          # writes docs/simulation.csv, prints a table in Markdown
    python -m tests.bench.bench_simulation --only default,finn-mvu --rounds 9

The accelerator is the A(MC) team's VGG10 with 64 filters (looked for in the folder FPGA_FLOW_ZOO, or in
../shared/data); without it, a VGG10 with 32 filters and random weights; with `--run`, that of any run. Every
variant is compiled anew, then all simulate the same frames in turn, `--rounds` times; medians count.
Processor time is that of the simulation's own process, so that other jobs on the machine disturb little;
wall time shows what threads gain. All variants must give the same words.
"""

import argparse
import json
import os
import resource
import shlex
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fpga_flow import untrained
from fpga_flow.core import places, toolchain
from fpga_flow.core.progress import bar, say
from fpga_flow.core.recipe import ROOT, find_recipe, load_recipe, make_recipe
from fpga_flow.design.design import INPUT, OUTPUT, Design, load_design
from fpga_flow.pipeline import flow
from fpga_flow.sim.compiled import INFO, PROGRAM
from fpga_flow.sim.packing import channels_last, pack
from fpga_flow.sim.simulator import Port, Simulator
from fpga_flow.sim.tuning import TUNING, Tuning
from fpga_flow.sim.verilate import Plan, compile_plan
from tests.bench.tables import processor, write_rows
from tests.rtl.modules import finn

AMC = "amc_vgg10_w4a4_pruned.onnx"
FALLBACK = find_recipe("vgg10-32-w4")
FAST = TUNING["fast"]
FINN = {"mvu.sv": finn("mvu/mvu.sv")[0], "memstream.sv": finn("memstream/hdl/memstream.sv")[0]}


@dataclass(frozen=True)
class Variant:
    """What differs from the default."""

    name: str
    what: str
    tuning: Tuning = FAST
    sources: Mapping[str, Path] = field(default_factory=dict)
    """Taken in place of the design's files of these names."""
    asserts: bool = True
    trained: bool = False
    """Compiled twice, the second time with the profile of a simulation."""


PROFILE = ("-fprofile-generate", "-fprofile-update=single")
VARIANTS = (
    Variant("default", "as the flow compiles it"),
    Variant("finn-mvu", "FINN's mvu.sv in place of ours", sources={"mvu.sv": FINN["mvu.sv"]}),
    Variant("finn-memstream", "FINN's memstream.sv", sources={"memstream.sv": FINN["memstream.sv"]}),
    Variant("finn-both", "FINN's mvu.sv and memstream.sv", sources=FINN),
    Variant("O1", "g++ -O1", replace(FAST, hot=("-O1",))),
    Variant("O2", "g++ -O2", replace(FAST, hot=("-O2",))),
    Variant("Os", "g++ -Os", replace(FAST, hot=("-Os",))),
    Variant("native", "g++ -march=native", replace(FAST, hot=(*FAST.hot, "-march=native"))),
    Variant("lto", "link-time optimisation", replace(FAST, hot=(*FAST.hot, "-flto"), link=("-flto=auto",))),
    Variant("profile", "profile-guided optimisation", trained=True),
    Variant("threads", "Verilator --threads 2", replace(FAST, verilator=("--threads", "2"))),
    Variant("no-asserts", "the RTL's assertions left out", asserts=False),
    Variant("x-unique", "--x-assign unique", replace(FAST, verilator=("--x-assign", "unique"))),
    Variant("functions-300", "--output-split-cfuncs 300", replace(FAST, split_functions=300)),
    Variant("functions-5000", "--output-split-cfuncs 5000", replace(FAST, split_functions=5_000)),
)


@dataclass(frozen=True)
class Row:
    """What a variant took."""

    variant: str
    what: str
    compile_cpu_seconds: float
    """Verilator, g++ and linker, all processors together."""
    hot_cpp_mb: float
    program_mb: float
    kcycles_per_cpu_second: float
    """Median of the rounds."""
    kcycles_per_second: float
    network: str
    cycles: int
    rounds: int
    machine: str
    command: str


class Bench:
    """The variants of one design, compiled in `folder`."""

    def __init__(self, run: Path, folder: Path, frames: int) -> None:
        """`run` has the stages export and rtl."""
        self.rtl, self.folder = run / "rtl", folder
        self.design: Design = load_design(self.rtl)
        self.inputs = [Port(INPUT, self.design.input.width)]
        self.outputs = [Port(OUTPUT, self.design.output.width)]
        with np.load(run / "export" / "vectors.npz") as vectors:
            self.words = pack(channels_last(vectors["x"][:frames]), self.design.input)
        self.expect = frames * self.design.output.words
        self.reference: bytes | None = None

    def compile(self, variant: Variant) -> tuple[float, float, float]:
        """Compile `variant`; returns its processor seconds, the hot C++ and the program, in MB."""
        start = _children()
        work = self.folder / variant.name / "work"
        work.mkdir(parents=True)
        passes = [variant.tuning]
        if variant.trained:
            first = replace(variant.tuning, hot=(*variant.tuning.hot, *PROFILE), link=PROFILE[:1])
            use = ("-fprofile-use", "-fprofile-correction", "-Wno-missing-profile")
            passes = [first, replace(variant.tuning, hot=(*variant.tuning.hot, *use))]
        for number, tuning in enumerate(passes):
            if number:
                self.simulate(variant)
            program, _ = compile_plan(
                self._plan(variant, tuning),
                work,
                work.parent / f"cache-{number}",
                self.folder / "log",
                _ignore,
            )
            shutil.copyfile(program, work.parent / PROGRAM)
            (work.parent / PROGRAM).chmod(0o755)
            (work.parent / INFO).write_text(json.dumps({}), encoding="utf-8")
        hot = sum(path.stat().st_size for path in work.glob("compile_unit_hot_*.cpp"))
        size = (work.parent / PROGRAM).stat().st_size
        return _children() - start, hot / 1e6, size / 1e6

    def _plan(self, variant: Variant, tuning: Tuning) -> Plan:
        files = [self.rtl / source for source in self.design.sources]
        return Plan(
            top=self.design.top,
            sources=tuple(variant.sources.get(path.name, path) for path in files),
            inputs=tuple(port.names() for port in self.inputs),
            outputs=tuple(port.names() for port in self.outputs),
            asserts=variant.asserts,
            tuning=tuning,
        )

    def simulate(self, variant: Variant) -> tuple[float, float, int]:
        """Simulate the frames; returns seconds of the process, wall seconds of its cycles, and the cycles.

        Raises `ValueError` where the words are not those of the first simulation.
        """
        start = _children()
        simulator = Simulator(self.folder / variant.name, self.inputs, self.outputs)
        result = simulator.run({INPUT: self.words}, {OUTPUT: self.expect}, folder=self.rtl)
        seconds = _children() - start
        words = result.outputs[OUTPUT].tobytes()
        self.reference = self.reference or words
        if words != self.reference:
            raise ValueError(f"{variant.name}: gives other words than the variants before")
        return seconds, result.seconds, result.cycles


def _children() -> float:
    """Return the processor seconds of all processes that this one started and that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _ignore(share: float) -> None:
    """Show no progress of a single compilation."""


def built(folder: Path, frames: int) -> tuple[str, Path]:
    """Build the network's RTL in `folder`; returns its name and its run."""
    zoo = Path(os.environ.get("FPGA_FLOW_ZOO", ROOT.parent / "shared" / "data"))
    model = zoo / AMC
    places.RUNS = folder
    if not model.is_file():
        model = folder / f"{FALLBACK.stem}.onnx"
        untrained.export(load_recipe(FALLBACK), model, folder / ".cache" / "data")
    settings = {"hardware.fps": 5_000, "export.vectors": frames}
    run = flow.new_run(folder / "run", make_recipe({"name": model.stem}, settings.items()), model)
    flow.execute(run, until="rtl")
    return model.stem, run.folder


def measure(
    name: str, run: Path, folder: Path, variants: Sequence[Variant], frames: int, rounds: int
) -> list[Row]:
    """Compile all `variants`, then simulate them in turn."""
    bench = Bench(run, folder, frames)
    compiled = {}
    with bar("variants compiled", len(variants)) as advance:
        for variant in variants:
            compiled[variant.name] = bench.compile(variant)
            advance(1)
    times: dict[str, list[tuple[float, float, int]]] = {variant.name: [] for variant in variants}
    with bar("simulations", rounds * len(variants)) as advance:
        for _ in range(rounds):
            for variant in variants:
                times[variant.name].append(bench.simulate(variant))
                advance(1)
    machine = f"{toolchain.CPU_COUNT} x {processor()}"
    rows = []
    for variant in variants:
        cpu, wall = (statistics.median(each[i] for each in times[variant.name]) for i in (0, 1))
        cycles = times[variant.name][0][2]
        seconds, hot, size = compiled[variant.name]
        rows.append(
            Row(
                variant=variant.name,
                what=variant.what,
                compile_cpu_seconds=round(seconds, 1),
                hot_cpp_mb=round(hot, 2),
                program_mb=round(size, 2),
                kcycles_per_cpu_second=round(cycles / cpu / 1e3, 1),
                kcycles_per_second=round(cycles / wall / 1e3, 1),
                network=name,
                cycles=cycles,
                rounds=rounds,
                machine=machine,
                command=shlex.join(["python", "-m", "tests.bench.bench_simulation", *sys.argv[1:]]),
            )
        )
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, the first row's speed being 1."""
    lines = [
        "| variant | compile, CPU s | hot C++, MB | 1,000 cycles a CPU s | speed |",
        "|---|---|---|---|---|",
    ]
    first = rows[0].kcycles_per_cpu_second
    lines += [
        f"| {row.what} | {row.compile_cpu_seconds:.0f} | {row.hot_cpp_mb:.1f} "
        f"| {row.kcycles_per_cpu_second:.0f} | {row.kcycles_per_cpu_second / first:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write the CSV, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run that has export and rtl")
    parser.add_argument("--only", help="names of variants, with commas between; the first one counts as 1")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--csv", type=Path, default=ROOT / "docs" / "simulation.csv")
    options = parser.parse_args(arguments)
    known = {variant.name: variant for variant in VARIANTS}
    names = options.only.split(",") if options.only else list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"--only: {', '.join(unknown)} unknown; there are {', '.join(known)}")
    with tempfile.TemporaryDirectory(prefix="bench-simulation-") as scratch:
        folder = Path(scratch)
        name, run = (
            (options.run.name, options.run.resolve()) if options.run else built(folder, options.frames)
        )
        chosen = [known[each] for each in names]
        rows = measure(name, run, folder / "variants", chosen, options.frames, options.rounds)
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        write_rows(file, rows)
    say(f"{options.csv}")
    print(table(rows))


if __name__ == "__main__":
    main()
