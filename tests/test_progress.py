"""What a person sees while something works, on terminals of several widths and on none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from rich.progress import Progress, Task

from fpga_flow.core import terminal
from fpga_flow.core.events import Event
from fpga_flow.core.progress import bar, fail, heard, say, warn
from fpga_flow.core.recipe import ROOT
from fpga_flow.core.terminal import Person, amount, left, line

WORK = """
import time
from fpga_flow.core.progress import bar, say
say("  " + "several words " * 12 + "/a/path/that/stays/in/one/piece")
with bar("comparing the integer network with the golden model", 123_456, "frames") as advance:
    for epoch in range(6):
        time.sleep(0.15)
        advance(20_576, f"epoch {epoch}: validation 60.12%, best 61.23%, then words for which is no room")
with bar("loading libraries"):
    time.sleep(0.15)
print("the end")
"""


def on_terminal(columns: int, folder: Path) -> str:
    """What WORK writes to a terminal of so many columns."""
    script = folder / "work.py"
    script.write_text(WORK)
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    plain = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**plain, "TERM": "xterm", "PYTHONPATH": str(ROOT)},
    )
    os.close(its)
    said = b""
    try:
        while part := os.read(ours, 1 << 16):
            said += part
    except OSError:  # how Linux tells that the other side is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return said.decode()


def lines_of(said: str) -> list[str]:
    """All lines that were ever to be seen, without colours and movements."""
    shown = (re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", part).rstrip() for part in re.split(r"[\r\n]+", said))
    return [part for part in shown if part]


@pytest.mark.parametrize("columns", [100, 80, 60, 40])
def test_everything_fits_the_terminal_with_whole_numbers_and_the_time_left(
    columns: int, tmp_path: Path
) -> None:
    lines = lines_of(on_terminal(columns, tmp_path))
    assert max(len(line) for line in lines) <= columns
    assert "    /a/path/that/stays/in/one/piece" in lines or columns > 60
    bars = [line for line in lines if line.endswith("left")]
    assert bars
    assert all(re.fullmatch(r"  co.*… .*[\d,]{6,7} of 123,456 frames \d s left", line) for line in bars)
    assert any(line.startswith("    epoch 4: validation") for line in lines)
    assert any(line.startswith("  loading libraries") for line in lines)
    assert lines[-1] == "the end"


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TERM"])
def test_no_bar_is_drawn_where_lines_cannot_be_overwritten(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = "dumb" if variable == "TERM" else "1"
    script = tmp_path / "work.py"
    script.write_text(WORK)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, variable: value, "PYTHONPATH": str(ROOT)},
    )
    assert len(done.stderr.splitlines()) == 1
    assert "/a/path/that/stays/in/one/piece" in done.stderr


def test_a_long_step_without_a_terminal_says_a_line_now_and_then(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "WAITS_S", (0.1, 0.2, 60.0))
    with heard(Person(), alone=True), bar("compiling it", 100, "% of its C++") as advance:
        advance(10)
        time.sleep(0.02)
        advance(20, "one of three")
        time.sleep(0.6)
    with heard(Person(), alone=True), bar("a short step", 3, "frames") as advance:
        advance(3)
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 2
    assert all(line.startswith("  compiling it: 30 % of its C++, ") for line in told)
    assert all(line.endswith(", one of three") for line in told)


def test_a_step_within_another_leaves_out_its_first_line(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "WAITS_S", (0.05, 60.0))
    with heard(Person(), alone=True), bar("proving layers", 9, "layers"), bar("compiling", 100, "% of it"):
        time.sleep(0.3)
    assert capfd.readouterr().err.splitlines() == ["  proving layers: 0 of 9 layers"]


def test_a_step_that_nobody_can_measure_is_named(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "WAITS_S", (0.05, 60.0))
    with heard(Person(), alone=True), bar("loading libraries"):
        time.sleep(0.3)
    assert capfd.readouterr().err.splitlines() == ["  loading libraries ..."]


def test_a_quiet_person_hears_warnings_and_errors_only(capfd: pytest.CaptureFixture[str]) -> None:
    with heard(Person(quiet=True), alone=True):
        say("a message")
        warn("look here")
        fail("it failed", 4)
        with bar("a step", 10, "frames") as advance:
            advance(1)
    assert capfd.readouterr().err.splitlines() == ["  warning: look here", "error: it failed"]


def task(done: float, total: float | None, unit: str, seconds_each: float = 0.0) -> Task:
    """A task that has done `done` evenly, and one of its units in `seconds_each`."""
    now = [0.0]
    progress = Progress(get_time=lambda: now[0], speed_estimate_period=1e9)
    number = progress.add_task("doing it", total=total, unit=unit, note="")
    for share in (0.5, 1.0):
        now[0] = share * done * seconds_each
        progress.update(number, completed=share * done)
    return progress.tasks[0]


@pytest.mark.parametrize(
    ("done", "total", "unit", "words"),
    [
        (1200, 3456, "frames", "1,200 of 3,456 frames"),
        (81.2383, 100, "% of its C++", "81 % of its C++"),
        (1_500_000, 9_000_000, "bytes", "1.5 MB of 9.0 MB"),
        (0, None, "", ""),
    ],
)
def test_how_much_is_done_in_words(done: float, total: float | None, unit: str, words: str) -> None:
    assert amount(task(done, total, unit)) == words


@pytest.mark.parametrize(
    ("seconds_each", "words"), [(0.5, "45 s left"), (20, "30 min left"), (200, "5.0 h left"), (0, "")]
)
def test_the_time_left_in_words(seconds_each: float, words: str) -> None:
    assert left(task(10, 100, "layers", seconds_each)) == words
    assert line(task(10, 100, "layers", seconds_each)).startswith("  doing it: 10 of 100 layers")


def test_steps_one_within_another_and_from_threads_have_their_own_numbers() -> None:
    events: list[Event] = []
    with heard(events.append, alone=True), bar("outer", 2) as outer, bar("inner", 5, done=3) as inner:
        inner(1, "x")
        inner(1, "y")
        outer(1)
    steps = {event.text: event.step for event in events}
    assert steps["outer"] != steps["inner"]
    of_inner = [(event.kind, event.done, event.note) for event in events if event.text == "inner"]
    assert of_inner == [("begin", 3, ""), ("progress", 4, "x"), ("progress", 5, "y"), ("end", 5, "y")]


def test_a_step_that_fails_ends_too() -> None:
    events: list[Event] = []
    with pytest.raises(RuntimeError), heard(events.append, alone=True), bar("it", 2):
        raise RuntimeError
    assert [event.kind for event in events] == ["begin", "end"]
