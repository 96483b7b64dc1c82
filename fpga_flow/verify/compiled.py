"""Compiled simulators: made once, kept under the digest of all they depend on."""

import shutil
import tempfile
import time
from pathlib import Path

from fpga_flow.artifact import write_json
from fpga_flow.progress import bar
from fpga_flow.verify.cache import BUILDING, touch, trim
from fpga_flow.verify.verilate import Plan, compile_plan

PROGRAM, INFO = "simulator", "simulator.json"


def compiled(plan: Plan, cache: Path, log: Path | None = None) -> Path:
    """Return the folder in `cache` that has the program of `plan` (`PROGRAM`); compiles it where it has not.

    Raises as `Simulator.build`.
    """
    digest = plan.digest()
    folder = cache / digest
    if not (folder / INFO).is_file():
        cache.mkdir(parents=True, exist_ok=True)
        log = log or cache / f"{digest}.log"
        log.unlink(missing_ok=True)
        _build(plan, folder, cache, log)
        trim(cache)
    touch(folder)
    return folder


def _build(plan: Plan, folder: Path, cache: Path, log: Path) -> None:
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix=BUILDING, dir=cache) as scratch,
        bar(f"compile the simulator of {plan.top}, per cent", 100) as advance,
    ):
        work = Path(scratch) / "work"
        work.mkdir()
        program, info = compile_plan(plan, work, cache, log, lambda share: advance(100 * share))
        whole = Path(scratch) / "whole"
        whole.mkdir()
        shutil.move(program, whole / PROGRAM)
        write_json(whole / INFO, {**info, "seconds": round(time.monotonic() - start, 3), "top": plan.top})
        try:
            whole.rename(folder)
        except OSError:
            if not (folder / INFO).is_file():  # otherwise another process was faster, with the same
                raise
