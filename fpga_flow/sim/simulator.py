"""Simulates any RTL with AXI-Streams: words in, words out, and the cycle of every transfer."""

import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import ToolError
from fpga_flow.sim.compiled import PROGRAM, compiled, info
from fpga_flow.sim.outcome import (
    ERRORS,
    CycleLimitError,
    DeadlockError,
    ExtraOutputError,
    FifoState,
    ProtocolError,
    RtlError,
    SimResult,
    SimulationError,
    StarvedError,
    Words,
    read_fifos,
)
from fpga_flow.sim.tuning import Effort
from fpga_flow.sim.verilate import Plan, Signals

FIFOS = "fifos.txt"

__all__ = [
    "CycleLimitError",
    "DeadlockError",
    "ExtraOutputError",
    "FifoState",
    "Port",
    "ProtocolError",
    "RtlError",
    "SimResult",
    "SimulationError",
    "Simulator",
    "StarvedError",
]


@dataclass(frozen=True)
class Port:
    """One AXI-Stream at the top module, `width` bits of data."""

    name: str
    width: int
    signals: tuple[str, str, str] | None = None
    """Names of data, valid and ready; None: `<name>_tdata`, `<name>_tvalid`, `<name>_tready`."""

    def names(self) -> Signals:
        """Return the names of its signals."""
        own = (f"{self.name}_tdata", f"{self.name}_tvalid", f"{self.name}_tready")
        return Signals(self.name, self.width, *(self.signals or own))


