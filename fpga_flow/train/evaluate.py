"""Loss and accuracy of a network on a part of the data."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fpga_flow.train.dataset import Codes
from fpga_flow.train.general import AnyNetwork, GeneralNetwork

BATCH = 512


@dataclass(frozen=True)
class Score:
    """A network's outcome on some frames."""

    loss: float
    accuracy: float
    """Share of frames whose class was found, 0 to 1."""
    predictions: NDArray[np.int64]
    """int (N,)."""


def evaluate(network: AnyNetwork, frames: Codes, quick: bool = False) -> Score:
    """Run `network` in eval mode over all frames.

    `quick` takes the light graph of a module, equal to the accuracy of float32: a sum halfway between two
    levels may go to the other one. Otherwise it is Brevitas' own, which is what is exported.
    """
    training = network.training
    if isinstance(network, GeneralNetwork):
        network.quick = quick
    network.eval()
    loss, predictions = 0.0, []
    with torch.no_grad():
        for start in range(0, len(frames), BATCH):
            logits: Tensor = network(frames.codes[start : start + BATCH])
            labels = frames.labels[start : start + BATCH]
            loss += float(F.cross_entropy(logits, labels, reduction="sum"))
            predictions.append(logits.argmax(1))
    network.train(training)
    found = torch.cat(predictions)
    accuracy = float((found == frames.labels).double().mean())
    return Score(loss / len(frames), accuracy, found.numpy())


def by_snr(score: Score, frames: Codes) -> dict[str, float]:
    """Return accuracy for each SNR in dB, lowest first; empty for data without SNRs."""
    ratios = frames.snr_db
    if ratios is None:
        return {}
    right = score.predictions == frames.labels.numpy()
    return {str(ratio): round(float(right[ratios == ratio].mean()), 6) for ratio in np.unique(ratios)}


def by_class(score: Score, frames: Codes) -> dict[str, float]:
    """Return accuracy for each class that occurs."""
    labels = frames.labels.numpy()
    right = score.predictions == labels
    return {
        name: round(float(right[labels == k].mean()), 6)
        for k, name in enumerate(frames.classes)
        if (labels == k).any()
    }
