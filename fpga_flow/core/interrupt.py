"""Ctrl-C: told even where a library swallows the KeyboardInterrupt, or makes another error of it.

Some do: a bare `except` runs in their import, and what they miss then fails later.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_came = False


@contextmanager
def noticed() -> Iterator[None]:
    """Note Ctrl-C from here on, beside raising KeyboardInterrupt; only the main thread can."""
    global _came
    _came = False
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before != signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _note(number: int, frame: FrameType | None) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt


def came() -> bool:
    """Whether Ctrl-C was pressed since `noticed` began."""
    return _came


def check() -> None:
    """Raise KeyboardInterrupt, in the main thread, where Ctrl-C came and nobody heeded it."""
    if _came and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt
