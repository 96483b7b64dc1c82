"""A kind of layer and a device family from outside the project go all the way, without a line in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.recipe import load_recipe
from fpga_flow.core.settings import hardware_changes
from fpga_flow.core.stage import Context
from fpga_flow.integer.golden import INPUT, Golden
from fpga_flow.layers import base
from fpga_flow.pipeline import flow, order
from fpga_flow.report.assemble import assemble
from fpga_flow.stages import export
from fpga_flow.target import families
from tests import fakes
from tests.made_up import absolute, fourlut

HERE = Path(__file__).parent
BOARD = HERE / "board.toml"
RECIPE = HERE.parents[1] / "build" / "signals-quick.toml"
CASE = Path(__file__).parents[1] / "cases" / "networks" / "uint8-input-annotated.onnx"
SUMS, ABSOLUTE = "Conv_0_out0", "Abs_0_out0"


@pytest.fixture
def known() -> Iterator[None]:
    base.register(absolute.KIND)
    families.register(fourlut.FAMILY)
    yield
    families.forget(fourlut.FAMILY)
    base.forget(absolute.KIND)


def with_absolutes(graph: onnx.GraphProto) -> None:
    """Put an `Abs` between the sums and what reads them."""
    for node in graph.node:
        node.input[:] = [ABSOLUTE if name == SUMS else name for name in node.input]
    place = next(i for i, node in enumerate(graph.node) if SUMS in node.output)
    graph.node.insert(place + 1, helper.make_node("Abs", [SUMS], [ABSOLUTE], "Abs_0"))


def exported(context: Context) -> dict[str, Any]:
    """What the real stage gives for the case, with absolute values in it."""
    result = export.run(context)
    network = ModelWrapper(str(context.folder / export.NETWORK))
    with_absolutes(network.graph)
    shape = network.get_tensor_shape(SUMS)
    network.graph.value_info.append(helper.make_tensor_value_info(ABSOLUTE, TensorProto.FLOAT, shape))
    network.set_tensor_datatype(ABSOLUTE, DataType["UINT16"])
    network.save(str(context.folder / export.NETWORK))
    for name in (export.GOLDEN, export.GOLDEN_LAYERS):
        golden = onnx.load(context.folder / name)
        with_absolutes(golden.graph)
        for output in [output for output in golden.graph.output if output.name == SUMS]:
            another = onnx.ValueInfoProto()
            another.CopyFrom(output)
            another.name = ABSOLUTE
            golden.graph.output.append(another)
        onnx.save(golden, context.folder / name)
    vectors = dict(np.load(context.folder / "vectors.npz"))
    before = vectors["logits"]
    vectors["logits"], _ = Golden(context.folder / export.GOLDEN).run(vectors["x"])
    assert np.any(vectors["logits"] != before), f"the sums behind {INPUT} are never negative"
    np.savez(context.folder / "vectors.npz", **vectors)
    return result


def test_made_up_layer_and_family_go_from_folding_to_the_report(
    known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = tuple(
        fakes.FakeStage(**vars(stage), work=exported) if stage.name == "export" else stage
        for stage in order.STAGES
    )
    monkeypatch.setattr(order, "STAGES", stages)
    changes = {"hardware.fps": 1_500_000, "verify.frames": 8, "export.vectors": 16}
    recipe = load_recipe(RECIPE, [*hardware_changes(str(BOARD), None), *changes.items()])
    run = flow.new_run(tmp_path / "run", recipe, CASE)
    flow.execute(run, until="synth")

    folding = json.loads((run.folder / "hardware" / "folding.json").read_text())
    assert folding["Abs_0"]["PE"] > 1  # as much at once as the rate needs
    # FINN's unit wants a DSP slice, which the family has not.
    assert {folding[name]["implementation"] for name in ("Conv_0", "MatMul_0")} <= {
        "lut",
        "inferred",
        "sparse",
        "constant",
    }
    report = assemble(run)
    assert report.verify is not None and report.verify.mismatches == 0
    assert report.verify.samples == 8
    assert report.hardware is not None
    layer = next(one for one in report.hardware.layers if one.name == "Abs_0")
    assert (layer.kind, layer.op) == ("absolute", "Absolute_rtl")
    assert layer.synth is not None
    lanes, bits = folding["Abs_0"]["PE"], 16
    assert layer.synth["ff"] == lanes * bits + 1
    assert report.synth is not None and report.synth.part == "fourlut-1"
    assert report.synth.dsp == report.synth.bram18 == 0
