"""`df_register.sv`: order, one word, full throughput."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.simulator import DeadlockError
from tests.rtl.modules import assert_streams, build_stream_module, integers
from tests.words import pack_words


@pytest.mark.parametrize("bits", [1, 12, 130])
def test_register_keeps_order_at_a_word_a_cycle_and_holds_one(bits: int, simulators: Path) -> None:
    simulator = build_stream_module(
        "df_register", {"DataWidth": bits}, bits, bits, simulators, below=("fifo",)
    )
    words = integers(3, 1, (600, bits), signed=False)
    result = assert_streams(simulator, words, 1, words, 1)
    assert np.all(np.diff(result.output_cycles["out"].astype(int)) == 1)
    assert int(result.output_cycles["out"][0]) == 1
    with pytest.raises(DeadlockError) as stuck:
        simulator.run({"in": pack_words(words, 1)}, {"out": len(words)}, stall_out=1.0, idle_limit=50)
    assert len(stuck.value.result.input_cycles["in"]) == 1
