"""FINN's own folding, `SetFolding`, as what ours must not be worse than."""

import logging
from collections.abc import Mapping

from finn.transformation.fpgadataflow.set_folding import SetFolding
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.hardware.fold.options import Choice, choices_of
from fpga_flow.hardware.fold.problem import Problem, go_together
from fpga_flow.hardware.lower import transform
from fpga_flow.layers.backends import AsHls, UseOwnRtl

_logger = logging.getLogger(__name__)


def finn_folding(model: ModelWrapper, problem: Problem, cycles: int) -> Mapping[str, Choice] | None:
    """Return the folding that FINN's `SetFolding` finds for `cycles` per frame.

    `model` has the layers of `problem` and is not changed. None where `SetFolding` refuses the graph, or
    where its result breaks a rule of the layers.
    """
    copy = ModelWrapper(model.model, make_deepcopy=True)
    logger = logging.getLogger("finn_logger")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # what it misses is no warning about ours
    try:
        folded = transform(copy, (AsHls(), SetFolding(cycles), UseOwnRtl()))
    except Exception as error:  # noqa: BLE001  FINN raises bare exceptions
        _logger.info("FINN's SetFolding refuses the graph: %r", error)
        return None
    finally:
        logger.setLevel(level)
    # By their tensors: it gives the layers new names, and branches another order.
    values = choices_of(folded).values()
    by_tensor = {node.output[0]: value for node, value in zip(folded.graph.node, values, strict=True)}
    found = {node.name: by_tensor[node.output[0]] for node in model.graph.node}
    legal = all(found[layer.name] in layer.choices for layer in problem.layers)
    coupled = all(
        go_together(found[problem.layers[v].name], found[problem.layers[w].name]) for v, w in problem.coupled
    )
    return found if legal and coupled else None
