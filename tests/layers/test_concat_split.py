"""`StreamingConcat_rtl` and `StreamingSplit_rtl` against FINN's Python."""

from pathlib import Path

import pytest

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("datatypes", "channels", "simd", "out"),
    [
        (["UINT4", "UINT4"], [4, 6], 2, "UINT4"),
        (["UINT4", "INT4"], [3, 1], 1, "INT5"),
        (["INT3", "UINT8", "INT2"], [4, 4, 8], 4, "INT9"),
        (["BIPOLAR", "INT5"], [6, 2], 2, "INT5"),
        (["BIPOLAR", "BIPOLAR"], [3, 6], 3, "INT2"),
        (["UINT1", "UINT2", "UINT1", "UINT5"], [1, 2, 3, 4], 1, "UINT5"),
    ],
)
def test_channels_of_the_inputs_follow_each_other(
    datatypes: list[str], channels: list[int], simd: int, out: str, simulators: Path, tmp_path: Path
) -> None:
    case = OneLayer(
        "StreamingConcat_rtl",
        datatypes,
        {
            "SIMD": simd,
            "ChannelsPerStream": channels,
            "inputDataTypes": datatypes,
            "numInputVectors": [1, 3, 4],
            "inFIFODepths": [2] * len(channels),
        },
    )
    ran = run(case, simulators, tmp_path)
    assert ran.layer.get_output_datatype().name == out
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("datatype", "channels", "simd"),
    [("INT4", [4, 6], 2), ("UINT3", [1, 5, 2], 1), ("BIPOLAR", [3, 3], 3), ("INT9", [8, 4, 4, 4], 4)],
)
def test_channels_are_dealt_out(
    datatype: str, channels: list[int], simd: int, simulators: Path, tmp_path: Path
) -> None:
    case = OneLayer(
        "StreamingSplit_rtl",
        [datatype],
        {
            "SIMD": simd,
            "ChannelsPerStream": channels,
            "inputDataType": datatype,
            "numInputVectors": [1, 3, 4],
            "outFIFODepths": [2] * len(channels),
        },
        outputs=len(channels),
    )
    ran = run(case, simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()
