"""What the accelerator of an integer network gives where the recipe does not say it."""

from math import prod

from fpga_flow.export.layout import Layout
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.integer.output import CLASSIFIERS, INDEPENDENT, Output, Step


def describe_output(network: IntegerNetwork, classes: int | None = None) -> Output:
    """Return what comes out of `network`; `classes` is how many its own data set has, where that is known."""
    return Output(
        name=network.left_out.name,
        shape=network.output.shape[1:],
        decides=network.decides,
        k=network.left_out.k,
        reason=_reason(network, classes),
        behind=network.left_out.operators,
        scale=network.logit_scale,
        offset=network.logit_offset,
        steps=(*_to_file(network), *network.left_out.steps),
    )


def _to_file(network: IntegerNetwork) -> list[Step]:
    """Return what turns numbers as the integers lie into such as the file has them."""
    shape = network.output.shape
    layout = network.layout or Layout(tuple(range(len(shape))))
    wanted = shape if network.file_shape is None else network.file_shape
    steps: list[tuple[str, tuple[int, ...]]] = []
    if layout.order is not None:
        steps.append(("take", tuple(layout.order.tolist())))
        shape = (1, len(layout.order))
    else:
        moved = [axis for axis in layout.axes if axis > 0 and shape[axis] > 1]
        order = (0, *moved, *(axis for axis in range(1, len(shape)) if axis not in moved))
        if moved != sorted(moved):
            steps.append(("transpose", order))
            shape = tuple(shape[axis] for axis in order)
    if shape != wanted:
        steps.append(("reshape", wanted[1:]))
    return [(kind, tuple(float(number) for number in numbers)) for kind, numbers in steps]


def _reason(network: IntegerNetwork, classes: int | None) -> str:
    operators = network.left_out.operators
    if prod(network.output.shape) == 1:
        return "the network has one output"
    if prod(network.output.shape) != network.output.channels:
        return "the output is a map"
    for name in (n for n in operators if n in CLASSIFIERS):
        return f"the file ends in {name}"
    for name in (n for n in operators if n in INDEPENDENT):
        return f"the file ends in {name}: {'independent labels' if name == 'Sigmoid' else 'values'}"
    if classes is not None:
        return f"the data set has {classes} classes"
    return "the file ends in them, and nothing in it says what they are"
