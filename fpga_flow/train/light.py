"""The light graph of a Brevitas module: the same layers with the same parameters, computed with less.

The module is traced once (torch.fx). Batch norms with a quantised ReLU behind them become one operation, and
convolutions over time run in the compiled kernels; Brevitas still gives all scales and quantises the weights,
so whatever it learns keeps its gradient. A layer of any other kind stays as it is, with Brevitas' own
quantiser. Logits and gradients are those of the module, to the accuracy of float32.
"""

import logging
from typing import Any

import torch
from brevitas import nn as qnn
from brevitas.core.function_wrapper import RoundSte, TensorClamp
from brevitas.core.quant import IntQuant, RescalingIntQuant
from brevitas.core.quant.delay import _NoDelay
from brevitas.core.scaling import ParameterScaling
from brevitas.core.zero_point import ZeroZeroPoint
from torch import Tensor, fx, nn

from fpga_flow.train.calibrate import NORMS
from fpga_flow.train.kernels import kernels
from fpga_flow.train.planes import Conv, Levels, NormQuant, QuantRelu, Sizes, norm_quant_fixed


def light_graph(network: nn.Module) -> nn.Module | None:
    """Return the light graph of `network`, whose layers it shares: float (N, channels, ...) to logits.

    Inputs must be multiples of the input's step. None where there are no compiled kernels, or where the way
    through the network depends on the numbers and cannot be traced.
    """
    if kernels() is None:
        return None
    try:
        graph = _Tracer().trace(network)
    except (fx.proxy.TraceError, TypeError, ValueError) as error:
        logging.getLogger(__name__).warning("no light graph: %s", error)
        return None
    modules = dict(network.named_modules())
    layers = {node: modules[str(node.target)] for node in graph.nodes if node.op == "call_module"}
    light: dict[str, nn.Module] = {}
    for node, layer in layers.items():
        node.target = f"light_{node.name}"
        if _is_quant_relu(layer):
            norm = _norm_before(node, layers)
            light[node.target] = QuantisedRelu(layer) if norm is None else NormAndRelu(norm, layer)
            if norm is not None:
                before = node.all_input_nodes[0]
                node.args = before.args
                graph.erase_node(before)
        else:
            light[node.target] = Convolution(layer) if _is_convolution(layer) else layer
    return fx.GraphModule(light, graph)


class Convolution(nn.Module):
    """A convolution over time, or of one position, without bias."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer
        self.sizes = Sizes(layer.groups, layer.stride[0], layer.padding[0])

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) to (N, O, ...)."""
        x, weight = _plain(x), _plain(self.layer.quant_weight())
        y: Tensor = Conv.apply(x.flatten(2), weight.flatten(2), self.sizes)  # type: ignore[no-untyped-call]
        return y.view(*y.shape[:2], *x.shape[2:]) if x.dim() > 3 else y


class QuantisedRelu(nn.Module):
    """A quantised ReLU with a step for all channels."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) to the same."""
        y: Tensor = QuantRelu.apply(x, *_levels(self.act))  # type: ignore[no-untyped-call]
        return y


class NormAndRelu(nn.Module):
    """Batch norm and the quantised ReLU behind it."""

    def __init__(self, norm: Any, act: Any) -> None:
        super().__init__()
        self.norm, self.act = norm, act

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) to the same."""
        norm = self.norm
        if not norm.training:
            a = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            if torch.is_grad_enabled():
                return self.act(norm(x))  # type: ignore[no-any-return]
            return norm_quant_fixed(x, a, norm.bias - a * norm.running_mean, _levels(self.act)[1])
        step, levels = _levels(self.act)
        y: Tensor
        y, mean, var = NormQuant.apply(  # type: ignore[no-untyped-call]
            x, norm.weight, norm.bias, step, norm.eps, levels
        )
        with torch.no_grad():
            count = x.numel() // x.shape[1]
            norm.num_batches_tracked += 1
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(var * (count / (count - 1)), norm.momentum)
        return y


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m).__module__.startswith("brevitas.") or super().is_leaf_module(m, module_qualified_name)


def _plain(x: Any) -> Tensor:
    value: Tensor = getattr(x, "value", x)
    return value


def _norm_before(node: fx.Node, layers: dict[fx.Node, nn.Module]) -> nn.Module | None:
    """Return the batch norm that `node` alone reads."""
    before = node.all_input_nodes[0]
    norm: Any = layers.get(before)
    usual = isinstance(norm, NORMS) and norm.affine and norm.track_running_stats and norm.momentum is not None
    return norm if usual and len(before.users) == 1 else None


def _is_convolution(layer: Any) -> bool:
    if not isinstance(layer, qnn.QuantConv1d | qnn.QuantConv2d) or layer.bias is not None:
        return False
    if layer.input_quant.is_quant_enabled or layer.output_quant.is_quant_enabled or layer.return_quant_tensor:
        return False
    if isinstance(layer, qnn.QuantConv2d) and not (
        layer.kernel_size == (1, 1) and layer.stride == (1, 1) and layer.padding == (0, 0)
    ):
        return False
    return layer.dilation[0] == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def _is_quant_relu(act: Any) -> bool:
    """Whether `act` is a ReLU to evenly spaced levels from 0 on, of one step that is a parameter."""
    if not isinstance(act, qnn.QuantReLU) or act.return_quant_tensor or act.input_quant.is_quant_enabled:
        return False
    fused = act.act_quant.fused_activation_quant_proxy
    quant = fused.tensor_quant
    if not isinstance(fused.activation_impl, nn.ReLU) or type(quant) is not RescalingIntQuant:
        return False
    levels = quant.int_quant
    return (
        type(quant.scaling_impl) is ParameterScaling
        and quant.scaling_impl.value.numel() == 1
        and type(quant.zero_point_impl) is ZeroZeroPoint
        and type(levels) is IntQuant
        and type(levels.float_to_int_impl) is RoundSte
        and type(levels.tensor_clamp_impl) is TensorClamp
        and isinstance(levels.delay_wrapper.delay_impl, _NoDelay)
        and not (levels.signed or levels.narrow_range or quant.observer_only)
    )


def _levels(act: Any) -> tuple[Tensor, Levels]:
    """Return the step, with its gradient, and the levels of `act`."""
    quant = act.act_quant.fused_activation_quant_proxy.tensor_quant
    value = quant.scaling_impl.value
    if not act.act_quant.is_quant_enabled:
        return value.detach(), Levels(1.0, 0, False)
    bits = quant.msb_clamp_bit_width_impl()
    step = quant.scaling_impl(value, quant.int_scaling_impl(bits))
    return step, Levels(float(step.detach()), (1 << int(bits)) - 1, True)
