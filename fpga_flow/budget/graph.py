"""From the integer network to the folded graph with its FIFOs, for the stage `hardware` and for estimates."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.fifos.depths import size_fifos
from fpga_flow.fifos.network import network_of
from fpga_flow.fifos.predict import predict
from fpga_flow.fifos.tokens import UNLIMITED
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import fold, lower, streams
from fpga_flow.hardware.fold.options import Known, no_layer_known, pipeline
from fpga_flow.hardware.fold.targets import Folded
from fpga_flow.hardware.lowering import chosen_classes
from fpga_flow.results.hardware import HardwareSettings, SizedFifos
from fpga_flow.target.board import Board


@dataclass(frozen=True)
class Graph:
    """A network as hardware."""

    model: ModelWrapper
    """Its layers, with FIFOs and width converters."""
    folded: Folded
    """How it came to its folding."""
    fifos: SizedFifos
    settings: HardwareSettings


def lowered(network: ModelWrapper, recipe: HardwareRecipe, board: Board) -> tuple[ModelWrapper, int]:
    """Return the unfolded layers of the integer `network` for `board`, and how many classes they give."""
    top_k = chosen_classes(network) if recipe.top_k is None else recipe.top_k
    model = lower.lower(network, board.part, top_k)
    pipeline(model, board.family.levels(recipe.clock_mhz or board.clock_mhz))
    return model, top_k


def build(
    network: ModelWrapper,
    recipe: HardwareRecipe,
    board: Board,
    folder: Path,
    cache: Path,
    known: Known = no_layer_known,
) -> Graph:
    """Return the integer `network` as hardware for `board`, as `recipe` asks.

    The depths of the FIFOs are written into `folder`; simulations of them are kept in `cache`; `known` has
    layers that were synthesised. Raises `UnsupportedError` for a layer without RTL, `InputError` for wrong
    files of foldings or depths.
    """
    clock_mhz = recipe.clock_mhz or board.clock_mhz
    with finn_session():
        model, top_k = lowered(network, recipe, board)
        folded = fold.fold(model, recipe, clock_mhz, board, known, partial(_latency, board.part))
        model = streams.insert_streams(folded.model, board.part)
    settings = HardwareSettings(part=board.part, clock_mhz=clock_mhz, top_k=top_k)
    fifos = size_fifos(model, recipe.fifos, settings, folder, cache)
    return Graph(model, folded, fifos, settings)


def _latency(part: str, model: ModelWrapper) -> int:
    """Return the latency of a folded graph in cycles, by the schedules, with FIFOs that never fill."""
    network = network_of(streams.insert_streams(model, part))
    return predict(network, [UNLIMITED] * len(network.edges)).latency
