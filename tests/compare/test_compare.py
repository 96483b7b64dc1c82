"""`flow compare`: its table, JSON and page, of runs that never were."""

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli import main as cli
from fpga_flow.compare.runs import compared
from fpga_flow.core import artifact, places
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline import flow
from tests import fakes
from tests.report.test_report import Page

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "out"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()  # of the builds
        code = cli.main(["compare", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def build(folder: Path, until: str | None = None, **parts: Any) -> Path:
    flow.execute(fakes.run_of(folder, **parts), until)
    return folder


def outside(folder: Path, until: str | None = None, **parts: Any) -> Path:
    net = folder.parent / "net.onnx"
    net.parent.mkdir(parents=True, exist_ok=True)
    net.write_bytes(b"graph")
    flow.execute(flow.new_run(folder, fakes.recipe(**parts), net), until)
    return folder


def line(text: str, title: str) -> list[str]:
    """The cells of a line of the table."""
    (found,) = [one for one in text.splitlines() if one.startswith(f"{title}  ")]
    return found[len(title) :].split()


def as_json(text: str) -> list[dict[str, Any]]:
    table = json.loads(text)
    assert table["schema"] == 1
    return list(table["runs"])


def test_runs_stand_side_by_side_with_the_keys_that_differ(runs: Path, call: Call) -> None:
    build(runs / "slow", hardware={"fps": 1000}, prune={"method": "imp"})
    build(runs / "fast", hardware={"fps": 20000})
    code, text, said = call("slow", "fast")
    assert (code, said) == (0, "")
    assert line(text, "hardware.fps") == ["1000", "20000"]
    assert line(text, "prune.method") == ["imp", "fmp"]
    assert "hardware.clock_mhz" not in text and "train." not in text
    assert line(text, "accuracy") == ["61.50%"] * 2
    assert line(text, "test frames") == ["6,240"] * 2
    assert line(text, "weights left") == ["17,018"] * 2
    assert line(text, "score") == ["0.042467"] * 2
    assert line(text, "bit operations") == ["24,436,576"] * 2
    assert line(text, "frames/s") == ["10,000"] * 2
    assert line(text, "latency, us") == ["250.0"] * 2
    assert line(text, "cycles per frame") == line(text, "cycles per frame, simulated") == ["10,000"] * 2
    assert [line(text, word) for word in ("LUT", "FF", "BRAM18", "DSP")] == [
        ["5,500"] * 2, ["8,250"] * 2, ["55"] * 2, ["110"] * 2,
    ]  # fmt: skip
    assert line(text, "RTL") == ["verified"] * 2
    assert line(text, "board") == ["fits"] * 2
    assert "~" not in text and "–" not in text


def test_a_run_that_lacks_stages_has_dashes_and_estimates_and_says_what_to_run(
    runs: Path, call: Call
) -> None:
    build(runs / "whole")
    build(runs / "half", "estimate")
    build(runs / "young", "train")
    other = build(runs.parent / "a b", "verify")
    code, text, _ = call("whole", "half", "young", other)
    assert code == 0
    assert line(text, "LUT") == ["5,500", "~5,500", "–", "~5,500"]
    assert line(text, "RTL") == ["verified", "–", "–", "verified"]
    assert line(text, "frames/s") == ["10,000", "~10,000", "–", "10,000"]
    assert line(text, "board") == ["fits", "~fits", "–", "~fits"]
    said = " ".join(text.split())
    assert "~ predicted or estimated: not yet simulated or synthesised." in said
    assert "half: what is missing comes with flow verify half and flow synth half." in said
    assert "young: what is missing comes with flow verify young and flow synth young." in said
    assert f"a b: what is missing comes with flow synth '{other}'." in said
    assert "whole:" not in said


def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(runs: Path, call: Call) -> None:
    names = [f"a-rather-long-name-of-a-run-number-{number}" for number in range(5)]
    for seed, name in enumerate(names):
        build(runs / name, seed=seed, data={"snr_db": list(range(seed, 40))})
    code, text, _ = call(*names)
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    blocks = [one for one in text.splitlines() if one.startswith("bit operations")]
    assert len(blocks) == 2
    assert " ".join(blocks).count("24,436,576") == 5


def test_an_outside_network_has_no_keys_of_training_and_no_method(runs: Path, call: Call) -> None:
    build(runs / "own", seed=1, prune={"method": "fmp"})
    build(runs / "other", seed=2, prune={"method": "fmp"})
    outside(runs / "net", seed=3, prune={"method": "fmp"}, quant={"weight_bits": 7})
    code, text, _ = call("own", "other", "net", "--json")
    own, other, net = as_json(text)
    assert code == 0
    assert (net["network"], net["bits"], net["method"]) == ("signals.onnx", 4, None)
    assert (own["method"], other["method"]) == ("fmp", "fmp")
    assert [one["recipe"] for one in (own, other, net)] == [{"seed": 1}, {"seed": 2}, {"seed": None}]


def test_json_has_plain_values_and_what_is_only_expected(runs: Path, call: Call) -> None:
    build(runs / "whole", board="zcu104")
    build(runs / "half", "estimate")
    whole, half = as_json(call("whole", "half", "--json")[1])
    assert whole["figures"]["accuracy"] == 0.615
    assert (whole["figures"]["lut"], whole["expected"], whole["commands"]) == (5500, [], [])
    assert half["figures"]["cycles_rtl"] is None
    assert half["expected"] == ["fps_rtl", "latency_us", "lut", "ff", "bram18", "dsp", "fits"]
    assert half["commands"] == ["flow verify half", "flow synth half"]
    assert (whole["recipe"], half["recipe"]) == ({"board": "zcu104"}, {"board": "pynq-z1"})


def test_what_differs_or_does_not_fit_is_said(
    runs: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(runs / "right")
    table = fakes.results()
    table["verify"] |= {"mismatches": 3, "first_difference": fakes.difference("conv3")}
    table["synth"] |= {"fits": False}
    stages = [fakes.replace(stage, judge=None) for stage in fakes.stages(table)]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    build(runs / "wrong", seed=2)
    _, text, _ = call("right", "wrong")
    assert line(text, "RTL") == ["verified", "differs"]
    assert line(text, "board") == ["fits", "too", "large"]


def test_accuracies_on_other_data_are_told_not_to_compare(
    runs: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(runs / "a")
    table = fakes.results()
    table["prune"] |= {"data": {**fakes.DATA, "name": "jets", "snr_db": []}}
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(table))
    build(runs / "b", seed=2)
    said = " ".join(call("a", "b")[1].split())
    assert "Accuracies are of different frames and do not compare. a: signals (generated)" in said
    assert "b: jets (generated), 24 classes." in said


def test_a_run_of_another_version_or_of_another_recipe_says_so(runs: Path, call: Call) -> None:
    build(runs / "good")
    old = build(runs / "old")
    manifest = artifact.read_json(old / "synth" / "manifest.json")
    (old / "synth" / "result.json").write_text('{"form": "of before"}')
    files = manifest["files"] | {"result.json": artifact.digest_file(old / "synth" / "result.json")}
    artifact.write_json(
        old / "synth" / "manifest.json",
        manifest | {"files": files, "content": artifact.digest_json(files)},
    )
    changed = build(runs / "changed")
    artifact.write_json(changed / "recipe.json", fakes.recipe(seed=7).model_dump(mode="json"))
    code, text, _ = call("good", "old", "changed")
    said = " ".join(text.split())
    assert code == 0
    assert "old: outdated: " in said
    assert "changed: its recipe has been changed since some of it was made; build it again." in said


def test_a_name_that_is_no_run_ends_with_the_known_ones(runs: Path, call: Call) -> None:
    for name in ("b", "a"):
        build(runs / name, "train")
    (runs / ".cache").mkdir()
    code, text, said = call("a", "nope")
    assert (code, text) == (2, "")
    assert f"RUN: nope is no run of fpga_flow (it has no recipe.json); those in {runs} are: a, b" in said


@pytest.mark.parametrize(
    ("names", "message"),
    [(["a"], "name at least two runs"), (["a", "a"], "is named twice; name each run once")],
)
def test_fewer_than_two_runs_are_refused(runs: Path, names: list[str], message: str) -> None:
    build(runs / "a", "train")
    with pytest.raises(InputError, match=f"RUN: .*{message}"):
        compared([runs / name for name in names])


def test_the_page_is_whole_loads_nothing_and_has_the_plot(runs: Path, call: Call, tmp_path: Path) -> None:
    build(runs / "slow", hardware={"fps": 1000})
    outside(runs / "net", "estimate", hardware={"fps": 20000})
    page = tmp_path / "page.html"
    code, text, said = call("slow", "net", "--page", page)
    assert code == 0 and f"page      {page}" in said
    assert line(text, "hardware.fps") == ["1000", "20000"]
    shown = page.read_text(encoding="utf-8")
    parsed = Page()
    parsed.feed(shown)
    assert parsed.open == []
    assert [load for load in parsed.loads if not load.startswith("#")] == []
    assert parsed.tags.count("svg") == 1
    assert '<th scope="row">hardware.fps</th><td>1000</td><td>20000</td>' in shown
    assert ">~net<" in shown and ">outside<" in shown
    for words in ("prefers-color-scheme: dark", "@media print", 'name="viewport"'):
        assert words in shown
    call("net", "slow", "--page", page)
    again = page.read_text(encoding="utf-8")
    call("net", "slow", "--page", page)
    assert page.read_text(encoding="utf-8") == again != shown


def test_the_page_has_no_plot_where_no_run_has_come_to_hardware(
    runs: Path, call: Call, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        build(runs / name, "train")
    assert call("a", "b", "--page", tmp_path / "page.html")[0] == 0
    assert "<svg" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_comes_from_files_is_escaped(runs: Path, call: Call, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    build(runs / "[red]a<b>")
    other = build(runs / "b")
    recipe = artifact.read_json(other / "recipe.json")
    recipe["hardware"]["folding"] = evil
    artifact.write_json(other / "recipe.json", recipe | {"name": evil, "model": {"name": f"{evil}[bold]"}})
    code, text, _ = call("[red]a<b>", "b", "--page", tmp_path / "page.html")
    assert code == 0
    assert "[red]a<b>" in text
    shown = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert evil not in shown and "a<b>" not in shown
    assert html.escape(evil) in shown


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("page.txt", "--page: must end in .html, not 'page.txt'"),
        ("no/page.html", "does not exist; make it, or name another"),
        ("folder.html", "is a folder; name a file"),
        ("out/a/report.html", "is a run, with pages of its own; name another folder"),
    ],
)
def test_a_wrong_place_for_the_page(runs: Path, call: Call, tmp_path: Path, page: str, message: str) -> None:
    for name in ("a", "b"):
        build(runs / name, "train")
    (tmp_path / "folder.html").mkdir()
    code, text, said = call("a", "b", "--page", tmp_path / page)
    assert (code, text) == (2, "")
    assert message in said
