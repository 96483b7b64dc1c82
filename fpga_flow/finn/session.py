"""FINN outside of its own command line: a build folder, settings, and its log into ours."""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def finn_session() -> Iterator[Path]:
    """Set FINN up for transformations and RTL generation; yields its scratch folder.

    FINN reads the folder from the environment and keeps its settings in a global, so sessions
    do not nest. The folder is gone afterwards: what is to be kept must be copied out of it.
    """
    before = os.environ.get("FINN_BUILD_DIR")
    with tempfile.TemporaryDirectory(prefix="fpga_flow_finn_") as folder:
        os.environ["FINN_BUILD_DIR"] = folder
        from finn.util import settings  # only now: FINN's import is slow

        settings.initialize_dummy_settings()
        try:
            with warnings.catch_warnings(), _quiet():
                warnings.simplefilter("ignore")
                yield Path(folder)
        finally:
            if before is None:
                del os.environ["FINN_BUILD_DIR"]
            else:
                os.environ["FINN_BUILD_DIR"] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep FINN's and qonnx' warnings in the stage's log file and off the user's screen."""
    logger = logging.getLogger("finn_logger")
    # Where nothing logs, Python would print warnings all the same.
    handlers, logger.handlers = logger.handlers, [logging.NullHandler()]
    propagate, logger.propagate = logger.propagate, True
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate
