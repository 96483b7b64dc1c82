"""FINN's RTL, as generated for a whole network, in both front ends; and what its matrix unit takes."""

import json
import subprocess
from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core import toolchain
from fpga_flow.design.design import Design, LayerRtl, load_design
from fpga_flow.synth.yosys import read_commands, run_script, synthesise
from fpga_flow.target.board import board
from fpga_flow.target.families import family_named

OPERATORS = [
    "BlockMaxPool_rtl",
    "ConvolutionInputGenerator_rtl",
    "FMPadding_rtl",
    "IntegerAdd_rtl",
    "LabelSelect_rtl",
    "MVAU_rtl",
    "Register_rtl",
    "StreamingDataWidthConverter_rtl",
    "StreamingFIFO_rtl",
    "Thresholding_rtl",
]


@pytest.fixture(scope="module")
def design(run_folder: Path) -> Design:
    return load_design(run_folder / "rtl")


def layer_of(design: Design, operator: str) -> LayerRtl:
    return next(layer for layer in design.layers if layer.op == operator)


def test_the_network_has_every_kind_of_layer(design: Design) -> None:
    assert sorted({layer.op for layer in design.layers}) == OPERATORS


@pytest.mark.parametrize("operator", OPERATORS)
def test_yosys_elaborates_the_layer(design: Design, run_folder: Path, tmp_path: Path, operator: str) -> None:
    layer = layer_of(design, operator)
    folder, netlist = run_folder / "rtl", tmp_path / "netlist.json"
    commands = read_commands(
        layer.module,
        [folder / file for file in layer.sources],
        black_boxes=family_named("xc7").black_boxes,
    )
    run_script("\n".join([*commands, f"write_json {netlist}"]), folder, tmp_path / "yosys.log")
    ports = json.loads(netlist.read_text())["modules"][layer.module]["ports"]
    assert len(ports["out0_V_TDATA"]["bits"]) == layer.outputs[0].width
    assert len(ports["in0_V_TVALID"]["bits"]) == len(ports["out0_V_TREADY"]["bits"]) == 1


@pytest.mark.parametrize("operator", OPERATORS)
def test_verilator_elaborates_the_layer(design: Design, run_folder: Path, operator: str) -> None:
    layer = layer_of(design, operator)
    tool = toolchain.verilator()
    options = ["--lint-only", "--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--top", layer.module]
    result = subprocess.run(
        [*tool.command, *options, *layer.sources],
        cwd=run_folder / "rtl",
        env=dict(tool.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_the_matrix_unit_takes_the_multipliers_that_finn_estimates(
    design: Design, run_folder: Path, tmp_path: Path
) -> None:
    """FINN's formula holds for four lanes a DSP slice: narrow 4-bit weights and 4-bit activations."""
    (file,) = (run_folder / "hardware").glob("*.onnx")
    nodes = {node.name: getCustomOp(node) for node in ModelWrapper(str(file)).graph.node}
    units = [layer for layer in design.layers if layer.op == "MVAU_rtl"]
    layer = max(
        (unit for unit in units if nodes[unit.name].get_input_datatype(0).bitwidth() == 4),
        key=lambda unit: nodes[unit.name].get_nodeattr("PE") * nodes[unit.name].get_nodeattr("SIMD"),
    )
    sources = [Path(file) for file in layer.sources]
    usage = synthesise(layer.module, sources, run_folder / "rtl", family_named("xc7"), tmp_path / "yosys.log")
    assert usage.dsp == nodes[layer.name].dsp_estimation(board("pynq-z1").part) > 1
    assert usage.ff > 0 and usage.lut > 0
