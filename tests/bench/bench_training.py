"""Training speed: this project's graphs against plain Brevitas, the same network and the same frames.

    python -m tests.bench.bench_training [RECIPE ...] [--batch 128] [--seconds 20] [--csv docs/training.csv]

One step is what the training loop does with one batch: take its frames, forward, backward, Adam. Brevitas
is the same module called as it is, with the same optimiser. Given are frames per second of the median
step, and frames per second of processor time, which other work on the machine disturbs little; with one core
(`taskset -c 0 python ...`) the two are the same on a quiet machine. Loading is the part of the step that
takes the batch out of the frames in memory, where the loop has all of them.
"""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fpga_flow.core.recipe import find_recipe, load_recipe, make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.general import GeneralNetwork, first_state, network_of
from fpga_flow.train.kernels import kernels, thread_limit
from fpga_flow.train.layers import input_grid
from fpga_flow.train.loop import one_pool
from fpga_flow.train.network import build_network, module_of
from tests.bench.tables import processor, write_rows

RECIPES = ("vgg10", "bacalhaunet-w6", "densenet-small-w4")
"""Of `build/`, but for vgg10: the recipes' defaults, 64 filters of 4 bits."""
HELD = 4096
"""Frames in memory that batches are taken from."""


@dataclass(frozen=True)
class Speed:
    """Of one way to train."""

    wall: float
    """Frames per second of the median step."""
    processor: float
    """Frames per second of processor time, of the median step."""
    loading: float
    """Part of the processor time that takes batches out of the frames."""


@dataclass(frozen=True)
class Line:
    """One network, as it stands in the table."""

    network: str
    graph: str
    frame: str
    batch: int
    brevitas_frames_s: float
    frames_s: float
    ratio: float
    brevitas_frames_cpu_s: float
    frames_cpu_s: float
    ratio_cpu: float
    loading_share: float
    cores: int
    machine: str
    load_average: float
    command: str


class Plain(nn.Module):
    """The Brevitas module as it is, on codes."""

    def __init__(self, module: nn.Module, scale: float) -> None:
        super().__init__()
        self.module, self.scale = module, scale

    def forward(self, codes: Tensor) -> Tensor:
        """(N, ..., channels) to logits."""
        out = self.module(codes.movedim(-1, 1).float() * self.scale)
        logits: Tensor = getattr(out, "value", out)
        return logits


def measure(network: nn.Module, codes: Tensor, labels: Tensor, batch: int, seconds: float) -> Speed:
    """Train for so long, at least five steps, after two to warm up."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)
    network.train()
    order = batches(len(codes), batch)

    def step() -> tuple[float, float, float]:
        begin, busy = time.perf_counter(), time.process_time()
        indices = next(order)
        frames, classes = codes[indices], labels[indices]
        loaded = time.process_time()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(network(frames), classes).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if isinstance(network, FastNetwork | GeneralNetwork):
            network.constrain()
        return time.perf_counter() - begin, time.process_time() - busy, loaded - busy

    step(), step()
    end, found = time.monotonic() + seconds, [step() for _ in range(5)]
    while time.monotonic() < end:
        found.append(step())
    walls, busy, loads = zip(*found, strict=True)
    return Speed(batch / median(walls), batch / median(busy), sum(loads) / sum(busy))


def batches(frames: int, batch: int) -> Iterator[Tensor]:
    """Give indices for ever, in an order of their own for every epoch."""
    generator = torch.Generator().manual_seed(0)
    while True:
        order = torch.randperm(frames, generator=generator)
        for start in range(0, frames - batch + 1, batch):
            yield order[start : start + batch]


def recipe_of(name: str) -> Recipe:
    """Return the recipe, trained from scratch."""
    if name == "vgg10":
        return make_recipe({"name": name, "model": {"name": name}})
    return load_recipe(find_recipe(name), [("train.checkpoint", None)])


def compare(name: str, batch: int, seconds: float, command: str) -> Line:
    """Measure one network both ways."""
    recipe = recipe_of(name)
    picture = recipe.model.name == "densenet"
    shape = (32, 32, 3) if picture else (recipe.data.length, 2)
    classes = [str(k) for k in range(10 if picture else 24)]
    generator = torch.Generator().manual_seed(0)
    grid = input_grid(build_network(recipe, len(classes), shape[-1]))
    kind = torch.int8 if grid.low < 0 else torch.uint8
    codes = torch.randint(grid.low, grid.high + 1, (HELD, *shape), generator=generator, dtype=kind)
    labels = torch.randint(0, len(classes), (HELD,), generator=generator)
    state = first_state(recipe, classes, shape[-1])
    network = network_of(recipe, state)
    if isinstance(network, GeneralNetwork):
        network.calibrate(codes[:64], recipe.train.calibration)
        module = module_of(recipe, network.state())
    else:
        module = build_network(recipe, len(classes), shape[-1])
    torch.set_num_threads(thread_limit())
    plain = measure(Plain(module, grid.scale), codes, labels, batch, seconds)
    with one_pool(isinstance(network, FastNetwork)):
        ours = measure(network, codes, labels, batch, seconds)
    return Line(
        network=name,
        graph="fast" if isinstance(network, FastNetwork) else "light",
        frame="x".join(map(str, shape)),
        batch=batch,
        brevitas_frames_s=round(plain.wall, 1),
        frames_s=round(ours.wall, 1),
        ratio=round(ours.wall / plain.wall, 1),
        brevitas_frames_cpu_s=round(plain.processor, 1),
        frames_cpu_s=round(ours.processor, 1),
        ratio_cpu=round(ours.processor / plain.processor, 1),
        loading_share=round(ours.loading, 4),
        cores=thread_limit(),
        machine=processor(),
        load_average=round(os.getloadavg()[0], 1),
        command=command,
    )


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each measurement")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    if kernels() is None:
        raise SystemExit("no compiled kernels: nothing to compare")
    cores = sorted(os.sched_getaffinity(0))
    pinned = f"taskset -c {','.join(map(str, cores))} " if len(cores) < (os.cpu_count() or 1) else ""
    command = f"{pinned}python -m tests.bench.bench_training {shlex.join(sys.argv[1:])}"
    lines = []
    for name in options.recipes:
        lines.append(compare(name, options.batch, options.seconds, command))
        print(*(f"{key} {value}" for key, value in asdict(lines[-1]).items()), sep="\n", end="\n\n")
    if options.csv:
        with options.csv.open("w", encoding="utf-8", newline="") as file:
            write_rows(file, lines)


if __name__ == "__main__":
    main()
