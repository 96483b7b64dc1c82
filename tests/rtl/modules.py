"""What the tests of single modules share: sources, ports, and running them with stalls."""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.recipe import ROOT
from fpga_flow.sim.simulator import Port, SimResult, Simulator
from tests.words import pack_words, unpack_words

HDL = ROOT / "fpga_flow" / "layers" / "hdl"
STALLS = ((0.0, 0.0), (0.5, 0.2), (0.2, 0.7), (0.9, 0.0), (0.0, 0.9))
"""Chances that the input, and the output, does nothing in a cycle."""
Parameters = Mapping[str, int | str]
Integers = NDArray[np.int64]


def finn(*names: str) -> list[Path]:
    """Return files of FINN's RTL library (without importing FINN, which takes seconds)."""
    spec = importlib.util.find_spec("finn")
    assert spec is not None and spec.submodule_search_locations
    library = Path(next(iter(spec.submodule_search_locations))) / "finn-rtllib"
    return [library / name for name in names]


def build_stream_module(
    name: str,
    parameters: Parameters,
    in_bits: int,
    out_bits: int,
    cache: Path,
    *,
    below: Iterable[str] = (),
) -> Simulator:
    """Compile one of our modules with the ports of the house, one stream in, one out.

    `below` are the modules of ours that it instantiates.
    """
    return Simulator.build(
        name,
        [HDL / f"{module}.sv" for module in (*below, name)],
        inputs=[Port("in", in_bits, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", out_bits, ("data_o", "valid_o", "ready_i"))],
        parameters=parameters,
        clock="clk_i",
        reset="rst_ni",
        random=True,
        effort="quick",
        cache=cache,
    )


def assert_streams(
    simulator: Simulator,
    inputs: Integers,
    in_bits: int,
    expected: Integers,
    out_bits: int,
    *,
    signed: bool = False,
    stalls: Iterable[tuple[float, float]] = STALLS,
    folder: Path | None = None,
) -> SimResult:
    """Send `inputs` (words, lanes), want `expected` (words, lanes), under all `stalls`; return the first."""
    results = []
    for number, (stall_in, stall_out) in enumerate(stalls):
        result = simulator.run(
            {"in": pack_words(inputs, in_bits)},
            {"out": len(expected)},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=number,
            strict=True,
            idle_limit=2_000,
            folder=folder,
        )
        found = unpack_words(result.outputs["out"], out_bits, expected.shape[1], signed=signed)
        np.testing.assert_array_equal(found, expected, err_msg=f"stalls {stall_in}, {stall_out}")
        results.append(result)
    return results[0]


def integers(seed: int, bits: int, shape: Sequence[int], *, signed: bool) -> Integers:
    """Return random integers of `bits` bits in which the extremes are frequent."""
    generator = np.random.default_rng(seed)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    values = generator.integers(low, high, shape, endpoint=True)
    extreme = generator.choice([low, high], shape)
    return np.where(generator.random(shape) < 0.2, extreme, values)
