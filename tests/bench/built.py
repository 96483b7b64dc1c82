"""What the benchmarks that build layers alone share: RTL of a graph, and Yosys' counts of one layer."""

import tempfile
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.design.build import build_design
from fpga_flow.design.design import LayerRtl
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.options import Choice
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.results.hardware import Predicted
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.board import Board
from fpga_flow.target.resources import Resources


def folding_text(choice: Choice) -> str:
    """Return the folding of `choice` as it stands in a table."""
    return " ".join(f"{key}={value}" for key, value in choice.folding)


def rtl_of(model: ModelWrapper, board: Board, folder: Path) -> tuple[LayerRtl, ...]:
    """Return the layers of the streamed graph `model`, with RTL in `folder`; its cycles are made up."""
    made_up = Predicted(
        part=board.part, clock_mhz=100, top_k=0, cycles_per_frame=1, latency_cycles=1, bottleneck="none"
    )
    return build_design(model, made_up, folder).layers


def counted(model: ModelWrapper, name: str, board: Board) -> Resources:
    """Return what the layer `name` of the folded graph `model` takes, by Yosys."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with finn_session():
            streamed = insert_streams(model, board.part)
        layer = next(one for one in rtl_of(streamed, board, folder) if one.name == name)
        sources = [Path(source) for source in layer.sources]
        return synthesise(layer.module, sources, folder, board.family, folder / "yosys.log")
