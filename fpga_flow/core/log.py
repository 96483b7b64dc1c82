"""The log of a stage."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

from fpga_flow.core.errors import InputError


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the name is logging's)
        """Do nothing: on a full disk the stage's own error is what the user must see."""


@contextmanager
def logged(path: Path, stage: str) -> Iterator[None]:
    """Send the log records, warnings and stray prints of a stage, and its failure, to the file `path`."""
    root = logging.getLogger()
    level = root.level
    with path.open("a", encoding="utf-8") as stream:
        handler = _Handler(stream)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        try:
            with redirect_stdout(stream):
                yield
        except Exception as error:
            logging.getLogger(__name__).exception("stage %s failed", stage)
            if not isinstance(error, InputError):
                error.add_note(f"log: {path}")
            raise
        finally:
            logging.captureWarnings(False)
            root.setLevel(level)
            root.removeHandler(handler)
