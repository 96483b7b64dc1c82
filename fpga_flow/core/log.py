"""The log of a stage."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

from rich.file_proxy import FileProxy

from fpga_flow.core.errors import InputError
from fpga_flow.core.events import Event
from fpga_flow.core.progress import heard
from fpga_flow.core.terminal import console, interactive

_logger = logging.getLogger("flow")


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the name is logging's)
        """Do nothing: on a full disk the stage's own error is what the user must see."""


class _Printed(io.TextIOBase):
    """Standard output while a stage works: what is printed goes to the log, a record a line."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._rest = file, ""

    def write(self, text: str) -> int:
        """Log the lines of `text` that are whole."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            logging.getLogger("stdout").info(line)
        return len(text)

    def fileno(self) -> int:
        """Return the log's own, for what writes past Python."""
        return self._file.fileno()

    def end(self) -> None:
        """Log the last line also without its end."""
        if self._rest:
            self.write("\n")


class _Complained(FileProxy):
    """Standard error while a stage works: what libraries write there goes to the log too.

    Rich writes past it, to the file it stands for.
    """

    def write(self, text: str) -> int:
        """Log `text`, and show it: above a bar where there is one."""
        for line in text.splitlines():
            if line.strip():
                logging.getLogger("stderr").info(line)
        return super().write(text) if interactive() else self.rich_proxied_file.write(text)


class _Said:
    """Logs what is said to the user; of a step its begin, its end and each new note."""

    def __init__(self) -> None:
        self._notes: dict[int, str] = {}

    def __call__(self, event: Event) -> None:
        """Log `event`."""
        text = event.text.strip()
        if event.step is None:
            _logger.log(logging.WARNING if event.kind == "warning" else logging.INFO, "%s", text)
        elif event.kind == "begin":
            _logger.info("%s ...", text)
        elif event.kind == "end":
            self._notes.pop(event.step, None)
            total = "" if event.total is None else f": {event.done:g} of {event.total:g} {event.unit}"
            _logger.info("%s over%s", text, total.rstrip())
        elif event.note != self._notes.get(event.step, ""):
            self._notes[event.step] = event.note
            _logger.info("%s: %s", text, event.note)


@contextmanager
def logged(path: Path, stage: str) -> Iterator[None]:
    """Keep in the file `path` all that a stage says, with times, and how it ends.

    That is what the user is told, log records, warnings, what is printed, and the traceback of its failure.
    """
    root = logging.getLogger()
    level = root.level
    with path.open("a", encoding="utf-8") as stream:
        handler = _Handler(stream)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        printed = _Printed(stream)
        try:
            _logger.info("stage %s begins", stage)
            with (
                heard(_Said()),
                redirect_stdout(printed),
                redirect_stderr(_Complained(console, console.file)),
            ):
                yield
            printed.end()
            _logger.info("stage %s done", stage)
        except KeyboardInterrupt:
            printed.end()
            _logger.warning("stage %s interrupted", stage)
            raise
        except Exception as error:
            printed.end()
            _logger.exception("stage %s failed", stage)
            if not isinstance(error, InputError):
                error.add_note(f"log: {path}")
            raise
        finally:
            logging.captureWarnings(False)
            root.setLevel(level)
            root.removeHandler(handler)
