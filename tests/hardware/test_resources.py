"""What the folding expects modules to take, against Yosys' counts of them."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.finn import constants
from fpga_flow.layers.depthwise import DEPTHWISE
from fpga_flow.layers.matrix import MATRIX, blocks_of
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


def write_weights(file: Path, words: int, lanes: int, bits: int, zeros: float = 0.0) -> NDArray[np.int64]:
    """Write a memory of `words` words of `lanes` random weights of `bits` bits, and return them."""
    generator = np.random.default_rng(1)
    values = generator.integers(0, 1 << bits, (words, lanes)) * (generator.random((words, lanes)) >= zeros)
    digits = math.ceil(lanes * bits / 4)
    lines = (sum(int(v) << bits * i for i, v in enumerate(row)) for row in values)
    file.write_text("".join(f"{line:0{digits}x}\n" for line in lines))
    return values


def types_of(weight: int, act: int, out: int) -> dict[str, str]:
    return {"weightDataType": f"INT{weight}", "inputDataType": f"UINT{act}", "outputDataType": f"INT{out}"}


@pytest.mark.parametrize(("weight", "act"), [(4, 4), (2, 8), (8, 8)])
def test_depthwise_layer_is_expected_in_luts(weight: int, act: int, tmp_path: Path) -> None:
    channels, kernel, pe, simd = 8, 9, 2, 3
    out = weight + act + math.ceil(math.log2(kernel))
    write_weights(tmp_path / "w.dat", channels // pe * kernel // simd, pe * simd, weight)
    shape: dict[str, int | str] = {"Channels": channels, "Kernel": kernel, "PE": pe, "SIMD": simd}
    widths = {"ActWidth": act, "WeightWidth": weight, "OutWidth": out}
    found = built("df_depthwise", tmp_path, {**shape, **widths, "InLuts": 1, "InitFile": "w.dat"}, "df_dot")
    settings = {"Kernel": [kernel, 1], "resType": "lut", "ram_style": "auto"}
    attributes = {**shape, **types_of(weight, act, out), **settings}
    assert_close(DEPTHWISE.implementation("rtl").resources(attributes, None, XC7), found, 0.3)


@pytest.mark.parametrize(("zeros", "weight", "act"), [(0.0, 4, 4), (0.5, 3, 6), (0.8, 4, 4)])
def test_weights_of_one_word_are_constants_and_zeros_among_them_nothing(
    zeros: float, weight: int, act: int, tmp_path: Path
) -> None:
    pe, simd = 8, 9
    out = weight + act + math.ceil(math.log2(simd))
    values = write_weights(tmp_path / "w.dat", 1, pe * simd, weight, zeros).reshape(pe, simd)
    widths = {"ActWidth": act, "WeightWidth": weight, "OutWidth": out, "InLuts": 1, "InitFile": "w.dat"}
    settings = {**types_of(weight, act, out), "PE": pe, "SIMD": simd, "resType": "lut", "ram_style": "auto"}
    found = built(
        "df_depthwise", tmp_path, {"Channels": pe, "Kernel": simd, "PE": pe, "SIMD": simd, **widths}, "df_dot"
    )
    weights = values.reshape(pe, 1, simd, 1).astype(np.float32)
    attributes = {**settings, "Channels": pe, "Kernel": [simd, 1]}
    expected = DEPTHWISE.implementation("rtl").resources(attributes, weights, XC7)
    assert expected.lut == pytest.approx(found.lut, rel=0.35)
    assert 0.8 < expected.ff / found.ff < 2.3  # some are merged
    found = built(
        "df_matrix_vector", tmp_path, {"MW": simd, "MH": pe, "PE": pe, "SIMD": simd, **widths}, "df_dot"
    )
    attributes = {**settings, "MW": simd, "MH": pe}
    expected = MATRIX.implementation("lut").resources(attributes, values.T.astype(np.float32), XC7)
    assert expected.lut == pytest.approx(found.lut, rel=0.35)


@pytest.mark.parametrize(("weight", "act"), [(3, 3), (4, 4), (3, 6), (8, 8)])
def test_matrix_layer_without_dsps_is_expected_in_luts(weight: int, act: int, tmp_path: Path) -> None:
    columns, rows, pe, simd = 72, 8, 4, 8
    out = weight + act + math.ceil(math.log2(columns))
    write_weights(tmp_path / "w.dat", rows // pe * columns // simd, pe * simd, weight)
    shape: dict[str, int | str] = {"MW": columns, "MH": rows, "PE": pe, "SIMD": simd}
    widths = {"ActWidth": act, "WeightWidth": weight, "OutWidth": out}
    parameters = {**shape, **widths, "InLuts": 1, "InitFile": "w.dat"}
    found = built("df_matrix_vector", tmp_path, parameters, "df_dot")
    attributes = {**shape, **types_of(weight, act, out), "resType": "lut", "ram_style": "auto"}
    assert_close(MATRIX.implementation("lut").resources(attributes, None, XC7), found, 0.3)


@pytest.mark.parametrize(("weight", "act", "dsps"), [(2, 8, 0), (3, 6, 16), (4, 4, 0), (8, 8, 16)])
def test_products_of_any_matrix_are_expected_in_dsps_where_yosys_takes_them(
    weight: int, act: int, dsps: int, tmp_path: Path
) -> None:
    columns, rows, pe, simd = 72, 2, 2, 8
    out = weight + act + math.ceil(math.log2(columns))
    widths = {"ActWidth": act, "WeightWidth": weight, "OutWidth": out}
    found = built("df_dot", tmp_path, {"PE": pe, "Lanes": simd, "Fold": columns // simd, **widths})
    shape = {"MW": columns, "MH": rows, "PE": pe, "SIMD": simd}
    attributes = {**shape, **types_of(weight, act, out), "resType": "auto", "ram_style": "auto"}
    expected = MATRIX.implementation("inferred").resources(attributes, None, XC7)
    assert expected.dsp == found.dsp == dsps


@pytest.mark.parametrize("passes", [1, 2, 8])
def test_matrix_layer_in_luts_is_expected_without_the_bits_that_no_weight_sets(
    passes: int, tmp_path: Path
) -> None:
    columns, rows, out = 24, 16, 12
    pe, simd = rows // passes, columns
    generator = np.random.default_rng(0)
    weights = generator.integers(-7, 8, (columns, rows)) * (generator.random((columns, rows)) < 0.25)
    constants.write(blocks_of(weights, simd, pe).reshape(-1), 4, pe * simd, tmp_path / "w.dat")
    shape: dict[str, int | str] = {"MW": columns, "MH": rows, "PE": pe, "SIMD": simd}
    widths = {"ActWidth": 4, "WeightWidth": 4, "OutWidth": out}
    parameters = {**shape, **widths, "InLuts": 1, "InitFile": "w.dat"}
    found = built("df_matrix_vector", tmp_path, parameters, "df_dot")
    attributes = {**shape, **types_of(4, 4, out), "resType": "lut", "ram_style": "auto"}
    implementation = MATRIX.implementation("lut")
    expected = implementation.resources(attributes, weights.astype(np.float32), XC7)
    assert expected.lut == pytest.approx(found.lut, rel=0.4)
    blind = implementation.resources(attributes, None, XC7)
    assert abs(expected.lut - found.lut) < abs(blind.lut - found.lut)
