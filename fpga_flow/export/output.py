"""What the accelerator of an integer network gives where the recipe does not say it."""

from math import prod

from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.output import CLASSIFIERS, INDEPENDENT, Output


def describe_output(network: IntegerNetwork, classes: int | None = None) -> Output:
    """Return what comes out of `network`; `classes` is how many its own data set has, where that is known."""
    return Output(
        shape=network.output.shape[1:],
        decides=network.decides,
        reason=_reason(network, classes),
        behind=network.behind,
        scale=network.logit_scale,
        offset=network.logit_offset,
    )


def _reason(network: IntegerNetwork, classes: int | None) -> str:
    if prod(network.output.shape) == 1:
        return "the network has one output"
    if prod(network.output.shape) != network.output.channels:
        return "the output is a map"
    for name in (n for n in network.behind if n in CLASSIFIERS):
        return f"the file ends in {name}"
    for name in (n for n in network.behind if n in INDEPENDENT):
        return f"the file ends in {name}: independent labels"
    if classes is not None:
        return f"the data set has {classes} classes"
    return "the file ends in them, and nothing in it says what they are"
