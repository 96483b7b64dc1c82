"""Compiled simulators: made once, kept under the digest of all they depend on."""

import logging
import shutil
import tempfile
import time
from pathlib import Path

from fpga_flow.core.artifact import digest_file
from fpga_flow.core.kept import read_table, write_table
from fpga_flow.core.progress import bar
from fpga_flow.sim.cache import BUILDING, remove, touch, trim
from fpga_flow.sim.verilate import Plan, compile_plan

PROGRAM, INFO = "simulator", "simulator.json"


def compiled(plan: Plan, cache: Path, log: Path | None = None) -> Path:
    """Return the folder in `cache` that has the program of `plan` (`PROGRAM`); compiles it where it has not.

    Raises as `Simulator.build`.
    """
    digest = plan.digest()
    folder = cache / digest
    if not _whole(folder):
        cache.mkdir(parents=True, exist_ok=True)
        log = log or cache / f"{digest}.log"
        log.unlink(missing_ok=True)
        _build(plan, folder, cache, log)
        trim(cache)
    touch(folder)
    return folder


def info(folder: Path) -> dict[str, float]:
    """Return what is known of the simulator in `folder`: seconds it took to make, bytes of C++, units."""
    return {key: value for key, value in read_table(folder / INFO).items() if isinstance(value, (int, float))}


def _whole(folder: Path) -> bool:
    """Return whether the simulator that was made in `folder` stands there; a damaged one is removed."""
    if not folder.exists():
        return False
    known = read_table(folder / INFO)
    try:
        if known and digest_file(folder / PROGRAM) == known["program"]:
            return True
    except OSError:
        pass
    logging.getLogger(__name__).warning("%s is damaged and is made again", folder)
    remove(folder)
    return False


def _build(plan: Plan, folder: Path, cache: Path, log: Path) -> None:
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix=BUILDING, dir=cache) as scratch,
        bar(f"compiling the simulator of {plan.top}", 100, "% of its C++") as advance,
    ):
        work = Path(scratch) / "work"
        work.mkdir()
        program, figures = compile_plan(plan, work, cache, log, lambda share: advance(100 * share))
        whole = Path(scratch) / "whole"
        whole.mkdir()
        shutil.move(program, whole / PROGRAM)
        seconds = round(time.monotonic() - start, 3)
        known = {**figures, "seconds": seconds, "top": plan.top, "program": digest_file(whole / PROGRAM)}
        write_table(whole / INFO, known)
        try:
            whole.rename(folder)
        except OSError:
            if not (folder / INFO).is_file():  # otherwise another process was faster, with the same
                raise
