"""Estimates of a hardware graph: our formulas of every layer, and what FINN says and does not know."""

from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.recipe import make_recipe
from fpga_flow.finn.estimate import finn_estimate
from fpga_flow.finn.session import finn_session
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages import estimate as stage
from fpga_flow.target.board import board
from fpga_flow.target.resources import LIMITED

PART = board("pynq-z1").part
WITHOUT_LUTS = {"MVAU_rtl", "FMPadding_rtl", "BlockMaxPool_rtl", "LabelSelect_rtl"}
"""Layers for which FINN has no LUT figure, or a placeholder."""


@pytest.fixture(scope="module")
def model(run_folder: Path) -> ModelWrapper:
    (file,) = (run_folder / "hardware").glob("*.onnx")
    return ModelWrapper(str(file))


@pytest.fixture(scope="module")
def finn(model: ModelWrapper) -> dict[str, Any]:
    with finn_session():
        return finn_estimate(model, PART)


def test_layers_without_a_figure_of_finns_have_none_and_are_counted(
    model: ModelWrapper, finn: dict[str, Any]
) -> None:
    kinds = {node.name: node.op_type for node in model.graph.node}
    for name, row in finn["layers"].items():
        assert (row["lut"] is None) == (kinds[name] in WITHOUT_LUTS), kinds[name]
        assert (row["dsp"] is None) == (kinds[name] != "MVAU_rtl"), kinds[name]
        assert row["ff"] is None
    missing = [row["lut"] for row in finn["layers"].values()].count(None)
    assert finn["missing"]["lut"] == missing and finn["missing"]["ff"] == len(kinds)
    assert finn["ff"] is None


def test_finns_figures_are_its_own_and_add_up(model: ModelWrapper, finn: dict[str, Any]) -> None:
    units = [getCustomOp(node) for node in model.get_nodes_by_op_type("MVAU_rtl")]
    assert finn["dsp"] == sum(unit.dsp_estimation(PART) for unit in units) > 0
    for key in ("lut", "bram18"):
        assert finn[key] == sum(row[key] or 0 for row in finn["layers"].values())


def test_the_stage_estimates_every_layer_by_its_formula_and_finns_beside_it(
    model: ModelWrapper, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = {"hardware": run_folder / "hardware"}
    result = stage.run(Context(make_recipe({"name": "t"}), tmp_path, inputs, tmp_path)).model_dump()
    assert list(result["layers"]) == [node.name for node in model.graph.node]
    for key in LIMITED:
        assert result[key] == sum(row[key] for row in result["layers"].values())
    for row in result["layers"].values():
        assert row["ff"] > 0 and all(isinstance(row[key], int) for key in LIMITED)
        assert all(low <= row[key] <= high for key, (low, high) in row["ranges"].items())
    assert result["ranges"]["lut"][0] < result["lut"] < result["ranges"]["lut"][1]
    fifos = [row for name, row in result["layers"].items() if name.endswith("_fifo")]
    assert fifos and all(row["lut"] > 0 for row in fifos)
    assert result["finn"]["missing"]["lut"] > 0
    said = capsys.readouterr().err
    assert f"estimate: {result['lut']:,} LUT (" in said and "layers have no figure" in said


def test_the_estimate_is_near_what_the_folding_expected(model: ModelWrapper, run_folder: Path) -> None:
    """They differ by the depths of the FIFOs, which are known only behind the folding."""
    from fpga_flow.core import artifact
    from fpga_flow.hardware.estimate import estimate_layers
    from fpga_flow.target.resources import total

    found = total(estimate_layers(model, board("pynq-z1").family).values())
    expected = artifact.read_result(run_folder / "hardware")["folding"]["resources"]
    assert found.dsp == expected["dsp"]
    assert found.lut == pytest.approx(expected["lut"], rel=0.15)
    assert found.ff == pytest.approx(expected["ff"], rel=0.15)
