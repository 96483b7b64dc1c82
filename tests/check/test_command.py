"""`flow check` on stages that do no work: which cases there are, how they end, which reports are written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fpga_flow.check import summary
from fpga_flow.check.found import Case, State
from fpga_flow.check.junit import junit
from fpga_flow.cli import main as cli
from fpga_flow.core import places
from fpga_flow.core.errors import DifferenceError, ToolError, UnsupportedError
from fpga_flow.design.design import Design, LayerRtl, Stream
from fpga_flow.pipeline import flow
from fpga_flow.report import page
from tests import fakes


@dataclass(frozen=True)
class Checked:
    """How a check ended, what it printed, and what its JUnit file has: state and message of each case."""

    code: int
    out: str
    err: str
    cases: dict[str, tuple[str, str]]
    summary: str


Check = Callable[..., Checked]


def cases_of(path: Path) -> dict[str, tuple[str, str]]:
    (suite,) = ElementTree.parse(path).getroot()
    found = {}
    for case in suite:
        name = f"{case.attrib['classname'].rpartition('.')[2]} {case.attrib['name']}"
        ends = [part for part in case if part.tag in ("failure", "error", "skipped")]
        found[name] = (ends[0].tag, ends[0].attrib["message"]) if ends else ("passed", "")
    assert suite.attrib["tests"] == str(len(found))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.attrib[key] == str(sum(state == tag for state, _ in found.values()))
    return found


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"graph")
    return path


@pytest.fixture
def check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, net: Path, capfd: pytest.CaptureFixture[str]
) -> Check:
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.setattr(page, "render", lambda run, report, found, version: f'content="{version}"')

    def run(*words: str, network: Path = net, **work: Any) -> Checked:
        monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(**work))
        junit, page_file = tmp_path / "reports" / "junit.xml", tmp_path / "reports" / "summary.md"
        code = cli.main(["check", str(network), "--junit", str(junit), "--summary", str(page_file), *words])
        printed = capfd.readouterr()
        return Checked(code, printed.out, printed.err, cases_of(junit), page_file.read_text(encoding="utf-8"))

    return run


def raising(error: Exception) -> Any:
    def work(_: flow.Context) -> Any:
        raise error

    return work


def of_group(checked: Checked, group: str) -> dict[str, str]:
    """State of each case of a group, by name."""
    names = {name.partition(" "): state for name, (state, _) in checked.cases.items()}
    return {name: state for (kind, _, name), state in names.items() if kind == group}


def test_without_a_limit_of_luts_nothing_is_synthesised(check: Check, tmp_path: Path) -> None:
    done = check()
    assert done.code == 0
    assert list(of_group(done, "stage")) == ["export", "hardware", "estimate", "rtl", "verify"]
    assert of_group(done, "layer") == dict.fromkeys(fakes.LAYERS, "passed")
    assert of_group(done, "frames") == {"RTL without stalls": "passed", "RTL with stalls": "passed"}
    assert of_group(done, "limit") == {}
    assert done.summary.startswith("## flow check net.onnx: passed\n")
    assert not (tmp_path / "out" / "net" / "synth").exists()


def test_limits_that_are_met(check: Check) -> None:
    done = check("--max-lut", "5500", "--min-fps", "10000")
    assert done.code == 0
    assert of_group(done, "limit") == dict.fromkeys(["--max-lut", "--min-fps", "fits pynq-z1"], "passed")
    assert "| --max-lut | passed | 5,500 LUT, at most 5,500 wanted |" in done.summary
    assert "| LUT | 5,500 |" in done.summary


def test_limits_that_are_passed_end_with_5_and_are_all_named(check: Check) -> None:
    done = check("--max-lut", "5499", "--min-fps", "10001")
    assert done.code == 5
    assert "error: --max-lut: 5,500 LUT, at most 5,499 wanted; lower --fps, prune more" in done.err
    assert "--min-fps: 10,000 frames/s, at least 10,001 wanted; raise --fps" in done.err
    assert done.cases["limit --max-lut"] == ("failure", "5,500 LUT, at most 5,499 wanted")
    assert done.cases["limit --min-fps"] == ("failure", "10,000 frames/s, at least 10,001 wanted")
    assert done.summary.startswith("## flow check net.onnx: failed\n")


def test_design_that_does_not_fit_the_board_is_a_failed_case(check: Check) -> None:
    large = {**fakes.results()["synth"], "lut": 99_999, "over": {"lut": 46_799}}
    done = check("--max-lut", "100000", synth=lambda _: large)
    assert done.code == 5
    assert done.cases["limit fits pynq-z1"] == ("failure", "46,799 LUT too many")
    assert done.cases["limit --max-lut"][0] == "passed"
    assert done.cases["stage synth"][0] == "passed"


def test_layer_that_differs_is_named_and_those_behind_are_not_reached(check: Check) -> None:
    first = fakes.difference(fakes.LAYERS[1])
    wrong = {
        **fakes.results()["verify"],
        "mismatches": 9,
        "first_difference": first,
        "sets": [{"stalls": stalls, "frames": 256, "mismatches": 9 * stalls} for stalls in (False, True)],
        "layers_compared": fakes.LAYERS[:2],
        "layers_not_reached": fakes.LAYERS[2:],
    }
    done = check("--max-lut", "9", verify=lambda _: wrong)
    assert done.code == 3
    states = of_group(done, "layer")
    assert [states.pop(name) for name in fakes.LAYERS[:2]] == ["passed", "failure"]
    assert states == dict.fromkeys(fakes.LAYERS[2:], "skipped")
    assert done.cases[f"layer {fakes.LAYERS[1]}"][1] == (
        "different: layer conv1, tensor act3, frame 9, index [7], expected 1, found 2"
    )
    assert done.cases["frames RTL without stalls"][0] == "passed"
    assert done.cases["frames RTL with stalls"] == (
        "failure",
        "9 of 256 frames differ from the golden model",
    )
    assert done.cases["stage synth"] == ("skipped", "not reached")
    assert done.cases["limit --max-lut"] == ("skipped", "not reached")


def test_refused_file_is_an_error_of_export_and_both_reports_are_written(check: Check) -> None:
    refused = UnsupportedError("Conv_<3>\x07", "operator X", "use | Y")
    done = check("--min-fps", "1", export=raising(refused))
    assert done.code == 2
    message = "node 'Conv_<3>\\x07': operator X; use | Y"
    assert done.cases["stage export"] == ("error", message)
    assert done.cases["stage hardware"] == ("skipped", "not reached")
    assert of_group(done, "frames") == {"RTL": "skipped"}
    assert of_group(done, "limit") == {"--min-fps": "skipped"}
    assert "> node 'Conv\\_\\<3\\>\\\\x07'\\: operator X; use \\| Y" in done.summary


def test_difference_that_export_finds_is_a_failure_of_it(check: Check) -> None:
    done = check(export=raising(DifferenceError("export: the golden model differs")))
    assert done.code == 3
    assert done.cases["stage export"] == ("failure", "export: the golden model differs")


def test_tool_that_fails_is_an_error_of_its_stage(check: Check) -> None:
    def rtl(context: flow.Context) -> dict[str, Any]:
        stream = Stream("a", "UINT4", (1, 1), 8)
        ends = [LayerRtl(n, "op", n, n, (), (), (), (stream,), t) for n, t in (("x", ("a",)), ("fifo", ()))]
        Design("top", "part", 100.0, 9, "x", 0, stream, stream, tuple(ends), ()).save(context.folder)
        return fakes.results()["rtl"]

    done = check("--max-lut", "9", rtl=rtl, verify=raising(ToolError("verilator failed:\nline 1")))
    assert done.code == 4
    assert done.cases["stage verify"] == ("error", "verilator failed:")
    assert of_group(done, "layer") == {"x": "skipped"}
    assert done.cases["limit --max-lut"] == ("skipped", "not reached")


def test_fault_of_flow_itself_is_in_the_reports_too(check: Check) -> None:
    done = check(rtl=raising(RuntimeError("boom")))
    assert done.code == 1
    assert done.cases["stage rtl"] == ("error", "a fault in flow: RuntimeError: boom")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max-lut", "0"), "--max-lut: must be a number above 0, not 0"),
        (("--min-fps", "nan"), "--min-fps: must be a number above 0, not nan"),
        (("--set", "prune.rate=0.1"), "--set prune.rate: a network from outside (FILE.onnx) is "),
        (("--set", "data.name=cifar10"), "--set data.name: a network from outside (FILE.onnx) is tried on "),
        (("--vectors", "nix.npz"), "--vectors: must be an .npz file, not 'nix.npz', which does not exist"),
        (("--board", "nix"), "board: must be one of pynq-z1, pynq-z2, zcu104, or a TOML file, not 'nix'"),
    ],
)
def test_wrong_options_are_in_the_reports_too(check: Check, words: tuple[str, ...], message: str) -> None:
    done = check(*words)
    assert done.code == 2
    assert f"error: {message}" in done.err
    assert done.cases["stage export"][0] == "error"
    assert done.cases["stage export"][1].startswith(message)


def test_file_that_is_not_there_is_refused(check: Check, tmp_path: Path) -> None:
    done = check(network=tmp_path / "nix.onnx")
    assert done.code == 2
    assert done.cases["stage export"][1].startswith("FILE.onnx: must be an ONNX file, not ")


def test_report_that_would_be_a_folder_is_refused(net: Path, tmp_path: Path) -> None:
    assert cli.main(["check", str(net), "--junit", str(tmp_path)]) == 2


def test_options_reach_the_recipe(check: Check, tmp_path: Path) -> None:
    words = ["--fps", "123", "--board", "zcu104", "--set", "verify.frames=7"]
    assert check(*words, "--out", str(tmp_path / "run")).code == 0
    recipe = flow.open_run(tmp_path / "run").recipe
    assert (recipe.hardware.fps, recipe.board, recipe.verify.frames) == (123, "zcu104", 7)


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    written = junit("a\x00", [Case("layer", "b\x1b\ud800", State.FAILED, "c < d\x07\nmore")])
    (case,) = ElementTree.fromstring(written.encode())[0]
    assert (case.attrib["classname"], case.attrib["name"]) == ("a\ufffd.layer", "b\ufffd\ufffd")
    assert (case[0].attrib["message"], case[0].text) == ("c < d\ufffd", "c < d\ufffd\nmore")


def test_text_of_the_file_is_text_in_the_summary() -> None:
    assert summary.escaped("a|b\n# <img src=x> `c` [d](e) *f*\x1b\udcff") == (
        "a\\|b \\# \\<img src=x\\> \\`c\\` \\[d\\](e) \\*f\\*\ufffd\ufffd"
    )


def test_limit_that_can_be_judged_is_judged_though_synthesis_fails(check: Check) -> None:
    done = check("--min-fps", "10001", "--max-lut", "9", synth=raising(ToolError("yosys failed")))
    assert done.code == 4
    assert done.cases["stage synth"] == ("error", "yosys failed")
    assert of_group(done, "limit") == {"--max-lut": "skipped", "--min-fps": "failure"}


def key_of(checked: Checked) -> str:
    (key,) = [line for line in checked.out.splitlines() if line.startswith("cache-key=")]
    return key


def test_cache_key_is_that_of_code_tools_file_and_hardware(
    check: Check, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = check()
    assert f"cache-path={tmp_path / 'out' / '.cache'}" in done.out.splitlines()
    key = key_of(done)
    assert key.startswith("cache-key=fpga-flow-")
    assert key_of(check("--set", "verify.frames=7", rtl=raising(ToolError("x")))) == key
    other = key_of(check("--fps", "99"))
    assert other != key and other.rpartition("-")[0] == key.rpartition("-")[0]
    net.write_bytes(b"another graph")
    assert key_of(check()).rpartition("-")[0] == key.rpartition("-")[0]
    assert key_of(check()) not in (key, other)
    monkeypatch.setattr("fpga_flow.core.toolchain.versions", lambda names: dict.fromkeys(names, "9"))
    assert key_of(check()).rpartition("-")[0] != key.rpartition("-")[0]
