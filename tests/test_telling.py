"""`--quiet` and `--json`, and what a stage's log holds."""

import json
import logging
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli import events_page, telling
from fpga_flow.cli import main as cli
from fpga_flow.core import artifact, places
from fpga_flow.core.errors import ToolError
from fpga_flow.core.events import Event
from fpga_flow.core.progress import bar, heard, say, warn
from fpga_flow.core.recipe import ROOT
from fpga_flow.pipeline import flow
from fpga_flow.report import page
from tests import fakes

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch)
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.setattr(page, "render", lambda run, report, found, version: f'content="{version}"')


def use(monkeypatch: pytest.MonkeyPatch, **work: Any) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(**work))


@pytest.fixture
def build(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Build the fakes into `tmp_path/run`; gives exit code, standard output and standard error."""
    recipe = tmp_path / "signals.toml"
    recipe.write_text('[model]\nname = "vgg10"\n')

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.main(["build", str(recipe), "--out", str(tmp_path / "run"), *words])
        return code, *capfd.readouterr()

    return call


def events_of(out: str) -> list[Event]:
    return [Event.model_validate_json(line) for line in out.splitlines()]


def raising(error: BaseException) -> Callable[[flow.Context], Any]:
    def work(_: flow.Context) -> Any:
        raise error

    return work


def works(then: BaseException | None = None) -> Callable[[flow.Context], Any]:
    """A stage's work that says all kinds of things, and then raises."""

    def work(_: flow.Context) -> Any:
        say("  a message [with brackets]")
        warn("a warning")
        with bar("a step", 10, "frames") as advance:
            advance(4, "first note")
            advance(6, "second note")
        print("printed")
        print("on standard error", file=sys.stderr)
        logging.getLogger("library").info("a record")
        warnings.warn("a library's warning", stacklevel=1)
        print("no end of line", end="")
        if then is not None:
            raise then
        return fakes.results()["rtl"]

    return work


SAID = [
    "INFO flow: stage rtl begins",
    "INFO flow: a message [with brackets]",
    "WARNING flow: a warning",
    "INFO flow: a step ...",
    "INFO flow: a step: first note",
    "INFO flow: a step: second note",
    "INFO flow: a step over: 10 of 10 frames",
    "INFO stdout: printed",
    "INFO stderr: on standard error",
    "INFO library: a record",
    "UserWarning: a library's warning",
    "INFO stdout: no end of line",
]


@pytest.mark.parametrize(
    ("error", "folder", "end"),
    [
        (None, "rtl", "INFO flow: stage rtl done"),
        (ToolError("g++ failed"), "rtl.partial", "ERROR flow: stage rtl failed"),
        (RuntimeError("boom"), "rtl.partial", "RuntimeError: boom"),
        (KeyboardInterrupt(), "rtl.partial", "WARNING flow: stage rtl interrupted"),
    ],
)
@pytest.mark.parametrize("option", [(), ("--quiet",)])
def test_the_log_holds_all_that_a_stage_said_in_order_and_with_times(
    build: Call,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException | None,
    folder: str,
    end: str,
    option: tuple[str, ...],
) -> None:
    use(monkeypatch, rtl=works(error))
    code, out, err = build(*option)
    assert code == {type(None): 0, ToolError: 4, RuntimeError: 1, KeyboardInterrupt: 130}[type(error)]
    text = (tmp_path / "run" / folder / artifact.LOG).read_text()
    places = [text.find(words) for words in (*SAID, end)]
    assert -1 not in places
    assert places == sorted(places)
    for words in SAID:
        (line,) = (line for line in text.splitlines() if words in line)
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", line)
    assert "printed" not in out + err
    assert "on standard error" in err


def test_quiet_prints_the_folder_alone(build: Call, tmp_path: Path) -> None:
    assert build("--quiet") == (0, f"{tmp_path / 'run'}\n", "")
    assert build("--quiet", "--until", "export") == (0, f"{tmp_path / 'run'}\n", "")


def test_quiet_still_warns_and_fails_aloud(build: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    use(
        monkeypatch,
        rtl=lambda _: (warn("look here"), fakes.results()["rtl"])[1],
        synth=lambda _: {**fakes.results()["synth"], "lut": 99_999},
    )
    code, out, err = build("--quiet")
    assert (code, out) == (5, "")
    first, *others = err.splitlines()
    assert first == "  warning: look here"
    assert others[0].startswith("error: ")
    assert "99,999 LUT of 53,200" in err


def test_quiet_tells_of_an_interruption(build: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, rtl=raising(KeyboardInterrupt()))
    assert build("--quiet") == (130, "", "interrupted; the same command goes on where it stopped\n")


def test_quiet_ends_with_the_command(build: Call) -> None:
    build("--quiet")
    _, out, err = build()
    assert "Report:" in out
    assert "train     kept" in err


def test_json_is_an_event_a_line_and_people_read_standard_error(
    build: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, rtl=works())
    code, out, err = build("--json")
    found = events_of(out)
    assert code == 0
    assert [event.time for event in found] == sorted(event.time for event in found)
    assert all(event.time.utcoffset() is not None for event in found)
    last = found[-1]
    assert (last.kind, last.stage, last.step) == ("end", None, None)
    assert (last.run, last.exit_code) == (str(tmp_path / "run"), 0)
    stages = [event for event in found if event.stage and event.step is None]
    for kind in ("begin", "end"):
        assert [event.stage for event in stages if event.kind == kind] == list(fakes.BUILT)
    told = [(event.kind, event.text) for event in found if event.stage == "rtl" and event.step is None]
    assert ("message", "a message [with brackets]") in told
    assert ("warning", "a warning") in told
    steps = [event for event in found if event.text == "a step"]
    assert len({event.step for event in steps}) == 1
    assert [steps[0].kind, steps[-1].kind] == ["begin", "end"]
    assert (steps[-1].done, steps[-1].total, steps[-1].unit) == (10, 10, "frames")
    assert "train     done in" in err
    assert "Report:" in err
    assert set(json.loads(out.splitlines()[0])) == set(Event.model_fields)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ToolError("g++ failed"), 4, "g++ failed"),
        (RuntimeError("boom"), 1, "a fault in flow itself: RuntimeError: boom"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on where it stopped"),
    ],
)
def test_json_ends_with_the_exit_code_of_a_failure(
    build: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException, code: int, text: str
) -> None:
    use(monkeypatch, rtl=works(error))
    assert build("--json", "--quiet")[0] == code
    use(monkeypatch, rtl=works(error))
    failed, out, _ = build("--json")
    *_, told, last = events_of(out)
    assert failed == code
    assert (told.kind, told.exit_code, last.kind, last.exit_code) == ("error", code, "end", code)
    assert told.text.startswith(text)
    assert last.run == str(tmp_path / "run")


