"""The command that searches: many random networks from QONNX to simulated RTL.

Prints what failed, made as small as time allows, and keeps it in `tests/search/failures`.
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from fpga_flow.core import places
from tests.search import corpus
from tests.search.describe import Network, from_json, summary, to_json
from tests.search.run import Outcome, run_network
from tests.search.shrink import shrink
from tests.search.strategy import MENUS, network_of

CACHE = places.cache()


def work(network: Network) -> Outcome:
    """Run one network in a folder of its own (in a process of its own)."""
    with tempfile.TemporaryDirectory(prefix="search-") as folder:
        return run_network(network, Path(folder) / "run", CACHE)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.search", description=__doc__)
    processors = os.cpu_count() or 1
    parser.add_argument("--count", type=int, default=20, help="networks (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the first network (0)")
    parser.add_argument("--minutes", type=float, default=None, help="stop after so many")
    parser.add_argument("--jobs", type=int, default=processors, help="networks at a time (processors)")
    parser.add_argument(
        "--shrink", type=float, default=60.0, help="seconds to make a failing network smaller"
    )
    parser.add_argument("--menu", choices=MENUS, default="everything", help="what networks are made of")
    parser.add_argument("--network", default=None, help="a description (JSON), or a file with one, instead")
    return parser.parse_args()


def drawn(options: argparse.Namespace) -> Iterator[tuple[str, Network]]:
    """Yield the networks that were asked for, with a name."""
    if options.network is not None:
        known = {str(corpus.FOLDER / f"{one.name}.json"): one.network for one in corpus.load()}
        if options.network.lstrip().startswith("{"):
            network = from_json(options.network)
        else:
            path = Path(options.network)
            network = known.get(str(path.resolve())) or from_json(path.read_text(encoding="utf-8"))
        yield "given", network
        return
    for seed in range(options.seed, options.seed + options.count):
        yield f"seed {seed}", network_of(seed, MENUS[options.menu])


def main() -> int:
    """Run; returns 1 where a network failed."""
    options = arguments()
    begun = time.monotonic()
    until = begun + 60 * options.minutes if options.minutes else float("inf")
    totals: Counter[str] = Counter()
    failures: dict[str, list[tuple[str, Network, Outcome]]] = {}
    queue, done = drawn(options), count(1)
    running: dict[Future[Outcome], tuple[str, Network]] = {}
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        while True:
            while len(running) < options.jobs and time.monotonic() < until:
                following = next(queue, None)
                if following is None:
                    break
                running[pool.submit(work, following[1])] = following
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, network = running.pop(future)
                outcome = future.result()
                totals[outcome.verdict] += 1
                if outcome.verdict != "passed":
                    totals[f"{outcome.verdict}: {outcome.signature}"] += 1
                if outcome.verdict == "failed":
                    failures.setdefault(outcome.signature, []).append((name, network, outcome))
                note = outcome.reason.partition("\n")[0][:150]
                print(
                    f"{next(done)}/{1 if options.network else options.count} {name}: {outcome.verdict} "
                    f"({outcome.stage}, {outcome.seconds:.0f} s) {summary(network)} {note}",
                    flush=True,
                )
        for found in failures.values():
            report(found, pool, options.shrink)
    print(f"{time.monotonic() - begun:.0f} s; " + ", ".join(f"{totals[v]} {v}" for v in VERDICTS))
    for key, number in sorted(totals.items()):
        if key not in VERDICTS:
            print(f"  {number:4} {key}")
    return 1 if failures else 0


VERDICTS = ("passed", "refused", "failed")


def report(found: list[tuple[str, Network, Outcome]], pool: ProcessPoolExecutor, seconds: float) -> None:
    """Make the smallest of networks that fail alike smaller, print it and keep it."""
    name, network, outcome = min(found, key=lambda one: len(to_json(one[1])))
    print(f"\nFAILED {outcome.signature} ({len(found)} times, first {found[0][0]})\n  {outcome.reason}")

    def fails(candidate: Network) -> bool:
        return pool.submit(work, candidate).result().signature == outcome.signature

    small = shrink(network, fails, seconds, lambda smaller: print(f"  {summary(smaller)}", flush=True))
    print(f"  {name}: {to_json(small)}")
    if outcome.details:
        print(outcome.details)
    path = corpus.save(small, outcome.signature, outcome.reason.partition("\n")[0])
    print(f"  kept as {path}" if path else "  a failure of this kind is kept already")
