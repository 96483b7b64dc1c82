"""`DuplicateStreams_rtl` against FINN's Python."""

from pathlib import Path

import numpy as np
import pytest

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("datatype", "channels", "pe", "outputs"), [("INT5", 6, 3, 2), ("BIPOLAR", 4, 1, 3), ("UINT8", 4, 4, 5)]
)
def test_every_output_of_a_fork_gets_every_word(
    datatype: str, channels: int, pe: int, outputs: int, simulators: Path, tmp_path: Path
) -> None:
    case = OneLayer(
        "DuplicateStreams_rtl",
        [datatype],
        {
            "NumChannels": channels,
            "PE": pe,
            "NumOutputStreams": outputs,
            "inputDataType": datatype,
            "numInputVectors": [1, 3, 5],
            "outFIFODepths": [2] * outputs,
        },
        outputs=outputs,
    )
    ran = run(case, simulators, tmp_path)
    for result in ran.results:  # no output is behind by more than the word that the fork holds
        last = np.max([result.output_cycles[f"out{i}"] for i in range(outputs)], axis=0)
        first = np.min([result.output_cycles[f"out{i}"] for i in range(outputs)], axis=0)
        entered = result.input_cycles["in0"]
        assert np.all(entered[1:] >= last[:-1])
        assert np.all(first > entered)
    apart = ran.results[-1].output_cycles
    assert np.any(apart["out0"] < apart["out1"]) and np.any(apart["out1"] < apart["out0"])
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()
