"""What the flow may refuse to build, and why: everything else that it refuses is a failure."""

import re

from fpga_flow.core.errors import UnsupportedError

REASONS: dict[str, str] = {
    r"beyond the 2\^24 that float32 holds exactly": "sums too large for the carrier of ONNX and FINN",
    r"zero padding of an input that holds only -1 and 1": "bipolar streams have no code for zero",
    r"max-pool that pads an input with negative values": "padding would win over negative values",
    r"a channel is scaled by a negative number": "only a matrix can take over a sign",
    r"the logits have one scale per class": "integers of different scales cannot be compared",
    r"scale per channel cannot be summed up": "integers of different scales cannot be added",
    r"flattened in different ways|splits a flattened tensor|ends in a flatten": "streams go channels last",
    r"its input.* has \d+ bits, more than": "matrices take 16 bits, of an average 24",
    r"no multipliers of \d+ bits are right|too many with the \d+ steps": "scales that have no small ratio",
    r"a function of sums from .* more than are tried": "too many integers to try",
    r"the function in front of it has \d+ .* steps in one channel": "more steps up and down than a list has",
    r"the output is the quantised input as it is": "nothing is left to build",
    r"hardware\.top_k is \d+, of": "more classes wanted than there are",
}
"""Pattern of the message -> why that is right."""


def reason_of(error: UnsupportedError) -> str | None:
    """Return why `error` is right, None where it is not known to be; it must name a node."""
    message = str(error)
    if not error.node or repr(error.node) not in message:
        return None
    return next((why for pattern, why in REASONS.items() if re.search(pattern, message)), None)
