"""Networks that were trained elsewhere, on the real recordings and on MNIST, know the data that stands in."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.data import digits, signals
from fpga_flow.data.constellations import CLASSES
from tests.trained_elsewhere import ABSENT, RADIO, ZOO, judge

AUDIO = ("AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC")
"""The message that modulates them in the real set is not known."""
CONFUSED = ("128QAM", "256QAM")
"""Dense grids, which this network of four bits does not tell from 64QAM (docs/signals.md)."""


def trained(name: str) -> Callable[[NDArray[Any]], NDArray[np.int64]]:
    if not (ZOO / name).is_file():
        pytest.skip(f"{name} {ABSENT}")
    return judge(name)


def test_a_network_trained_on_recordings_recognises_the_classes() -> None:
    classes = trained(RADIO)
    right = {
        name: float(np.mean(classes(signals.block(label, 30, 128, 1024, 1).transpose(0, 2, 1)) == label))
        for label, name in enumerate(CLASSES)
        if name not in AUDIO
    }
    assert len(right) == 20
    assert np.mean(list(right.values())) > 0.85, right
    assert min(share for name, share in right.items() if name not in CONFUSED) > 0.6, right
    assert min(right[name] for name in CONFUSED) > 0.3, right


def test_a_network_trained_on_mnist_recognises_digits() -> None:
    images, labels = digits.pictures()
    assert np.mean(trained("tfc_w2a2.onnx")(images) == labels) > 0.6
