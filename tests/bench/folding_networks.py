"""Ten networks that people build, as integer networks with random weights: folding looks at shapes only."""

from collections.abc import Callable

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from tests.networks import Builder


class Net(Builder):
    """`Builder` with two dimensions."""

    def conv2d(
        self, filters: int, kernel: tuple[int, int], bits: int, *, pad: int = 0, stride: int = 1
    ) -> "Net":
        """A convolution; the padding is along the axes on which the kernel is longer than 1."""
        _, channels, height, width = self.last[1]
        pads = [pad if size > 1 else 0 for size in kernel]
        strides = [stride if size > 1 else 1 for size in (height, width)]
        out = [
            (size + 2 * p - k) // s + 1
            for size, p, k, s in zip((height, width), pads, kernel, strides, strict=True)
        ]
        weights = self.weights((filters, channels, *kernel), bits)
        window = {"kernel_shape": list(kernel), "pads": pads * 2, "strides": strides, "dilations": [1, 1]}
        self.add("Conv", (1, filters, *out), "INT32", weights, group=1, **window)
        return self

    def sum_pool(self, kernel: int) -> "Net":
        """Sums of windows side by side; of unsigned values, and so is the sum."""
        bits = int(self.last[2].removeprefix("UINT"))
        super().sum_pool(kernel)
        self.last = (*self.last[:2], f"UINT{(kernel * (2**bits - 1)).bit_length()}")
        self.tensors[-1] = self.last
        return self

    def threshold(self, bits: int = 4, spread: float = 60.0) -> "Net":
        """Steps; of a sum of unsigned values they are not negative. One bit is the sign."""
        if bits == 1:
            return self._sign(spread)
        positive = self.nodes and self.nodes[-1].op_type == "ReduceSum" or self.last[2].startswith("UINT")
        super().threshold(bits, spread)
        if positive:
            name = self.nodes[-1].input[1]
            values, datatype = self.constants[name]
            self.constants[name] = (np.sort(np.abs(values), axis=1), datatype)
        return self

    def _sign(self, spread: float) -> "Net":
        _, shape, _ = self.last
        steps = self.constant(self.rng.normal(0, spread, (shape[1], 1)).round(), "INT16")
        settings = {"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0}
        self.add("MultiThreshold", shape, "BIPOLAR", steps, domain="qonnx.custom_op.general", **settings)
        return self

    def weights(self, shape: tuple[int, ...], bits: int) -> str:
        """Integers of `bits` bits, or -1 and 1."""
        if bits > 1:
            return super().weights(shape, bits)
        return self.constant(self.rng.choice([-1, 1], shape), "BIPOLAR")

    def pool2d(self, size: int) -> "Net":
        """A maximum of windows side by side."""
        _, (_, channels, height, width), datatype = self.last
        kernel = [min(size, height), min(size, width)]
        window = {"kernel_shape": kernel, "strides": kernel, "pads": [0, 0, 0, 0]}
        self.add("MaxPool", (1, channels, height // kernel[0], width // kernel[1]), datatype, **window)
        return self


def vgg10(width: int, bits: int = 4) -> ModelWrapper:
    """A(MC) VGG10 on I/Q frames of 1024 samples."""
    net = Net((2, 1024, 1))
    for _ in range(7):
        net.conv(width, bits).threshold(bits).pool()
    net.flatten()
    for _ in range(2):
        net.dense(128, bits).threshold(bits)
    return net.dense(24, bits).bias().build()


def densenet(growth: int = 8, blocks: tuple[int, ...] = (6, 10, 20, 12), bits: int = 4) -> ModelWrapper:
    """DenseNet-B on I/Q frames: bottleneck and growth layers, each appended to what it read."""
    net = Net((2, 1024, 1))
    net.conv2d(2 * growth, (7, 1), bits, pad=3, stride=2).threshold(bits).pool()
    for number, layers in enumerate(blocks):
        for _ in range(layers):
            before = net.tensor
            net.conv2d(4 * growth, (1, 1), bits).threshold(bits)
            net.conv(growth, bits).threshold(bits).concat(before)
        if number < len(blocks) - 1:
            net.conv2d(net.last[1][1] // 2, (1, 1), bits).threshold(bits).sum_pool(2).threshold(bits)
    return net.global_pool("ReduceSum").threshold(bits).flatten().dense(24, bits).build()


def bacalhaunet(bits: int = 6) -> ModelWrapper:
    """BacalhauNet's kind: depthwise-separable, residual, global maximum."""
    net = Net((2, 1024, 1))
    net.conv2d(32, (3, 1), bits, pad=1, stride=2).threshold(bits)
    for width in (32, 48, 64):
        net.depthwise(5, bits, 2).threshold(bits).conv2d(width, (1, 1), bits).threshold(bits)
        before = net.tensor
        net.depthwise(5, bits).threshold(bits).conv2d(width, (1, 1), bits).threshold(bits)
        net.residual(before).threshold(bits)
    return net.global_pool("GlobalMaxPool").flatten().dense(24, bits).build()


def cnv(bits: int = 2) -> ModelWrapper:
    """FINN's CIFAR network."""
    net = Net((3, 32, 32))
    for filters in (64, 128, 256):
        for _ in range(2):
            net.conv2d(filters, (3, 3), bits).threshold(bits)
        if filters < 256:
            net.pool2d(2)
    net.flatten()
    for _ in range(2):
        net.dense(512, bits).threshold(bits)
    return net.dense(10, bits).build()


def mlp(
    inputs: int, hidden: tuple[int, ...], classes: int, bits: int, datatype: str = "INT8"
) -> ModelWrapper:
    """Dense layers."""
    net = Net((inputs, 1, 1), datatype)
    net.flatten()
    for neurons in hidden:
        net.dense(neurons, bits).threshold(bits)
    return net.dense(classes, bits).build()


def resnet8(bits: int = 4) -> ModelWrapper:
    """The residual network of MLPerf Tiny (CIFAR), its shortcuts with convolutions where shapes change."""
    net = Net((3, 32, 32))
    net.conv2d(16, (3, 3), bits, pad=1).threshold(bits)
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        before = net.tensor
        net.conv2d(filters, (3, 3), bits, pad=1, stride=stride).threshold(bits)
        after = net.conv2d(filters, (3, 3), bits, pad=1).threshold(bits).tensor
        if stride > 1:
            before = net.at(before).conv2d(filters, (1, 1), bits, stride=stride).threshold(bits).tensor
        net.at(after).residual(before).threshold(bits)
    return net.global_pool("ReduceSum").threshold(bits).flatten().dense(10, bits).build()


NETWORKS: dict[str, tuple[Callable[[], ModelWrapper], str]] = {
    "VGG10, 64 filters": (lambda: vgg10(64), "pynq-z1"),
    "VGG10, 32 filters": (lambda: vgg10(32), "pynq-z1"),
    "DenseNet-B, 4 bits": (densenet, "zcu104"),
    "BacalhauNet, 6 bits": (bacalhaunet, "zcu104"),
    "CNV, 2 bits": (cnv, "pynq-z1"),
    "ResNet-8, 4 bits": (resnet8, "zcu104"),
    "TFC, 1 bit": (lambda: mlp(784, (64, 64, 64), 10, 1), "pynq-z1"),
    "SFC, 2 bits": (lambda: mlp(784, (256, 256, 256), 10, 2), "pynq-z1"),
    "LFC, 2 bits": (lambda: mlp(784, (1024, 1024, 1024), 10, 2), "zcu104"),
    "jet tagger, 6 bits": (lambda: mlp(16, (64, 32, 32), 5, 6), "pynq-z1"),
}
"""Name -> what builds the network, and the board it is folded for."""