def test_wrong_input_has_its_events_too(build: Call) -> None:
    code, out, err = build("--json", "--fps", "-1")
    told, last = events_of(out)
    assert (code, told.kind, last.exit_code, last.run) == (2, "error", 2, None)
    assert err.startswith("error: --fps must be greater than 0")


def test_quiet_and_json_of_a_stage_command(
    build: Call, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    build()
    assert cli.main(["verify", str(tmp_path / "run"), "--quiet"]) == 0
    assert capfd.readouterr() == (f"{tmp_path / 'run'}\n", "")
    assert cli.main(["export", str(tmp_path / "run"), "--json", "--quiet"]) == 0
    assert events_of(capfd.readouterr().out)[-1].exit_code == 0


@pytest.mark.parametrize(
    "command",
    ["build", "check", "estimate", "bits", "sweep", "refit", "run", "export-rtl", "package", "deploy"],
)
def test_a_command_that_takes_a_while_can_be_quiet(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--quiet" in shown and "--json" in shown


def test_progress_is_written_at_most_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None: ...

    stream: Any = Stream()
    with heard(telling.Lines(stream), alone=True), bar("it", 500, "frames") as advance:
        for number in range(500):
            advance(1, str(number))
    begin, *between, end = events_of(stream.text)
    assert len(between) <= 2
    assert (begin.done, end.done, end.note) == (0, 500, "499")


def test_the_page_about_events_is_that_of_their_model() -> None:
    found = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert found == events_page.page(), "run: python -m fpga_flow.cli.events_page > docs/events.md"
    assert Event.__doc__
    assert [name for name, field in Event.model_fields.items() if not field.description] == []
