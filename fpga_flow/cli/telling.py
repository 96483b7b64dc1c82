"""How a command tells what happens: `--quiet` and `--json`, the same for all that have them."""

import functools
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Annotated, Any, TextIO

import typer

from fpga_flow.core.events import Event
from fpga_flow.core.progress import heard
from fpga_flow.core.terminal import Person

INTERVAL_S = 1.0
"""Seconds between two lines about the progress of the same step."""
OPTIONS = {
    "quiet": Annotated[
        bool,
        typer.Option("--quiet", help="Say nothing but warnings, errors and the result, as a run's folder."),
    ],
    "as_events": Annotated[
        bool,
        typer.Option(
            "--json", help="Write what happens to standard output, a JSON object a line (docs/events.md)."
        ),
    ],
}


class Lines:
    """Writes events to a stream, a JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[int, float] = {}

    def __call__(self, event: Event) -> None:
        """Write `event`; of a step's progress only some."""
        if event.step is not None:
            now = time.monotonic()
            if event.kind == "progress" and now - self._last.get(event.step, 0) < INTERVAL_S:
                return
            self._last[event.step] = now
        self._stream.write(event.model_dump_json() + "\n")
        self._stream.flush()


class _Command:
    """The command that runs: what is undone at its end, and whether it is to be quiet."""

    after = ExitStack()
    quiet = False


@contextmanager
def command() -> Iterator[None]:
    """Run one command in here; `telling` changes what is told until then."""
    with ExitStack() as _Command.after:
        _Command.quiet = False
        _Command.after.enter_context(heard(Person(), alone=True))
        yield


def quiet() -> bool:
    """Return whether the command was called with `--quiet`."""
    return _Command.quiet


def telling(function: Callable[..., None], events: bool = True) -> Callable[..., None]:
    """Give the command `function` the options `--quiet` and, with `events`, `--json`."""

    @functools.wraps(function)
    def told(*, quiet: bool, as_events: bool = False, **given: Any) -> None:
        after, _Command.quiet = _Command.after, quiet
        listeners: list[Callable[[Event], None]] = [Person(quiet)]
        if as_events:
            listeners.append(Lines(sys.stdout))
            after.enter_context(redirect_stdout(sys.stderr))  # where a person reads the results then
        after.enter_context(heard(*listeners, alone=True))
        function(**given)

    signature = inspect.signature(function)
    options = OPTIONS if events else {"quiet": OPTIONS["quiet"]}
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in options.items()
    ]
    told.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *more])  # type: ignore[attr-defined]
    told.__annotations__ = {**function.__annotations__, **options}
    return told
