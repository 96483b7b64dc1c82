"""Sweeps whose stages do no work: they write down who made which step, and go on after a kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client, Worker, WorkerPlugin

from fpga_flow.cli import main as cli
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline import flow, order
from fpga_flow.sweep import cluster
from tests import fakes

STEP_S = 0.1
STEPS = "steps.txt"


class Fakes(WorkerPlugin):
    """Puts the stages of this module in the place of the real ones."""

    def setup(self, worker: Worker) -> None:
        order.STAGES = fakes.stages(train=train, prune=prune)


def train(context: flow.Context) -> dict[str, Any]:
    _work(context, context.recipe.train.epochs)
    return fakes.results()["train"]


def prune(context: flow.Context) -> dict[str, Any]:
    settings = context.recipe.prune
    if settings.rate > 0.9:
        raise InputError(f"prune.rate: must be at most 0.9 here, not {settings.rate}")
    _work(context, settings.epochs)
    return fakes.results()["prune"] | {"method": settings.method}


def _work(context: flow.Context, steps: int) -> None:
    """Do what is left of `steps`, beside a tool that never ends."""
    tool = subprocess.Popen(["sleep", "600"])
    done = len(work_of(context.folder))
    for _ in range(done, steps):
        time.sleep(STEP_S)
        with (context.folder / STEPS).open("a") as stream:
            stream.write(f"{os.getpid()}\n")
    tool.kill()
    tool.wait()


def work_of(stage: Path) -> list[int]:
    """Return the processes that did the steps in `stage` (or its partial folder), in order."""
    for folder in (stage, stage.with_name(f"{stage.name}.partial")):
        if (folder / STEPS).is_file():
            return [int(line) for line in (folder / STEPS).read_text().split()]
    return []


def wait_for(what: Callable[[], Any], seconds: float = 60.0) -> None:
    """Return when `what` is true; raises `TimeoutError` where it does not become so."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def sweep(words: Sequence[str]) -> int:
    """Run `flow sweep` with `words`, with these stages on workers of this machine."""
    real = cluster.local

    @contextmanager
    def local(workers: int | None) -> Iterator[Client]:
        with real(workers) as client:
            client.register_plugin(Fakes())
            yield client

    cluster.local = local
    try:
        return cli.main(["sweep", *words])
    finally:
        cluster.local = real


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts with &
    sys.exit(sweep(sys.argv[1:]))
