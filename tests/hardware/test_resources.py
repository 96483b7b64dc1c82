"""What the folding expects modules to take, against Yosys' counts of them."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.hardware.fold.resources import estimate
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.families import family_named
from fpga_flow.target.memory import fifo
from fpga_flow.target.resources import Resources
from tests.rtl.modules import HDL

XC7 = family_named("xc7")


def built(module: str, folder: Path, parameters: Mapping[str, int | str], *below: str) -> Resources:
    sources = [HDL / f"{name}.sv" for name in (*below, module)]
    return synthesise(module, sources, folder, XC7, folder / "log.txt", parameters)


def assert_close(expected: Resources, found: Resources, share: float) -> None:
    """LUTs and flip-flops may differ by `share` (small ones by 20), block RAMs and DSPs not at all."""
    assert (round(expected.bram18), round(expected.dsp)) == (found.bram18, found.dsp)
    assert expected.lut == pytest.approx(found.lut, rel=share, abs=20)
    assert expected.ff == pytest.approx(found.ff, rel=share, abs=20)


@pytest.mark.parametrize(
    ("width", "depth"), [(1024, 32), (16, 300), (8, 256), (8, 257), (40, 513), (64, 1025)]
)
def test_fifo_is_expected_in_the_memory_that_it_is_built_of(width: int, depth: int, tmp_path: Path) -> None:
    found = built("fifo", tmp_path, {"DATA_WIDTH": width, "DEPTH": depth})
    assert_close(Resources(*fifo(XC7, width, depth)), found, 0.2)


@pytest.mark.parametrize(("weight", "act"), [(4, 4), (2, 8), (8, 8)])
def test_depthwise_layer_is_expected_in_luts(weight: int, act: int, tmp_path: Path) -> None:
    channels, kernel, pe, simd = 8, 9, 2, 3
    out = weight + act + math.ceil(math.log2(kernel))
    words = np.random.default_rng(1).integers(0, 1 << weight, (channels // pe * kernel // simd, pe * simd))
    digits = math.ceil(pe * simd * weight / 4)
    lines = (sum(int(v) << weight * i for i, v in enumerate(row)) for row in words)
    (tmp_path / "w.dat").write_text("".join(f"{line:0{digits}x}\n" for line in lines))
    shape: dict[str, int | str] = {"Channels": channels, "Kernel": kernel, "PE": pe, "SIMD": simd}
    widths = {"ActWidth": act, "WeightWidth": weight, "OutWidth": out}
    found = built("df_depthwise", tmp_path, {**shape, **widths, "InLuts": 1, "InitFile": "w.dat"}, "df_dot")
    types = {
        "weightDataType": f"INT{weight}",
        "inputDataType": f"UINT{act}",
        "outputDataType": f"INT{out}",
        "resType": "lut",
        "ram_style": "auto",
    }
    attributes = {**shape, **types, "Kernel": [kernel, 1]}
    assert_close(estimate("VVAU", attributes, None, XC7), found, 0.3)


@pytest.mark.parametrize(("weight", "act", "dsps"), [(2, 8, 0), (3, 6, 16), (4, 4, 0), (8, 8, 16)])
def test_products_of_any_matrix_are_expected_in_dsps_where_yosys_takes_them(
    weight: int, act: int, dsps: int, tmp_path: Path
) -> None:
    columns, rows, pe, simd = 72, 2, 2, 8
    out = weight + act + math.ceil(math.log2(columns))
    widths = {"ActWidth": act, "WeightWidth": weight, "OutWidth": out}
    found = built("df_dot", tmp_path, {"PE": pe, "Lanes": simd, "Fold": columns // simd, **widths})
    types = {"weightDataType": f"INT{weight}", "inputDataType": f"UINT{act}", "outputDataType": f"INT{out}"}
    shape = {"MW": columns, "MH": rows, "PE": pe, "SIMD": simd}
    expected = estimate("MatrixVector", {**shape, **types, "resType": "auto", "ram_style": "auto"}, None, XC7)
    assert expected.dsp == found.dsp == dsps
