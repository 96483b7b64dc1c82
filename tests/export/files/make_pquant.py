"""PQuantML (PyPI pquant-ml) with torch: fixed-point layers, pruned, through both of its exporters.

python3.11 -m venv V && V/bin/pip install pquant-ml==0.1.0 torch==2.13.0 onnx==1.23.2
V/bin/python make_pquant.py
"""

import os
from importlib.metadata import version

os.environ["KERAS_BACKEND"] = "torch"

import torch
from exported import FOLDER, frames, save_outputs, training_frames
from pquant import apply_final_compression, pdp_config
from pquant.activations import PQActivation
from pquant.core.torch.convert_to_onnx import convert_to_onnx, convert_to_onnx_fx
from pquant.layers import PQConv2d, PQDense
from torch import nn

MADE_WITH = f"PQuantML {version('pquant-ml')}, torch {version('torch').partition('+')[0]}"
WEIGHTS, INPUT, RELU, SUM = (1.0, 0.0, 3.0), (1.0, 0.0, 3.0), (0.0, 1.0, 2.0), (0.0, 2.0, 2.0)
"""Sign, integer and fractional bits."""


def configuration(high_granularity=False):
    found = pdp_config()
    found.pruning_parameters.sparsity = 0.5
    quantisation = found.quantization_parameters
    quantisation.round_mode = "RND_CONV"  # half to even, as Quant rounds; the default RND rounds half up
    quantisation.use_high_granularity_quantization = high_granularity
    quantisation.hgq_heterogeneous = False
    return found


def dense_layer(config, inputs, outputs, bias=False, quantised=False, bits=INPUT):
    return PQDense(
        config, inputs, outputs, bias, quantised,
        in_quant_bits=bits, weight_quant_bits=WEIGHTS, bias_quant_bits=WEIGHTS,
    )  # fmt: skip


def relu(config):
    return PQActivation(config, "relu", None, RELU, quantize_input=False, quantize_output=True)


def dense():
    config = configuration()
    return nn.Sequential(
        dense_layer(config, 8, 8, bias=True, quantised=True), relu(config), dense_layer(config, 8, 5)
    )


def conv():
    config = configuration()
    first = PQConv2d(config, 2, 4, 3, bias=False, in_quant_bits=INPUT, weight_quant_bits=WEIGHTS)
    return nn.Sequential(first, relu(config), nn.MaxPool2d(2), nn.Flatten(), dense_layer(config, 36, 5))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        config = configuration(high_granularity=True)
        self.first = dense_layer(config, 8, 8, quantised=True)
        self.second = dense_layer(config, 8, 8)
        self.last = dense_layer(config, 8, 5, quantised=True, bits=SUM)
        self.relu, self.other = relu(config), relu(config)

    def forward(self, x):
        x = self.relu(self.first(x))
        return self.last(self.other(self.second(x)) + x)


def trained(module, shape):
    x, y = (torch.from_numpy(values) for values in training_frames(shape))
    module(x[:2])
    for part in module.modules():
        if hasattr(part, "post_pre_train_function"):
            part.post_pre_train_function()
    optimiser = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        optimiser.step()
    return apply_final_compression(module.eval())


def main():
    for make, shape in ((dense, (8,)), (conv, (2, 8, 8)), (Residual, (8,))):
        torch.manual_seed(1)
        module = trained(make(), shape)
        with torch.no_grad():
            outputs = module(torch.from_numpy(frames(shape))).numpy()
        export = convert_to_onnx_fx if make is Residual else convert_to_onnx
        kinds = {"qonnx": True} if make is Residual else {"qonnx": True, "qdq": False}
        for kind, use_qonnx in kinds.items():
            name = f"pquant-{make.__name__.lower()}-{kind}"
            # Without QONNX, weights are whole numbers only where they are asked for.
            export(
                module, shape, str(FOLDER / f"{name}.onnx"), use_qonnx=use_qonnx,
                store_integer_weights=make is conv,
            )  # fmt: skip
            save_outputs(name, MADE_WITH, outputs)


main()
