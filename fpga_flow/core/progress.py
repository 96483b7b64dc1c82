"""Says what happens while a command works: to a person (`core.terminal`), unless others are to hear it."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fpga_flow.core import interrupt
from fpga_flow.core.events import Event, Kind
from fpga_flow.core.terminal import Person

Listener = Callable[[Event], None]
INTERVAL_S = 0.1
"""Seconds between two events of a step's progress; one with a new note comes at once."""


class _State:
    """What all events have in common. One command runs at a time; its threads share it."""

    listeners: tuple[Listener, ...] = (Person(),)
    stage: str | None = None
    run: str | None = None


_steps = itertools.count(1)


def _tell(kind: Kind, text: str, **more: Any) -> None:
    event = Event(time=datetime.now(UTC), kind=kind, text=text, stage=_State.stage, run=_State.run, **more)
    for listener in _State.listeners:
        listener(event)


def say(message: str) -> None:
    """Say one message, as it is (square brackets are no markup)."""
    _tell("message", message)


def warn(message: str) -> None:
    """Say what the user must know also when nothing else is to be said; without the word warning."""
    _tell("warning", message)


def fail(message: str, exit_code: int) -> None:
    """Say why the command ends with `exit_code`; without the word error."""
    _tell("error", message, exit_code=exit_code)


def end(exit_code: int) -> None:
    """Say that the command ends, as the last there is to say."""
    _tell("end", "done" if not exit_code else f"ended with exit code {exit_code}", exit_code=exit_code)


@contextmanager
def heard(*listeners: Listener, alone: bool = False) -> Iterator[None]:
    """Let `listeners` hear all that is said in here too; `alone`: in place of those before, and from anew."""
    before = vars(_State).copy()
    _State.listeners = listeners if alone else (*_State.listeners, *listeners)
    if alone:
        _State.run = None
    try:
        yield
    finally:
        _State.listeners = before["listeners"]
        _State.run = before["run"] if alone else _State.run


def work_on(run: Path) -> None:
    """Say which run is worked on; all that follows is about it."""
    _State.run = str(run)
    say(f"run       {run}")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Let all that is said in here belong to the stage `name`."""
    _State.stage = name
    try:
        yield
    finally:
        _State.stage = None


def stage_begins(summary: str) -> None:
    """Say that the stage of `stage` is being made."""
    _tell("begin", summary)


def stage_ends(seconds: float) -> None:
    """Say that it is made."""
    _tell("end", f"done in {seconds:.1f} s")


@contextmanager
def bar(
    description: str, total: float | None = None, unit: str = "", done: float = 0
) -> Iterator[Callable[..., None]]:
    """Show how far a step is; yields `advance(step=1, note=None)`, which all threads may call.

    `description` says what it does. `total`: how much there is to do, in `unit`, as `frames`, `bytes` or
    `% of the code`; None where nobody knows. `done` was done before, and says nothing of the speed.
    """
    number, lock = next(_steps), threading.Lock()
    latest, last = "", 0.0

    def tell(kind: Kind) -> None:
        _tell(kind, description, step=number, note=latest, done=round(done, 3), total=total, unit=unit)

    def advance(step: float = 1, note: str | None = None) -> None:
        nonlocal done, latest, last
        interrupt.check()
        with lock:
            done += step
            noted = note is not None and note != latest
            latest = latest if note is None else note
            if noted or time.monotonic() - last >= INTERVAL_S:
                last = time.monotonic()
                tell("progress")

    tell("begin")
    try:
        yield advance
    finally:
        tell("end")
