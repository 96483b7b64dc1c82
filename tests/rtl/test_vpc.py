"""`vpc.sv` against numpy: all kinds of widths, vectors that do and do not fill their beats, random stalls."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.core.recipe import ROOT
from fpga_flow.sim.simulator import Port, Simulator
from tests.words import pack_words

SOURCE = ROOT / "fpga_flow" / "layers" / "hdl" / "vpc.sv"

CASES = {
    # bits an element, elements a vector, elements in, elements out
    "wider": (4, 24, 2, 8),
    "narrower": (3, 24, 12, 2),
    "equal": (5, 12, 4, 4),
    "three to two": (2, 12, 3, 2),
    "two to three": (8, 18, 4, 6),
    "as FINN's converter, single bits": (1, 40 * 24, 40, 24),
    "wider, last beat not full": (4, 7, 1, 3),
    "narrower, last beat not full": (4, 7, 4, 2),
    "equal, last beat not full": (4, 7, 4, 4),
    "five to three, neither full": (3, 13, 5, 3),
    "one beat to one beat": (6, 3, 4, 6),
}
ENDLESS = ["wider", "narrower", "equal", "three to two", "two to three", "as FINN's converter, single bits"]


def beats_of(elements: NDArray[np.int64], lanes: int, bits: int) -> NDArray[np.uint8]:
    """Return the beats of vectors (vectors, elements), each vector padded with zeros to whole beats."""
    vectors, count = elements.shape
    padded = np.zeros((vectors, -(-count // lanes) * lanes), np.int64)
    padded[:, :count] = elements
    return pack_words(padded.reshape(-1, lanes), bits)


@pytest.mark.parametrize("name", CASES)
def test_vectors_are_repacked_in_order_with_and_without_stalls(name: str, simulators: Path) -> None:
    bits, count, lanes_in, lanes_out = CASES[name]
    elements = np.random.default_rng(5).integers(1 << bits, size=(60, count))
    simulator = Simulator.build(
        "vpc",
        [SOURCE],
        inputs=[Port("in", lanes_in * bits, ("idat", "ivld", "irdy"))],
        outputs=[Port("out", lanes_out * bits, ("odat", "ovld", "ordy"))],
        parameters={"W": bits, "N": count, "PI": lanes_in, "PO": lanes_out},
        clock="clk",
        reset="rst",
        reset_active=1,
        random=True,
        effort="quick",
        cache=simulators,
    )
    expected = beats_of(elements, lanes_out, bits)
    for stall_in, stall_out in ((0.0, 0.0), (0.5, 0.1), (0.1, 0.6)):
        result = simulator.run(
            {"in": beats_of(elements, lanes_in, bits)},
            {"out": len(expected)},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=11,
            strict=True,
            idle_limit=1000,
        )
        np.testing.assert_array_equal(result.outputs["out"], expected)
        if stall_in == stall_out == 0.0 and name in ENDLESS:
            busy = result.input_cycles["in"] if lanes_in < lanes_out else result.output_cycles["out"]
            assert np.all(np.diff(busy.astype(int)) == 1), "the narrower side must never pause"
