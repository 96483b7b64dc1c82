"""Small hardware graphs and their simulated RTL."""

from pathlib import Path

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core import places
from fpga_flow.design.build import build_design
from fpga_flow.design.design import INPUT, OUTPUT, Design
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.finn import finn_folding
from fpga_flow.hardware.fold.options import build_as, choice_of, choices
from fpga_flow.hardware.fold.problem import Problem, apply
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.results.hardware import Predicted
from fpga_flow.sim.simulator import Port, SimResult, Simulator
from fpga_flow.target.board import board

BOARD = board("pynq-z1")
PART = BOARD.part


def folded(
    network: ModelWrapper, cycles: int | None, top_k: int = 1, built: str | None = None
) -> ModelWrapper:
    """Return the hardware graph of `network` at `cycles` a frame by FINN's rule (None: one lane a layer).

    Every FIFO holds two words. Layers that have an implementation `built` get it.
    """
    with finn_session():
        model = lower(network, PART, top_k)
        if cycles is not None:
            found = finn_folding(model, Problem(model, BOARD), cycles)
            assert found is not None
            model = apply(model, found)
        for node in model.graph.node:
            choice = choice_of(getCustomOp(node))._replace(implementation=built or "")
            if choice in choices(model, node):
                build_as(model, node, choice)
        return insert_streams(model, PART)


def design_of(model: ModelWrapper, folder: Path) -> Design:
    """Write the RTL of `model` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Predicted(
        part=PART, clock_mhz=100.0, top_k=1, cycles_per_frame=1, latency_cycles=0, bottleneck=""
    )
    return build_design(model, settings, folder)


def simulator_of(design: Design, folder: Path, **options: object) -> Simulator:
    """Compile the RTL in `folder`."""
    return Simulator.build(
        design.top,
        [folder / source for source in design.sources],
        inputs=[Port(INPUT, design.input.width)],
        outputs=[Port(OUTPUT, design.output.width)],
        cache=places.cache() / "verilator",
        **options,  # type: ignore[arg-type]
    )


def simulate(simulator: Simulator, design: Design, folder: Path, frames: int, **options: object) -> SimResult:
    """Simulate `frames` frames of zeros: when words move does not depend on what they hold."""
    words = np.zeros((frames * design.input.words, design.input.width // 8), np.uint8)
    expect = {OUTPUT: frames * design.output.words}
    return simulator.run({INPUT: words}, expect, folder=folder, **options)  # type: ignore[arg-type]


def ends(result: SimResult, design: Design) -> list[int]:
    """Return the cycle in which each frame's last word came out."""
    words = design.output.words
    return [int(cycle) for cycle in result.output_cycles[OUTPUT][words - 1 :: words]]
