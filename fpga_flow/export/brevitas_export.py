"""The trained Brevitas module: as a cleaned QONNX model, and as a reference to compare with."""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from brevitas.inject.enum import QuantType
from brevitas.proxy.quant_proxy import QuantProxyFromInjector
from brevitas.proxy.runtime_quant import ActQuantProxyFromInjectorBase, TruncQuantProxyFromInjector
from brevitas.quant_tensor import IntQuantTensor
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from torch import nn

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.levels import put_thresholds, quantised_weights
from fpga_flow.export.reader import bring_up_to_date
from fpga_flow.export.reference import Observation
from fpga_flow.train.threads import torch_threads

OPSET = 18
"""The lowest that torch's exporter writes without converting."""


@torch_threads()
def export_module(module: nn.Module, frame_shape: tuple[int, ...]) -> ModelWrapper:
    """Return the QONNX of `module` (in eval mode) for one float frame of `frame_shape` (without batch).

    Raises `UnsupportedError` naming a quantiser that Brevitas would export as another one.
    """
    _check_one_bit(module)
    example = torch.zeros(1, *frame_shape)
    buffer = io.BytesIO()
    with _quiet(), torch.no_grad(), quantised_weights(module.eval()):
        export_qonnx(module, args=example, export_path=buffer, opset_version=OPSET)
    model = onnx.load_model_from_string(buffer.getvalue())
    put_thresholds(model)
    # torch counts its tensors on from one export of a process to the next
    layer_name = getattr(module, "layer_name", str)
    return bring_up_to_date(model, "the exported network", keep_names=False, layer_name=layer_name)


def _check_one_bit(module: nn.Module) -> None:
    """Refuse quantisers of one bit that are not binary: Brevitas exports them as if they were."""
    for name, part in module.named_modules():
        if not isinstance(part, QuantProxyFromInjector) or not part.is_quant_enabled:
            continue
        if _said(part, "quant_type") == QuantType.INT and _said(part, "bit_width") == 1:
            raise UnsupportedError(
                name,
                "a quantiser of one bit with the codes 0 and 1, which Brevitas exports as one with -1 and 1",
                "use SignedBinaryActPerTensorConst or SignedBinaryWeightPerTensorConst, or 2 bits",
            )


def _said(part: Any, name: str) -> object:
    """Return what a quantiser was given under `name`, None where nothing was."""
    return getattr(part.quant_injector, name) if name in part.quant_injector else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's chatter, which tells the user nothing he can act on, in the log's debug level."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class BrevitasReference:
    """The Brevitas module, run in torch in float32, every activation quantiser observed."""

    batched = True

    def __init__(self, module: nn.Module) -> None:
        """Observe `module`, which stays as it is."""
        self._module = module.eval()
        self._proxies = [
            m
            for m in module.modules()
            if isinstance(m, ActQuantProxyFromInjectorBase | TruncQuantProxyFromInjector)
            and m.is_quant_enabled
        ]

    @cached_property
    def double(self) -> "BrevitasReference":
        """The same module in float64 behind the quantisers of its input and weights."""
        return BrevitasReference(_in_double(self._module))

    @torch_threads()
    def run(self, frames: NDArray[np.float32]) -> Observation:
        """Return the codes of every activation quantiser, in the order they ran, and the float logits."""
        codes: list[NDArray[np.int64]] = []
        seen: list[tuple[nn.Module, torch.Tensor]] = []

        def observe(module: nn.Module, inputs: Any, output: Any) -> None:
            x = inputs[0].value if isinstance(inputs[0], IntQuantTensor) else inputs[0]
            if any(module is other and x is before for other, before in seen):
                return  # a second time on the same tensor: the exporter makes one node of both
            seen.append((module, x))
            if isinstance(output, IntQuantTensor):
                codes.append(np.rint((output.value / output.scale).double().numpy()).astype(np.int64))

        handles = [proxy.register_forward_hook(observe) for proxy in self._proxies]
        try:
            with torch.no_grad():
                out = self._module(torch.from_numpy(np.ascontiguousarray(frames, dtype=np.float32)))
        finally:
            for handle in handles:
                handle.remove()
        logits = out.value if isinstance(out, IntQuantTensor) else out
        return Observation(codes, logits.double().numpy())


def _in_double(module: nn.Module) -> nn.Module:
    """Return a copy of `module`, in eval mode, that calculates in float64.

    The quantisers' own parameters stay in float32, so that their scales are those that are exported, and so
    do weights and biases that are quantised: their codes are those of float32. What a quantiser gives is then
    its codes times its scale in float64.
    """
    module = copy.deepcopy(module)
    proxies = [m for m in module.modules() if isinstance(m, QuantProxyFromInjector) and m.is_quant_enabled]
    inside = {part for proxy in proxies for part in proxy.modules()}
    for proxy in proxies:
        proxy.register_forward_hook(_widen)
    for part in module.modules():
        if part in inside:
            continue
        for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            if tensor.is_floating_point() and getattr(part, f"{name}_quant", None) not in proxies:
                tensor.data = tensor.data.double()
        for name, value in vars(part).items():
            if isinstance(value, float):  # as the exporter writes it
                setattr(part, name, float(np.float32(value)))
    return module


def _widen(_proxy: nn.Module, _inputs: Any, output: IntQuantTensor) -> IntQuantTensor:
    """Return what a quantiser gave in float64: its codes times its scale."""
    scale = output.scale.double()
    return output.set(value=torch.round(output.value.double() / scale) * scale)
