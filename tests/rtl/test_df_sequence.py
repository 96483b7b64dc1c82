"""`df_sequence.sv`: the words of a file over and over, one a cycle."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.simulator import Port, Simulator
from tests.rtl.modules import HDL, STALLS, integers
from tests.rtl.operands import memory
from tests.words import unpack_words

BITS = 11


@pytest.mark.parametrize(("length", "style"), [(1, "auto"), (6, "distributed"), (130, "block")])
def test_words_come_in_order_and_without_a_gap(
    length: int, style: str, simulators: Path, tmp_path: Path
) -> None:
    values = integers(1, BITS, (length,), signed=False)
    (tmp_path / "words.dat").write_text(memory(values, 1, BITS))
    simulator = Simulator.build(
        "df_sequence",
        [HDL / "df_sequence.sv"],
        inputs=[],
        outputs=[Port("out", BITS, ("data_o", "valid_o", "ready_i"))],
        parameters={"Length": length, "Width": BITS, "RamStyle": style, "InitFile": "words.dat"},
        clock="clk_i",
        reset="rst_ni",
        random=True,
        cache=simulators,
    )
    expected = np.tile(values, 3)
    for stall_in, stall_out in STALLS:
        result = simulator.run(
            {}, {"out": len(expected)}, stall_in=stall_in, stall_out=stall_out, drain=0, folder=tmp_path
        )
        found = unpack_words(result.outputs["out"], BITS, 1, signed=False)[:, 0]
        np.testing.assert_array_equal(found, expected)
        if stall_out == 0:
            assert np.all(np.diff(result.output_cycles["out"].astype(int)) == 1)
