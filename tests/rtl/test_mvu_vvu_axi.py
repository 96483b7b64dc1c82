"""`mvu_vvu_axi.sv`: exact under any back-pressure, at full rate; FINN's own file loses results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.sim.simulator import DeadlockError, Port, RtlError, SimResult, Simulator
from tests.rtl.modules import HDL, STALLS, Integers, finn, integers
from tests.words import pack_words, unpack_words

CORE = [*finn("mvu/mvu_pkg.sv", "mvu/replay_buffer.sv"), HDL / "add_multi.sv", HDL / "mvu.sv"]
OURS, FINNS = HDL / "mvu_vvu_axi.sv", finn("mvu/mvu_vvu_axi.sv")[0]


@dataclass(frozen=True)
class Case:
    """One configuration, with FINN's names spelt out."""

    columns: int
    rows: int
    pe: int
    simd: int
    act_bits: int = 4
    weight_bits: int = 4
    act_signed: bool = False
    narrow: bool = True
    version: int = 1

    @property
    def sum_bits(self) -> int:
        return self.act_bits + self.weight_bits + self.columns.bit_length()

    def data(self, vectors: int) -> tuple[Integers, Integers, Integers]:
        """Return activations (vectors, columns), weights (rows, columns), products (vectors, rows)."""
        act = integers(1, self.act_bits, (vectors, self.columns), signed=self.act_signed)
        weights = integers(2, self.weight_bits, (self.rows, self.columns), signed=True)
        if self.narrow:
            weights = np.maximum(weights, 1 - (1 << (self.weight_bits - 1)))
        return act, weights, act @ weights.T

    def weight_words(self, weights: Integers, vectors: int) -> NDArray[np.uint8]:
        """Return the weight stream: for each vector all rows, PE at a time, SIMD columns at a time."""
        blocks = weights.reshape(self.rows // self.pe, self.pe, self.columns // self.simd, self.simd)
        words = blocks.transpose(0, 2, 1, 3).reshape(-1, self.pe * self.simd)
        return np.tile(pack_words(words, self.weight_bits), (vectors, 1))


LOSES = Case(columns=6, rows=4, pe=4, simd=6)
CASES = [
    LOSES,
    Case(columns=12, rows=8, pe=2, simd=6, act_bits=3, weight_bits=2),
    Case(columns=5, rows=3, pe=3, simd=1, act_bits=8, act_signed=True),
    Case(columns=24, rows=6, pe=1, simd=3, weight_bits=6, act_signed=True, narrow=False, version=2),
    Case(columns=16, rows=10, pe=5, simd=16, act_bits=2),
]


def build(
    case: Case, unit: Path, cache: Path, sources: Sequence[Path] = CORE, *, asserts: bool = True
) -> Simulator:
    """Compile `unit` with our core and FINN's replay buffer."""
    return Simulator.build(
        "mvu_vvu_axi",
        [*sources, unit],
        inputs=[
            Port("s_axis_input", (case.simd * case.act_bits + 7) // 8 * 8),
            Port("s_axis_weights", (case.pe * case.simd * case.weight_bits + 7) // 8 * 8),
        ],
        outputs=[Port("m_axis_output", (case.pe * case.sum_bits + 7) // 8 * 8)],
        parameters={
            "IS_MVU": 1,
            "VERSION": case.version,
            "MW": case.columns,
            "MH": case.rows,
            "PE": case.pe,
            "SIMD": case.simd,
            "ACTIVATION_WIDTH": case.act_bits,
            "WEIGHT_WIDTH": case.weight_bits,
            "ACCU_WIDTH": case.sum_bits,
            "NARROW_WEIGHTS": int(case.narrow),
            "SIGNED_ACTIVATIONS": int(case.act_signed),
        },
        ties={"ap_clk2x": 0},
        asserts=asserts,
        effort="quick",
        cache=cache,
    )


def streams(case: Case, vectors: int) -> tuple[dict[str, NDArray[np.uint8]], Integers]:
    """Return the words of both inputs and the sums that must come out, int (words, PE)."""
    act, weights, sums = case.data(vectors)
    words = {
        "s_axis_input": pack_words(act.reshape(-1, case.simd), case.act_bits),
        "s_axis_weights": case.weight_words(weights, vectors),
    }
    return words, sums.reshape(-1, case.pe)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_products_are_exact_under_any_stalls_and_at_full_rate(case: Case, simulators: Path) -> None:
    simulator = build(case, OURS, simulators)
    words, expected = streams(case, 120)
    for number, (stall_in, stall_out) in enumerate(STALLS):
        result = simulator.run(
            words,
            {"m_axis_output": len(expected)},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=number,
            idle_limit=1_000,
            strict=True,
        )
        found = unpack_words(result.outputs["m_axis_output"], case.sum_bits, case.pe, signed=True)
        np.testing.assert_array_equal(found, expected)
        if not stall_in and not stall_out:
            gaps = np.diff(result.output_cycles["m_axis_output"].astype(int))
            assert np.all(gaps == case.columns // case.simd), "a result every SF cycles, without a gap"


def test_results_are_lost_with_finns_queue_and_not_with_ours(simulators: Path) -> None:
    words, expected = streams(LOSES, 2_000)

    def run(simulator: Simulator) -> SimResult:
        wanted = {"m_axis_output": len(expected)}
        return simulator.run(words, wanted, stall_out=0.7, seed=1, idle_limit=1_000)

    with pytest.raises(DeadlockError) as lost:
        run(build(LOSES, FINNS, simulators, asserts=False))
    result = lost.value.result
    assert len(result.input_cycles["s_axis_input"]) == len(words["s_axis_input"]), "all operands went in"
    assert 0 < len(result.outputs["m_axis_output"]) < len(expected), "not all results came out"

    with pytest.raises(RtlError, match="Overflowing output queue"):
        run(build(LOSES, FINNS, simulators))

    ours = run(build(LOSES, OURS, simulators))
    found = unpack_words(ours.outputs["m_axis_output"], LOSES.sum_bits, LOSES.pe, signed=True)
    np.testing.assert_array_equal(found, expected)
