"""From SystemVerilog to a compiled simulator: Verilator, then g++ on grouped sources, both cached.

Verilator writes many small and some large C++ files. They are grouped into a few units of about
equal size, hot and cold code apart, because every unit pays for the same headers. Objects are
cached by the content of unit and headers, so a change that leaves the C++ as it was (other
weights, which are read at run time) compiles nothing; they are kept once the program made of them ran.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fpga_flow.core import toolchain
from fpga_flow.core.artifact import digest_files, digest_json
from fpga_flow.core.errors import ToolError
from fpga_flow.core.kept import find_file, keep_file
from fpga_flow.core.toolchain import Tool, run_tool
from fpga_flow.sim.cache import OBJECTS, touch
from fpga_flow.sim.tuning import COMMON, SMALL_BYTES, SPLIT, TUNING, UNIT_BYTES, UNITS, Effort, Tuning

HERE = Path(__file__).resolve().parent
PREFIX = "Vdut"
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
TRACE_RUNTIME = "verilated_vcd_c.cpp"
OWN_RUNTIME = "runtime.cpp"
"""Ours, in place of the runtime's way with warnings (`VL_USER_WARN`)."""
COLD = ("__Slow", "__Syms", "ConstPool")
"""Parts of the names of the files whose code runs once."""
PORTS = re.compile(r"VL_(IN|OUT)(?:8|16|64|W)?\(&(\w+),(\d+),(\d+)")
"""A port in the header that Verilator makes: direction, name, highest and lowest bit."""
CHECK, CHECK_SECONDS = "--check", 60
"""A compiled program that gets this argument builds the design and ends with 0."""
ELABORATION = ("-Werror-USERERROR", "-Werror-USERFATAL")


@dataclass(frozen=True)
class Signals:
    """Names and widths of one AXI-Stream's signals at the top module."""

    name: str
    bits: int
    data: str
    valid: str
    ready: str


@dataclass(frozen=True)
class Plan:
    """Everything a compiled simulator depends on."""

    top: str
    sources: tuple[Path, ...]
    inputs: tuple[Signals, ...]
    outputs: tuple[Signals, ...]
    include: tuple[Path, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    ties: Mapping[str, int] = field(default_factory=dict)
    clock: str = "ap_clk"
    reset: str = "ap_rst_n"
    reset_active: int = 0
    asserts: bool = True
    random: bool = False
    trace: bool = False
    effort: Effort = "quick"
    tuning: Tuning | None = None
    """In place of the effort's."""

    @property
    def how(self) -> Tuning:
        """How it is compiled."""
        return self.tuning or TUNING[self.effort]

    program: str | None = None
    """C++ of a program around the design, in place of the harness of streams."""

    def options(self) -> list[str]:
        """Return Verilator's options."""
        fill = "unique" if self.random else "fast"
        # Warnings are for `lint`; here only $error and $fatal at elaboration (illegal parameters) stop it.
        options = ["--cc", "--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", *ELABORATION]
        options += ["--prefix", PREFIX]
        options += ["--top-module", self.top, "-O3", "--x-assign", fill, "--x-initial", fill]
        # It fails with an internal error on copies of longer parts of unpacked arrays than this (256 unless
        # given), as FINN's shift register of a whole window has them.
        options += ["--fslice-element-limit", "1000000"]
        options += ["--output-split", str(SPLIT), "--output-split-cfuncs", str(self.how.split_functions)]
        options += ["--assert" if self.asserts else "--no-assert"]
        options += ["--trace-vcd"] if self.trace else []
        options += [f"-D{name}={value}" if value else f"-D{name}" for name, value in self.defines.items()]
        return options + list(self.how.verilator) + parameter_options(self.parameters)

    def digest(self) -> str:
        """Return the digest of the sources' content, the options, the harness and the tools."""
        files = [*self.sources, *(p for folder in self.include for p in sorted(folder.glob("*.*v*")))]
        return digest_json(
            {
                "options": self.options(),
                "glue": glue_text(self),
                "flags": [COMMON, asdict(self.how), UNITS, UNIT_BYTES, SMALL_BYTES],
                "sources": [[path.name, digest_files(path.parent, [path])] for path in files],
                "harness": digest_files(
                    HERE, [HERE / name for name in ("harness.cpp", "harness.h", OWN_RUNTIME)]
                ),
                "tools": toolchain.versions(["verilator", "g++"]),
            }
        )


class Sized(int):
    """A parameter's value for a vector of `bits` bits, which its leading zeros belong to."""

    bits: int

    @classmethod
    def of(cls, fields: Sequence[int], bits: int = 32) -> "Sized":
        """Return `fields` of `bits` bits each side by side, the first one lowest."""
        value = cls(sum(field << bits * i for i, field in enumerate(fields)))
        value.bits = bits * len(fields)
        return value


def parameter_options(parameters: Mapping[str, int | str]) -> list[str]:
    """Return the options that set the top module's parameters, for Verilator (and slang)."""
    return [f"-G{name}={_literal(value)}" for name, value in parameters.items()]


def _literal(value: int | str) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Sized):
        return f"{value.bits}'h{value:x}"
    # An unsized number has 32 bits.
    return str(value) if value < 1 << 31 else f"{value.bit_length()}'h{value:x}"


