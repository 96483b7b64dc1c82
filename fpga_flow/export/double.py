"""ONNX in float64: onnx' own evaluator, with operators of our own where its are slow or wrong."""

from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

Floats = NDArray[np.float64]


def evaluator(model: onnx.ModelProto) -> ReferenceEvaluator:
    """Return what runs `model`, of standard operators; it has the method `run` of onnxruntime's sessions."""
    ours = [BatchNormalization, Conv, ConvTranspose, MaxPool, AveragePool, Resize, Upsample]
    return ReferenceEvaluator(model, new_ops=ours)


class BatchNormalization(OpRun):
    """A batch norm in eval mode; onnx' own of opset 9 is always in training mode."""

    op_domain = ""

    def _run(self, x: Floats, *parameters: Floats, epsilon: float, **_: Any) -> tuple[Floats]:
        gamma, beta, mean, variance = (p.reshape(1, -1, *[1] * (x.ndim - 2)) for p in parameters)
        return ((x - mean) / np.sqrt(variance + epsilon) * gamma + beta,)


class Conv(OpRun):
    """A convolution."""

    op_domain = ""

    def _run(
        self, x: Floats, weights: Floats, bias: Floats | None = None, **attributes: Any
    ) -> tuple[Floats]:
        kernel, groups = list(weights.shape[2:]), attributes["group"]
        windows = _windows(x, kernel, attributes, 0.0)
        over = (1, *range(x.ndim, windows.ndim)), range(1, x.ndim)
        parts = zip(np.split(windows, groups, axis=1), np.split(weights, groups), strict=True)
        sums = np.concatenate([np.tensordot(inputs, filters, over) for inputs, filters in parts], axis=-1)
        return (np.moveaxis(sums if bias is None else sums + bias, -1, 1),)


class ConvTranspose(OpRun):
    """A transposed convolution with explicit pads; onnx' own fails with groups."""

    op_domain = ""

    def _run(
        self, x: Floats, weights: Floats, bias: Floats | None = None, **attributes: Any
    ) -> tuple[Floats]:
        kernel, groups, (count, inputs, *sizes) = weights.shape[2:], attributes["group"], x.shape
        ones, axes = [1] * len(kernel), len(kernel)
        strides, dilations = (attributes.get(name) or ones for name in ("strides", "dilations"))
        more, pads = attributes.get("output_padding") or [0] * axes, attributes.get("pads") or [0] * 2 * axes
        parts = x.reshape(count, groups, inputs // groups, *sizes)
        filters = weights.reshape(groups, inputs // groups, *weights.shape[1:])
        whole = [
            (size - 1) * stride + (length - 1) * dilation + 1 + extra
            for size, stride, length, dilation, extra in zip(
                sizes, strides, kernel, dilations, more, strict=True
            )
        ]
        sums = np.zeros((count, groups * weights.shape[1], *whole))
        for place in np.ndindex(*kernel):
            at = [
                slice(k * dilation, k * dilation + (size - 1) * stride + 1, stride)
                for k, dilation, size, stride in zip(place, dilations, sizes, strides, strict=True)
            ]
            products = np.einsum("ngi...,gio->ngo...", parts, filters[(..., *place)])
            sums[(slice(None), slice(None), *at)] += products.reshape(count, -1, *sizes)
        kept = [slice(a, size - b) for a, b, size in zip(pads[:axes], pads[axes:], whole, strict=True)]
        sums = sums[(slice(None), slice(None), *kept)]
        return (sums if bias is None else sums + bias.reshape(-1, *ones),)


class MaxPool(OpRun):
    """The maximum of each window."""

    op_domain = ""

    def _run(self, x: Floats, **attributes: Any) -> tuple[Floats]:
        windows = _windows(x, attributes["kernel_shape"], attributes, -np.inf)
        return (windows.max(axis=tuple(range(x.ndim, windows.ndim))),)


class AveragePool(OpRun):
    """The average of each window, padding included or not; never what is behind it, as of opset 19."""

    op_domain = ""

    def _run(self, x: Floats, **attributes: Any) -> tuple[Floats]:
        kernel, ones = attributes["kernel_shape"], np.ones((1, 1, *x.shape[2:]))
        windows = _windows(x, kernel, attributes, 0.0)
        counted = _windows(ones, kernel, attributes, float(attributes["count_include_pad"]))
        over = tuple(range(x.ndim, windows.ndim))
        return (windows.sum(axis=over) / counted.sum(axis=over),)


class Resize(OpRun):
    """Every position several times: export refuses what is no such upsampling."""

    op_domain = ""

    def _run(
        self,
        x: Floats,
        roi: Floats | None = None,
        scales: Floats | None = None,
        sizes: NDArray[np.int64] | None = None,
        **_: Any,
    ) -> tuple[Floats]:
        if sizes is None or not sizes.size:
            assert scales is not None
            sizes = np.rint(x.shape * scales).astype(np.int64)
        for axis, size in enumerate(sizes):
            x = np.repeat(x, size // x.shape[axis], axis=axis)
        return (x,)


class Upsample(OpRun):
    """The same in older files."""

    op_domain = ""

    def _run(self, x: Floats, scales: Floats, **_: Any) -> tuple[Floats]:
        for axis, scale in enumerate(scales):
            x = np.repeat(x, int(scale), axis=axis)
        return (x,)


def _windows(x: Floats, kernel: list[int], attributes: dict[str, Any], fill: float) -> Floats:
    """Return the windows (N, C, *positions, *kernel) of `x` (N, C, ...), with `fill` around it.

    Where windows of ceil_mode stand out over that they have 0 there, or -inf where `fill` is that.
    """
    axes = len(kernel)
    strides, dilations = (attributes.get(name) or [1] * axes for name in ("strides", "dilations"))
    pads = attributes["pads"] or [0] * 2 * axes
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    around = list(zip(pads[:axes], pads[axes:], strict=True))
    if attributes["auto_pad"].startswith("SAME"):
        rests = [
            max(0, (-(-length // stride) - 1) * stride + size - length)
            for length, stride, size in zip(x.shape[2:], strides, reach, strict=True)
        ]
        upper = attributes["auto_pad"] == "SAME_UPPER"
        around = [(rest // 2, rest - rest // 2) if upper else (rest - rest // 2, rest // 2) for rest in rests]
    lengths = x.shape[2:]
    x = np.pad(x, [(0, 0), (0, 0), *around], constant_values=fill)
    if attributes.get("ceil_mode"):
        behind = [(0, stride - 1) for stride in strides]
        x = np.pad(x, [(0, 0), (0, 0), *behind], constant_values=fill if np.isinf(fill) else 0.0)
        ends = [
            min(length, start + before + size - 1)  # no window starts behind the input
            for length, start, (before, _), size in zip(x.shape[2:], lengths, around, reach, strict=True)
        ]
        x = x[(slice(None), slice(None), *map(slice, ends))]
    windows: Floats = sliding_window_view(x, tuple(reach), axis=tuple(range(2, 2 + axes)))
    steps = (slice(None, None, step) for step in (*strides, *dilations))
    return windows[(slice(None), slice(None), *steps)]
