"""What a network is expected to take of a board: the same folding, FIFOs and formulas as in a build."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.budget.graph import Graph, build
from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.hardware.estimate import estimate_layers, with_ranges
from fpga_flow.layers.base import stands_between
from fpga_flow.results.estimate import Estimated
from fpga_flow.target.board import Board
from fpga_flow.target.fit import Fit, surely_over
from fpga_flow.target.resources import Resources


@dataclass(frozen=True)
class Budget:
    """A network on a board."""

    board: Board
    graph: Graph
    whole: Estimated
    layers: Mapping[str, Estimated]
    """By name, in the order of the stream."""

    @property
    def fit(self) -> Fit:
        """Whether it fits, by the estimate itself."""
        return Fit(Resources.of(self.whole), self.board)

    @property
    def bottleneck(self) -> str:
        """Key of the resource of which it takes the largest share."""
        shares = self.fit.shares
        return max(shares, key=lambda key: shares[key])

    @property
    def verdict(self) -> str:
        """In a few words, whether it fits."""
        if surely_over(self.whole, self.board):
            return "does not fit"
        capacity = self.board.capacity.limited()
        worst = {key: high for key, (_, high) in self.whole.ranges.items()}
        return "may fit" if any(high > capacity[key] for key, high in worst.items()) else "fits"

    @property
    def fps(self) -> float:
        """Frames per second, predicted."""
        return self.graph.settings.clock_mhz * 1e6 / self.graph.fifos.cycles_per_frame

    @property
    def latency_us(self) -> float:
        """From a frame's first word in to its last word out, predicted."""
        return self.graph.fifos.latency_cycles / self.graph.settings.clock_mhz

    def named(self) -> dict[str, Estimated]:
        """Return the layers of the network by name, largest first, without what stands between them."""
        operators = {str(node.name): str(node.op_type) for node in self.graph.model.graph.node}
        found = {name: taken for name, taken in self.layers.items() if not stands_between(operators[name])}
        return dict(sorted(found.items(), key=lambda item: -item[1].lut))


def budget(network: ModelWrapper, recipe: HardwareRecipe, board: Board, cache: Path) -> Budget:
    """Return what the integer `network`, built for `board` as `recipe` asks, is expected to take of it.

    Raises as `fpga_flow.budget.graph.build` does.
    """
    with tempfile.TemporaryDirectory(prefix="fpga_flow_estimate_") as folder:
        graph = build(network, recipe, board, Path(folder), cache)
    whole, layers = with_ranges(graph.model, estimate_layers(graph.model, board.family))
    return Budget(board, graph, whole, layers)
