"""Transformations that put our RTL backends into a graph of FINN's layers, and hide them again.

Importing this module registers the backends with FINN.
"""

from pathlib import Path

from finn.custom_op.fpgadataflow import rtl as finn_rtl
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import HLS_DOMAIN, REPLACES, RTL_DOMAIN


def load_graph(path: Path) -> ModelWrapper:
    """Return the graph of hardware layers in the file `path`, whose operators are registered here."""
    return ModelWrapper(str(path))


class AsHls(Transformation):  # type: ignore[misc]
    """Show our RTL backends under the HLS variants' names, which `SetFolding` knows them by."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """The inverse of `UseOwnRtl`."""
        names = {backend.__name__: variant for variant, backend in REPLACES.items()}
        for node in model.graph.node:
            if node.op_type in names:
                node.op_type, node.domain = names[node.op_type], HLS_DOMAIN
        return model, False


class UseOwnRtl(Transformation):  # type: ignore[misc]
    """Put our RTL backend in the place of every HLS variant that we have one for.

    Raises `UnsupportedError` for an HLS variant without one.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Rewrite operator and domain; attributes, tensors and names stay."""
        for node in model.graph.node:
            if node.domain != HLS_DOMAIN:
                continue
            backend = REPLACES.get(node.op_type)
            if backend is None:
                raise UnsupportedError(
                    node.name,
                    f"FINN has {node.op_type.removesuffix('_hls')} in this configuration only in HLS, "
                    "which needs Vitis, and there is no RTL for it here",
                    f"operators with RTL: {', '.join(sorted(finn_rtl.custom_op))}",
                )
            node.op_type, node.domain = backend.__name__, RTL_DOMAIN
        return model, False
