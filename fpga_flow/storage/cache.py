"""What stands in the cache, by kind, and how it is removed without taking anything from a running build.

An entry is a file or folder with what is named like it (its lock, its log). Whatever goes is made anew when
it is wanted again. What a build may be using stays: entries whose lock is held, all that was made or used
since the first of the running builds began, and all of the kinds whose use leaves no trace.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from fpga_flow.core import places
from fpga_flow.core.locking import LOCK, is_held
from fpga_flow.pipeline import registry
from fpga_flow.pipeline.run import RECIPE
from fpga_flow.sim import cache as simulators
from fpga_flow.storage.sizes import taken


@dataclass(frozen=True)
class Kind:
    """Entries of one kind."""

    words: str
    """What they are."""
    files: str
    """Pattern of their files and folders, in the cache."""
    shows_use: bool = True
    """Whether an entry's time is that of its last use, or nobody needs it for longer than a moment."""


KINDS = {
    "data": Kind("generated data sets", "data/*", shows_use=False),
    "kernels": Kind("compiled code of training", "kernels-*", shows_use=False),
    "rounds": Kind("trained rounds of pruning", "prune/*", shows_use=False),
    "layers": Kind("what single layers take", "layers/*"),
    "synthesis": Kind("what modules take", "synth/*"),
    "proofs": Kind("proofs of layers", "proofs/*"),
    "simulators": Kind("compiled simulators", f"verilator/[!{simulators.OBJECTS[0]}]*"),
    "objects": Kind("parts of simulators", f"verilator/{simulators.OBJECTS}/*"),
}
"""Every folder of the cache but the notes of runs."""


@dataclass(frozen=True)
class Entry:
    """One entry."""

    paths: tuple[Path, ...]
    used: float
    """Seconds since the epoch when it was made, or last used."""

    @property
    def size(self) -> int:
        """In bytes."""
        return taken(*self.paths).size


def entries(kind: Kind) -> list[Entry]:
    """Return the entries of `kind`, those not used for longest first."""
    found: dict[str, list[tuple[Path, float]]] = defaultdict(list)
    for path in sorted(places.cache().glob(kind.files)):
        found[path.name.partition(".")[0]].append((path, _time(path)))
    made = (
        Entry(tuple(path for path, _ in group), max(time for _, time in group)) for group in found.values()
    )
    return sorted(made, key=lambda entry: entry.used)


def builds_began() -> float | None:
    """Return when the first of the builds began that are running now, in seconds since the epoch.

    None where none is. A build writes its recipe first, so the time of that file is when it began.
    """
    runs = {run.resolve() for run in (*registry.here(), *registry.noted())}
    times = [(run / RECIPE).stat().st_mtime for run in runs if is_held(run / LOCK)]
    return min(times, default=None)


@dataclass
class Cleaned:
    """What a removal came to."""

    entries: int = 0
    freed: int = 0
    """In bytes."""
    stayed: int = 0
    """Entries that would have gone, but may be in use."""


def clean(kind: Kind, before: float | None = None) -> Cleaned:
    """Remove the entries of `kind` that nobody is using and that were not used since `before`; None: all.

    `before` is in seconds since the epoch.
    """
    began, done = builds_began(), Cleaned()
    for entry in entries(kind):
        if before is not None and entry.used >= before:
            continue
        with _unused(entry, kind, began) as unused:
            if not unused:
                done.stayed += 1
                continue
            done.entries += 1
            done.freed += taken(*entry.paths).own
            for path in entry.paths:
                simulators.remove(path)
    return done


@contextmanager
def _unused(entry: Entry, kind: Kind, began: float | None) -> Iterator[bool]:
    """Say whether no build can be using `entry`, and keep it so."""
    used = max(_time(path) for path in entry.paths)  # it may have been used since it was listed
    if began is not None and (not kind.shows_use or used >= began) or _being_built(entry):
        yield False
    else:
        locks = [FileLock(path, timeout=0) for path in entry.paths if path.suffix == LOCK]
        try:
            for lock in locks:
                lock.acquire()
            yield True
        except Timeout:
            yield False
        finally:
            for lock in locks:
                lock.release()


def _time(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:  # another process took it away
        return 0.0


def _being_built(entry: Entry) -> bool:
    """Return whether it is a simulator that a process is making now, or that was killed lately."""
    name = entry.paths[0].name
    return name.startswith(simulators.BUILDING) and time.time() - entry.used < simulators.ABANDONED_SECONDS