def glue_text(plan: Plan) -> str:
    """Return the C++ that shows the verilated design to the harness, or the program that needs none."""
    if plan.program is not None:
        return plan.program

    def stream(signals: Signals) -> str:
        places = ", ".join(f"place(dut.{name})" for name in (signals.data, signals.valid, signals.ready))
        return f'{{"{signals.name}", {signals.bits}, {places}}}'

    ties = "".join(f"\n        dut.{name} = {value};" for name, value in plan.ties.items())
    open_trace = "dut.trace(&trace, 99); trace.open(file.c_str());" if plan.trace else "(void)file;"
    dump_trace = "trace.dump(time);" if plan.trace else "(void)time;"
    finish = "dut.final();" + (" trace.close();" if plan.trace else "")
    header = '#include "verilated_vcd_c.h"\n' if plan.trace else ""
    member = "\n    VerilatedVcdC trace;" if plan.trace else ""
    return f"""#include "{PREFIX}.h"
#include "{PREFIX}___024root.h"
#include "{PREFIX}__Syms.h"
{header}#include "harness.h"

namespace {{

template <typename T> unsigned char* place(T& signal) {{ return reinterpret_cast<unsigned char*>(&signal); }}

struct Design final : Model {{
    explicit Design(VerilatedContext* context) : dut(context) {{
        inputs = {{{", ".join(stream(signals) for signals in plan.inputs)}}};
        outputs = {{{", ".join(stream(signals) for signals in plan.outputs)}}};
        clock = place(dut.{plan.clock});
        reset = place(dut.{plan.reset});
        reset_active = {plan.reset_active};{ties}
        state = place(*dut.rootp->vlSymsp);
        state_bytes = sizeof(*dut.rootp->vlSymsp);
    }}
    void eval() override {{ dut.eval(); }}
    void finish() override {{ {finish} }}
    void open_trace(const std::string& file) override {{ {open_trace} }}
    void dump_trace(uint64_t time) override {{ {dump_trace} }}

    {PREFIX} dut;{member}
}};

}}  // namespace

Model* make_model(VerilatedContext* context) {{ return new Design(context); }}
"""


@dataclass(frozen=True)
class Unit:
    """One C++ source to compile, with its options."""

    name: str
    text: str
    flags: tuple[str, ...]


def compile_plan(
    plan: Plan, work: Path, cache: Path, log: Path, advance: Callable[[float], None]
) -> tuple[Path, dict[str, float]]:
    """Verilate and compile `plan` in the empty folder `work`; returns the program and some figures.

    `advance` is called with the share of the work that is done. Raises `ToolError`.
    """
    verilator, compiler = toolchain.verilator(), toolchain.compiler()
    include = [f"-I{path.resolve()}" for path in plan.include]
    sources = [str(path.resolve()) for path in plan.sources]
    run_tool(verilator, [*plan.options(), "--Mdir", str(work), *include, *sources], work, log)
    if plan.program is None:
        _check_ports(plan, (work / f"{PREFIX}.h").read_text(encoding="utf-8"))
    advance(0.1)
    runtime_folder = Path(verilator.environment["VERILATOR_ROOT"]) / "include"
    shutil.copyfile(HERE / "harness.h", work / "harness.h")
    trace = int(plan.trace)
    off = ("COVERAGE", "SC", "TIMING", "TRACE_FST", "TRACE_SAIF")
    macros = (f"VM_TRACE={trace}", f"VM_TRACE_VCD={trace}", *(f"VM_{name}=0" for name in off), "VL_USER_WARN")
    common = [*COMMON, *(f"-D{macro}" for macro in macros)]
    common += [f"-I{work}", f"-I{runtime_folder}", f"-I{runtime_folder / 'vltstd'}"]
    units = _units(plan, work)
    headers = digest_files(work, work.glob("*.h"))
    for name in (*RUNTIME, *((TRACE_RUNTIME,) if plan.trace else ())):
        units.append(Unit(name, (runtime_folder / name).read_text(encoding="utf-8"), ("-O2",)))
    for name in (OWN_RUNTIME, *(("harness.cpp",) if plan.program is None else ())):
        units.append(Unit(name, (HERE / name).read_text(encoding="utf-8"), ("-O2",)))
    total = sum(len(unit.text) for unit in units)

    def build(unit: Unit) -> tuple[str, Path]:
        own = headers if unit.name.startswith("unit_") else digest_files(HERE, [HERE / "harness.h"])
        identity = [unit.text, unit.flags, COMMON, macros, verilator.version, compiler.version, own]
        key = digest_json(identity)
        made = find_file(cache / OBJECTS, key, ".o")
        if made is None:
            made = _compile(compiler, unit, common, work, log)
        else:
            touch(made)
        advance(0.85 * len(unit.text) / total)
        return key, made

    with ThreadPoolExecutor(max_workers=max(1, min(4, toolchain.CPU_COUNT))) as pool:
        objects = dict(pool.map(build, sorted(units, key=lambda unit: -len(unit.text))))
    program = work / "simulator"
    run_tool(
        compiler,
        ["-pthread", *plan.how.link, "-o", str(program), *(str(path) for path in objects.values())],
        work,
        log,
    )
    _check_program(program, compiler, log)
    # Only now is it known that the compiler wrote what can be linked and run.
    for key, path in objects.items():
        if path.parent == work:
            keep_file(path, cache / OBJECTS, key, ".o")
    advance(0.05)
    return program, {"cpp_bytes": float(total), "units": float(len(units))}


