"""`DuplicateStreams_rtl` against FINN's Python."""

from pathlib import Path

import pytest

from tests.finn_adapter.one_layer import OneLayer, run


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
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()
