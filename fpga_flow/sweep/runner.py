"""Runs a plan on Dask's workers, shows how far it is, and keeps the table up to date."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from fpga_flow.core.errors import FlowError, ToolError
from fpga_flow.core.progress import bar
from fpga_flow.sweep.grid import Point
from fpga_flow.sweep.plan import Job
from fpga_flow.sweep.states import Ended, log_file, write_state
from fpga_flow.sweep.worker import build

POLL_S = 0.3
SHOWN = 60
"""Characters of a point's last line."""


def run(
    client: Client,
    jobs: Sequence[Job],
    folder: Path,
    ended: Callable[[Point, Ended], None],
) -> dict[str, Ended]:
    """Run `jobs` in the runs below `folder`; calls `ended` for each point that is done or has failed.

    Returns how each point has ended, by name. Raises `ToolError` where the cluster is lost.
    """
    start = time.time()
    futures = _submit(client, jobs, folder)
    points = {job.point.name: job.point for job in jobs}
    pending = dict(enumerate(futures))
    found: dict[str, Ended] = {}
    with bar("building the points", len(points), "points") as advance:
        while pending:
            for place, result in _finished(client, jobs, pending, folder):
                del pending[place]
                job = jobs[place]
                if job.point.name not in found and (job.last or result.state == "failed"):
                    found[job.point.name] = result
                    advance(1)
                    ended(job.point, result)
            advance(0, _doing(folder, [name for name in points if name not in found], start))
            time.sleep(POLL_S)
    return found


def _submit(client: Client, jobs: Sequence[Job], folder: Path) -> list[Future[Ended]]:
    futures: list[Future[Ended]] = []
    for job in jobs:
        futures.append(
            client.submit(
                build,
                str(folder / job.point.name),
                job.point.recipe.model_dump(mode="json"),
                job.point.model,
                job.until,
                [] if job.after is None else [str(folder / jobs[job.after].point.name)],
                None if job.after is None else futures[job.after],
                job.last,
                key=f"{job.point.name}:{job.until}:{len(futures)}",
                pure=False,
            )
        )
    return futures


def _finished(
    client: Client, jobs: Sequence[Job], pending: Mapping[int, Future[Ended]], folder: Path
) -> Iterator[tuple[int, Ended]]:
    for place, future in list(pending.items()):
        if future.status == "finished":
            yield place, future.result()
        elif future.status == "error":
            yield place, _broken(jobs[place], future, folder)
        elif future.status in ("cancelled", "lost") or client.status not in ("running", "connecting"):
            raise ToolError("the scheduler is gone; the same command goes on where it stopped")


def _broken(job: Job, future: Future[Ended], folder: Path) -> Ended:
    """Return the end of a job that could not even say why it failed."""
    error = future.exception()
    if isinstance(error, KilledWorker):
        message = (
            f"every worker that built it was killed (memory?); its log is {log_file(folder / job.point.name)}"
        )
        ended = Ended(
            "failed", job.until, job.point.recipe.model_dump(mode="json"), ToolError.exit_code, message
        )
    else:
        message = f"a fault in flow itself: {type(error).__name__}: {error}"
        ended = Ended("failed", job.until, job.point.recipe.model_dump(mode="json"), 1, message)
    write_state(folder / job.point.name, ended)
    return ended


def _doing(folder: Path, names: Sequence[str], start: float) -> str:
    """Return what the points say that are being built, from their logs."""
    lines = []
    for name in names:
        log = log_file(folder / name)
        if log.is_file() and log.stat().st_mtime >= start and (line := _last_line(log)):
            lines.append(f"{name}: {line[:SHOWN]}")
    return "; ".join(lines)


def _last_line(path: Path) -> str:
    with path.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 1000))
        lines = stream.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def problem(found: Mapping[str, Ended]) -> FlowError | None:
    """Return the error that a sweep with failed points ends with: their exit code, or 1 where they differ."""
    failed = {name: ended for name, ended in found.items() if ended.state == "failed"}
    if not failed:
        return None
    error = FlowError(f"{len(failed)} of {len(found)} points failed: {', '.join(sorted(failed))}")
    codes = {ended.exit_code for ended in failed.values()}
    error.exit_code = codes.pop() if len(codes) == 1 else 1
    return error
