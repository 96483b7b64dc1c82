"""Brevitas through torch's two ONNX exporters, as QONNX and as QCDQ.

python3.11 -m venv V
V/bin/pip install brevitas==0.13.4 torch==2.13.0 setuptools==80.9.0 onnx==1.21.0 onnxscript==0.7.2
V/bin/python make_brevitas.py
"""

from importlib.metadata import version

import onnx
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU
from exported import FOLDER, frames, save_outputs, training_frames
from torch import nn

MADE_WITH = f"Brevitas {version('brevitas')}, torch {version('torch').partition('+')[0]}"
SHAPE = (2, 8, 8)


def network():
    return nn.Sequential(
        QuantIdentity(bit_width=4, return_quant_tensor=True),
        QuantConv2d(2, 4, 3, bias=False, weight_bit_width=4),
        nn.BatchNorm2d(4),
        QuantReLU(bit_width=3, return_quant_tensor=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        QuantLinear(36, 5, bias=True, weight_bit_width=4),
    )


def without_stack_traces(path):
    """Leave out where on this machine the network's code stood; it is most of such a file."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.doc_string = ""
    onnx.save(model, path)


def main():
    torch.manual_seed(1)
    module = network()
    x, y = (torch.from_numpy(values) for values in training_frames(SHAPE))
    optimiser = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        optimiser.step()
    module.eval()
    with torch.no_grad():
        outputs = module(torch.from_numpy(frames(SHAPE))).numpy()
    for kind, export in (("qonnx", export_qonnx), ("qcdq", export_onnx_qcdq)):
        for exporter in ("torchscript", "dynamo"):
            name = f"brevitas-{kind}-{exporter}"
            dynamo = exporter == "dynamo"
            more = {"optimize": True, "external_data": False} if dynamo else {}
            path = str(FOLDER / f"{name}.onnx")
            export(module, args=torch.zeros(1, *SHAPE), export_path=path, dynamo=dynamo, **more)
            without_stack_traces(path)
            save_outputs(name, f"{MADE_WITH}, {exporter}", outputs)


main()
