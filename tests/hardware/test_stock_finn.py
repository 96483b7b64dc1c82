"""What stock FINN, without this project, makes of the graphs made here."""

import json
import subprocess
import sys
from pathlib import Path

from fpga_flow.boards import board
from fpga_flow.finn_adapter.backend import REPLACES
from fpga_flow.finn_adapter.ops import AsHls
from fpga_flow.finn_adapter.session import finn_session
from fpga_flow.hardware import fold, lower
from tests import networks

OPEN_IN_FINN = """
import json, sys
from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

model, unknown = ModelWrapper(sys.argv[1]), []
for node in model.graph.node:
    try:
        getCustomOp(node)
    except Exception:
        unknown.append(node.op_type)
cycles = {} if unknown else {k: int(v) for k, v in model.analysis(exp_cycles_per_layer).items()}
assert not any(name.startswith("fpga_flow") for name in sys.modules)
print(json.dumps([unknown, cycles]))
"""


def open_in_finn(path: Path) -> tuple[list[str], dict[str, int]]:
    """Return the operators that FINN does not know, and the cycles it counts where it knows all."""
    result = subprocess.run(
        [sys.executable, "-c", OPEN_IN_FINN, str(path)], capture_output=True, text=True, check=True
    )
    unknown, cycles = json.loads(result.stdout.splitlines()[-1])
    return unknown, cycles


def test_finn_opens_all_layers_but_those_it_has_no_rtl_for(tmp_path: Path) -> None:
    with finn_session():
        model = fold.fold_to_cycles(lower.lower(networks.vgg(), board("pynq-z1").part), 200)
        mine = {layer.name: layer.cycles for layer in fold.layers(model)}
        model.save(str(tmp_path / "ours.onnx"))
        model.transform(AsHls()).save(str(tmp_path / "as_hls.onnx"))
    unknown, _ = open_in_finn(tmp_path / "ours.onnx")
    assert set(unknown) == {"Pool_rtl", "LabelSelect_rtl", REPLACES["ElementwiseAdd_hls"].__name__}
    unknown, cycles = open_in_finn(tmp_path / "as_hls.onnx")
    assert (unknown, cycles) == ([], mine)