def _compile(compiler: Tool, unit: Unit, common: Sequence[str], work: Path, log: Path) -> Path:
    """Compile `unit` in `work` and return the object."""
    source = work / f"compile_{unit.name}"
    source.write_text(unit.text, encoding="utf-8")
    made = source.with_suffix(".o")
    run_tool(compiler, [*common, *unit.flags, "-c", "-o", str(made), str(source)], work, log)
    return made


def _check_program(program: Path, compiler: Tool, log: Path) -> None:
    """Raise `ToolError` where what the compiler called a program does not run."""
    try:
        done = subprocess.run(
            [program, CHECK],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=CHECK_SECONDS,
        )
        reason = "" if done.returncode == 0 else f"it ends with the code {done.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    if reason:
        raise ToolError(
            f"{compiler.name} ({compiler.where}) wrote a simulator that does not run: {reason} (log: {log}); "
            "try the compiler on a small program"
        )


def _units(plan: Plan, work: Path) -> list[Unit]:
    """Group Verilator's sources in `work` into units of about equal size, hot and cold apart."""
    how = plan.how
    files = sorted(work.glob(f"{PREFIX}*.cpp"))
    glue = glue_text(plan)
    if sum(file.stat().st_size for file in files) < SMALL_BYTES:
        return [_inlined("unit_all.cpp", files, glue, how.hot)]
    cold = [file for file in files if any(mark in file.name for mark in COLD)]
    hot = [file for file in files if file not in cold]
    count = max(UNITS, sum(file.stat().st_size for file in hot) // UNIT_BYTES)
    return [
        *(_inlined(f"unit_hot_{i}.cpp", group, "", how.hot) for i, group in enumerate(_balanced(hot, count))),
        *(_inlined(f"unit_cold_{i}.cpp", group, "", how.cold) for i, group in enumerate(_balanced(cold, 2))),
        _inlined("unit_glue.cpp", [], glue, how.hot),
    ]


def _inlined(name: str, files: Sequence[Path], glue: str, flags: tuple[str, ...]) -> Unit:
    return Unit(name, "".join(file.read_text(encoding="utf-8") for file in files) + glue, flags)


def _balanced(files: Sequence[Path], count: int) -> list[list[Path]]:
    """Split `files` into at most `count` groups of about equal size; never an empty one."""
    groups: list[list[Path]] = [[] for _ in range(min(count, len(files)))]
    sizes = [0] * len(groups)
    for file in sorted(files, key=lambda path: (-path.stat().st_size, path.name)):
        smallest = sizes.index(min(sizes))
        groups[smallest].append(file)
        sizes[smallest] += file.stat().st_size
    return groups


def _check_ports(plan: Plan, header: str) -> None:
    """Compare `plan` with the ports in Verilator's `header`; raises `ValueError` where they differ.

    The harness writes through plain pointers, so a width that is not the port's must not get there.
    """
    widths = {name: int(high) - int(low) + 1 for _, name, high, low in PORTS.findall(header)}
    streams = (*plan.inputs, *plan.outputs)
    expected = {name: 1 for stream in streams for name in (stream.valid, stream.ready)}
    expected |= {stream.data: stream.bits for stream in streams} | {plan.clock: 1, plan.reset: 1}
    for name, bits in expected.items():
        if name not in widths:
            raise ValueError(f"{plan.top}: has no port {name!r}; its ports are {', '.join(widths)}")
        if widths[name] != bits:
            raise ValueError(f"{plan.top}: port {name!r} has {widths[name]} bits, not {bits}")
    inputs = {name for direction, name, _, _ in PORTS.findall(header) if direction == "IN"}
    open_inputs = sorted(inputs - expected.keys() - plan.ties.keys())
    if open_inputs or plan.ties.keys() - inputs:
        raise ValueError(f"{plan.top}: inputs {open_inputs} need a tie; ties are {sorted(plan.ties)}")
