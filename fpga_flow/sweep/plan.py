"""The order of a sweep's work: what several points have in common is built once, before what differs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fpga_flow.core.artifact import digest_json
from fpga_flow.core.digests import recipe_digest
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline.order import STAGES
from fpga_flow.sweep.grid import Point


@dataclass(frozen=True)
class Job:
    """One or more stages of one point, which other points may take from there."""

    point: Point
    until: str
    after: int | None = None
    """The job, by its place in the plan, whose stages are taken first."""
    last: bool = False
    """Whether the point is whole behind it."""


def plan(points: Sequence[Point], until: str) -> list[Job]:
    """Return the jobs that build all `points` up to the stage `until`, each behind the one it needs.

    Two points have a stage in common where all parts of the recipe are equal that it and the stages before
    it depend on. The first of them, in the order of `points`, builds it. Raises `InputError` for a stage that
    they do not have.
    """
    trained = any(point.model for point in points)  # outside
    names = [stage.name for stage in STAGES if not (trained and stage.needs_training)]
    if until not in names:
        raise InputError(f"--until: must be one of {', '.join(names)}, not {until!r}")
    stages = names[: names.index(until) + 1]
    jobs: list[Job] = []
    _plan(points, stages, None, jobs)
    return jobs


def _plan(points: Sequence[Point], stages: Sequence[str], after: int | None, jobs: list[Job]) -> None:
    """Add the jobs of `points`, which have everything before `stages` in common."""
    for group in _alike(points, stages[0]):
        shared = 1
        while shared < len(stages) and len(_alike(group, stages[shared])) == 1:
            shared += 1
        first = Job(group[0], stages[shared - 1], after)
        place = len(jobs)
        jobs.append(first)
        if shared < len(stages):
            _plan(group, stages[shared:], place, jobs)
            continue
        jobs[place] = replace(first, last=True)
        jobs.extend(Job(point, stages[-1], place, last=True) for point in group[1:])


def _alike(points: Iterable[Point], stage: str) -> list[list[Point]]:
    """Return `points` in groups for which `stage` depends on the same, in the order of their first ones."""
    plain = next(each for each in STAGES if each.name == stage)
    groups: dict[str, list[Point]] = {}
    for point in points:
        parts = plain.of(point.recipe).parts
        key = digest_json([recipe_digest(point.recipe, parts), point.recipe.model.label])
        groups.setdefault(key, []).append(point)
    return list(groups.values())