class Simulator:
    """A compiled simulator of one design; `run` may be called any number of times, also in parallel."""

    def __init__(self, folder: Path, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
        """`folder` is what `build` made."""
        self.folder = folder
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.info = info(folder)
        """Seconds it took to make, bytes of C++, units compiled."""

    @classmethod
    def build(
        cls,
        top: str,
        sources: Sequence[Path],
        *,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        cache: Path,
        include: Sequence[Path] = (),
        defines: Mapping[str, str] | None = None,
        parameters: Mapping[str, int | str] | None = None,
        ties: Mapping[str, int] | None = None,
        clock: str = "ap_clk",
        reset: str = "ap_rst_n",
        reset_active: int = 0,
        asserts: bool = True,
        random: bool = False,
        trace: bool = False,
        effort: Effort = "quick",
        log: Path | None = None,
    ) -> "Simulator":
        """Compile `top` from `sources` (packages first), or take it from `cache`.

        `parameters` are the top's; `ties` are inputs held at a constant. `asserts`: the RTL's
        assertions are checked. `random`: registers without an initial value start at random
        (seeded by `run`), which finds missing resets. `effort`: "quick" compiles fast, "fast" runs
        fast. Raises `ToolError` with the tool's message where the RTL does not elaborate, `ValueError`
        where its ports are not those given.
        """
        plan = Plan(
            top=top,
            sources=tuple(sources),
            inputs=tuple(port.names() for port in inputs),
            outputs=tuple(port.names() for port in outputs),
            include=tuple(include),
            defines=dict(defines or {}),
            parameters=dict(parameters or {}),
            ties=dict(ties or {}),
            clock=clock,
            reset=reset,
            reset_active=reset_active,
            asserts=asserts,
            random=random,
            trace=trace,
            effort=effort,
        )
        return cls(compiled(plan, cache, log), inputs, outputs)

    def run(
        self,
        streams_in: Mapping[str, Words],
        expect: Mapping[str, int],
        *,
        stall_in: float = 0.0,
        stall_out: float = 0.0,
        pause_in: int = 1,
        pause_out: int = 1,
        seed: int = 0,
        idle_limit: int = 1_000_000,
        starved_limit: int = 0,
        cycle_limit: int = 0,
        pace: tuple[int, int] | None = None,
        drain: int = 1_000,
        beyond: int = 0,
        strict: bool = False,
        plusargs: Sequence[str] = (),
        folder: Path | None = None,
        trace: Path | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> SimResult:
        """Send all words of `streams_in` and take `expect` words of each output.

        `streams_in`: uint8 (words, bytes) by input name. `stall_in`, `stall_out`: the chance that an
        input offers nothing, or an output takes nothing, in a cycle; seeded by `seed`. With
        `pause_in`, `pause_out` above 1 such a stall lasts that many cycles on average, and begins
        that much more rarely: long pauses at the output are what fills the design up. `pace` (words,
        cycles): an input offers at most so many words in so many cycles, evenly. A design whose
        registers do not change any more is told at once; `idle_limit` cycles without a transfer are
        for one that is busy with nothing, `starved_limit` (0: none) for a single output, `cycle_limit`
        (0: none) for all. After the last word `drain` more cycles look for words too many; up to `beyond`
        of each output are no error, and stand apart in the result. `strict`
        also checks in every cycle that no valid depends on ready (slower). The simulation runs in
        `folder` (relative names of memory files), with `plusargs` ("taps=folder"). `progress` is
        called with the number of words that came out so far, about twice a second.

        Raises `DeadlockError`, `CycleLimitError`, `ExtraOutputError`, `ProtocolError` or `RtlError`;
        `ToolError` where the simulator itself fails.
        """
        with tempfile.TemporaryDirectory(prefix="simulation-") as scratch:
            exchange = Path(scratch)
            for i, port in enumerate(self.inputs):
                _checked(port, streams_in[port.name]).tofile(exchange / f"in_{i}.bin")
            options: dict[str, object] = {
                f"expect_{i}": expect[port.name] for i, port in enumerate(self.outputs)
            } | {
                "stall_in": stall_in / pause_in,
                "stall_out": stall_out / pause_out,
                "pause_in": pause_in,
                "pause_out": pause_out,
                "seed": seed,
                "random": seed,
                "idle": idle_limit,
                "starved": starved_limit,
                "cycles": cycle_limit,
                "frame_words": pace[0] if pace else 0,
                "period": pace[1] if pace else 0,
                "drain": drain,
                "beyond": beyond,
                "strict": int(strict),
            }
            if trace is not None:
                options["trace"] = str(trace.resolve())
            command = [str((self.folder / PROGRAM).resolve()), str(exchange)]
            command += [f"{key}={value}" for key, value in options.items()]
            command += [f"+{plusarg}" for plusarg in (*plusargs, f"fifo_state={exchange / FIFOS}")]
            text = _execute(command, folder or exchange, progress)
            status, detail, result = self._result(exchange, text, expect)
        if status != "ok":
            limits = {
                "idle_limit": idle_limit,
                "starved_limit": starved_limit,
                "cycle_limit": cycle_limit,
            }
            raise self._error(status, detail, result, {**streams_in}, expect, limits)
        return result

    def _result(self, exchange: Path, log: str, expect: Mapping[str, int]) -> tuple[str, str, SimResult]:
        status, detail, cycles, seconds = (exchange / "result.txt").read_text(encoding="utf-8").splitlines()
        outputs = {
            port.name: np.fromfile(exchange / f"out_{i}.bin", dtype=np.uint8).reshape(-1, _bytes(port))
            for i, port in enumerate(self.outputs)
        }

        def moved(prefix: str, ports: Sequence[Port]) -> dict[str, NDArray[np.uint64]]:
            return {
                port.name: np.fromfile(exchange / f"{prefix}_{i}.cycles", dtype=np.uint64)
                for i, port in enumerate(ports)
            }

        result = SimResult(
            outputs={name: words[: expect[name]] for name, words in outputs.items()},
            beyond={name: words[expect[name] :] for name, words in outputs.items()},
            input_cycles=moved("in", self.inputs),
            output_cycles={name: moves[: expect[name]] for name, moves in moved("out", self.outputs).items()},
            cycles=int(cycles),
            seconds=float(seconds),
            log=log,
            fifos=read_fifos(exchange / FIFOS),
        )
        return status, detail, result

    def _error(
        self,
        status: str,
        detail: str,
        result: SimResult,
        streams_in: Mapping[str, Words],
        expect: Mapping[str, int],
        limits: Mapping[str, int],
    ) -> SimulationError:
        kind, template = ERRORS[status]
        stream, _, what = detail.partition("\t")
        printed = result.log.splitlines()
        lines = [line for line in printed if "%Error" in line or "%Fatal" in line] or printed
        reason = template.format(stream=stream, what=what, **limits, log="; ".join(lines[:3]))
        counts = [
            f"{name}: {len(c)} of {len(streams_in[name])} in" for name, c in result.input_cycles.items()
        ]
        counts += [f"{name}: {len(c)} of {expect[name]} out" for name, c in result.output_cycles.items()]
        return kind(f"simulation, cycle {result.cycles}: {reason} ({', '.join(counts)})", result)


def _bytes(port: Port) -> int:
    return (port.width + 7) // 8


def _checked(port: Port, words: Words) -> Words:
    """Return `words` as they are; raises `ValueError` where they do not fit the port."""
    if words.dtype != np.uint8 or words.ndim != 2 or words.shape[1] != _bytes(port):
        must = f"uint8 (words, {_bytes(port)})"
        raise ValueError(f"{port.name}: words must be {must}, not {words.dtype} {words.shape}")
    if port.width % 8 and words.size and int(words[:, -1].max()) >> port.width % 8:
        raise ValueError(f"{port.name}: words must have no bits above the port's {port.width}")
    return np.ascontiguousarray(words)


def _execute(command: Sequence[str], folder: Path, progress: Callable[[int], None] | None) -> str:
    """Run the simulator; returns what it printed, less its own progress lines."""
    lines: list[str] = []
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("\x01"):
                lines.append(line)
            elif progress is not None:
                progress(int(line[1:]))
        code = process.wait()
    finally:  # an interrupted run must not leave a simulation behind
        process.kill()
        process.wait()
    if code:
        last = "".join(lines[-5:])
        raise ToolError(f"the simulator {command[0]} failed with exit code {code}: {last}")
    return "".join(lines)
