"""FINN's estimate: what it says, and what it does not know."""

from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.finn.estimate import RESOURCES, Figures, estimate
from fpga_flow.finn.session import finn_session
from fpga_flow.target.board import board

PART = board("pynq-z1").part
WITHOUT_LUTS = {"MVAU_rtl", "FMPadding_rtl", "Pool_rtl", "LabelSelect_rtl"}
"""Layers for which FINN has no LUT figure, or a placeholder."""


@pytest.fixture(scope="module")
def model(run_folder: Path) -> ModelWrapper:
    (file,) = (run_folder / "hardware").glob("*.onnx")
    return ModelWrapper(str(file))


@pytest.fixture(scope="module")
def result(model: ModelWrapper) -> dict[str, Any]:
    with finn_session():
        return estimate(model, PART)


def test_layers_without_a_figure_have_none_and_are_counted(
    model: ModelWrapper, result: dict[str, Any]
) -> None:
    kinds = {node.name: node.op_type for node in model.graph.node}
    for name, row in result["layers"].items():
        assert (row["lut"] is None) == (kinds[name] in WITHOUT_LUTS), kinds[name]
        assert (row["dsp"] is None) == (kinds[name] != "MVAU_rtl"), kinds[name]
        assert row["ff"] is None
    missing = [row["lut"] for row in result["layers"].values()].count(None)
    assert result["missing"]["lut"] == missing and result["missing"]["ff"] == len(kinds)
    assert result["ff"] is None


def test_figures_are_finns_and_add_up(model: ModelWrapper, result: dict[str, Any]) -> None:
    units = [getCustomOp(node) for node in model.get_nodes_by_op_type("MVAU_rtl")]
    assert result["dsp"] == sum(unit.dsp_estimation(PART) for unit in units) > 0
    for key in ("lut", "bram18"):
        assert result[key] == sum(row[key] or 0 for row in result["layers"].values())


def test_another_estimator_can_take_over(model: ModelWrapper) -> None:
    def ten_of_everything(layer: Any, part: str) -> Figures:
        return dict.fromkeys(RESOURCES, 10)

    result = estimate(model, PART, ten_of_everything)
    count = len(model.graph.node)
    assert {key: result[key] for key in RESOURCES} == dict.fromkeys(RESOURCES, 10 * count)
    assert result["missing"] == dict.fromkeys(RESOURCES, 0)
