"""Training speed: the fast graph against plain Brevitas, the same network and the same frames.

    python tests/bench/bench_training.py [--width 16] [--length 1024] [--batch 128] [--repeats 7]

One step is forward, backward and Adam on one batch; printed are medians in frames per second. Loading
data takes no part in either: both are handed frames in memory, as the training loop is.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from fpga_flow.recipe import make_recipe
from fpga_flow.toolchain import CPU_COUNT
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.kernels import kernels
from fpga_flow.train.loop import one_pool
from fpga_flow.train.network import build_network
from fpga_flow.train.spec import chain, quant_of
from fpga_flow.train.state import new_state

CLASSES = 24


def rate(step: Callable[[], object], frames: int, repeats: int) -> tuple[float, float]:
    """Return median and best frames per second of `step`, after two steps to warm up."""
    step()
    step()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return frames / statistics.median(seconds), frames / min(seconds)


def stepper(network: torch.nn.Module, x: Tensor, labels: Tensor, fused: bool) -> Callable[[], None]:
    """Return a function that takes one training step."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001, fused=fused)
    network.train()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(network(x), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if isinstance(network, FastNetwork):
            network.constrain()

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    recipe = make_recipe(
        {
            "name": "bench",
            "data": {"length": options.length},
            "model": {"width": options.width},
            "quant": {"weight_bits": options.bits, "act_bits": options.bits},
        }
    )
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(
        -128, 128, (options.batch, options.length, 2), generator=generator, dtype=torch.int8
    )
    labels = torch.randint(0, CLASSES, (options.batch,), generator=generator)
    state = new_state(recipe, [str(k) for k in range(CLASSES)], 2)
    fast = FastNetwork(chain(recipe, CLASSES, 2), quant_of(recipe), state)
    brevitas = build_network(recipe, CLASSES, 2)
    real = codes.transpose(1, 2).float() * quant_of(recipe).input_scale

    print(
        f"width {options.width}, length {options.length}, {options.bits} bits, batch {options.batch}, "
        f"{CPU_COUNT} cores, kernels {'compiled' if kernels() else 'missing'}"
    )
    torch.set_num_threads(CPU_COUNT)
    plain, plain_best = rate(stepper(brevitas, real, labels, False), options.batch, options.repeats)
    print(f"Brevitas   {plain:9.0f} frames/s median, {plain_best:9.0f} best")
    with one_pool():
        quick, quick_best = rate(stepper(fast, codes, labels, True), options.batch, 5 * options.repeats)
    print(f"fast graph {quick:9.0f} frames/s median, {quick_best:9.0f} best")
    print(f"ratio      {quick / plain:9.1f}")


if __name__ == "__main__":
    main()
