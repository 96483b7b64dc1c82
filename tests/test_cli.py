import errno
import hashlib
import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fpga_flow import __version__
from fpga_flow.cli import building
from fpga_flow.cli import main as cli
from fpga_flow.core import places, system, toolchain
from fpga_flow.core.errors import InputError, ToolError, UnsupportedError
from fpga_flow.pipeline import flow
from fpga_flow.report import page
from tests import fakes

HEAVY = ("torch", "brevitas", "finn", "qonnx", "onnx", "onnxruntime", "numpy", "matplotlib", "h5py", "scipy")


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    # Drawing takes a second; tests/report draws.
    monkeypatch.setattr(page, "render", lambda run, report, found, version: f'content="{version}"')


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "signals.toml"
    path.write_text('[model]\nname = "vgg10"\n')
    return str(path)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "my net (v2).onnx"
    path.write_bytes(b"graph")
    return path


class Output:
    """One command's exit code and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> Output:
        code = cli.main([str(word) for word in words])
        captured = capfd.readouterr()
        return Output(code, captured.out, captured.err)

    return run


def use(monkeypatch: pytest.MonkeyPatch, **work: Any) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(**work))


def raising(error: BaseException) -> Any:
    def work(_: flow.Context) -> Any:
        raise error

    return work


def state(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file below `folder` with its time and content."""
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_build_shows_results_and_writes_both_reports(call: Any, recipe: str, tmp_path: Path) -> None:
    done = call("build", recipe, "--bits", "4")
    assert done.code == 0
    folder = tmp_path / "out" / "signals-w4"
    assert f"Report: {folder / 'report.html'}" in done.out.splitlines()
    assert "17,018 of 159,104 left (89.3% pruned)" in done.out
    assert "0 differences on 256 frames with and without stalls" in done.out
    assert json.loads((folder / "report.json").read_text())["verify"]["mismatches"] == 0
    assert "train     done in" in done.err


def test_second_build_keeps_everything(call: Any, recipe: str, tmp_path: Path) -> None:
    call("build", recipe)
    page = tmp_path / "out" / "signals-w4" / "report.html"
    drawn = page.stat().st_mtime_ns
    again = call("build", recipe)
    assert again.code == 0
    assert again.err.count("kept") == len(fakes.BUILT)
    assert page.stat().st_mtime_ns == drawn


def test_options_reach_the_recipe(call: Any, recipe: str, tmp_path: Path) -> None:
    (tmp_path / "start.npz").write_text("x")
    words = ["--bits", "3", "--fps", "123", "--board", "zcu104", "--until", "export"]
    words += ["--set", "prune.rate=0.1", "--set", "verify.stalls=false"]
    words += ["--set", f"train.checkpoint={tmp_path / 'start.npz'}"]
    assert call("build", recipe, *words).code == 0
    made = flow.open_run(tmp_path / "out" / "signals-w3").recipe
    assert (made.quant.weight_bits, made.quant.act_bits, made.hardware.fps) == (3, 3, 123)
    assert (made.board, made.prune.rate, made.verify.stalls) == ("zcu104", 0.1, False)
    assert made.train.checkpoint == str(tmp_path / "start.npz")
    assert (made.prune.until, made.prune.target_is) == ("accuracy", "relative")
    assert call("build", recipe, *words, "--accuracy", "55", "--again").code == 0
    prune = flow.open_run(tmp_path / "out" / "signals-w3").recipe.prune
    assert (prune.method, prune.until, prune.target_is, prune.target) == ("fmp", "fits", "absolute", 55)
    assert call("build", recipe, *words, "--from-scratch", "--again").code == 0
    assert flow.open_run(tmp_path / "out" / "signals-w3").recipe.train.checkpoint is None


def test_file_of_a_setting_is_looked_for_where_the_user_is(
    call: Any, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "real.h5").write_text("x")
    monkeypatch.chdir(tmp_path / "here")
    assert call("build", recipe, "--set", "data.file=real.h5", "--until", "train").code == 0
    made = flow.open_run(tmp_path / "out" / "signals-w4").recipe
    assert made.data.file == str(tmp_path / "here" / "real.h5")


def test_network_from_outside_gets_a_run_of_its_name(call: Any, net: Path, tmp_path: Path) -> None:
    words = ["--set", "export.seed=2", "--set", "hardware.margin=0.3", "--set", "verify.stalls=false"]
    assert call("build", "--model", str(net), "--until", "hardware", *words).code == 0
    run = flow.open_run(tmp_path / "out" / "my-net-v2-")
    assert run.recipe.verify.frames == building.OUTSIDE_FRAMES
    report = json.loads((run.folder / "report.json").read_text())
    assert (report["model"], report["accuracy"]["float"]) == ("my-net-v2-.onnx", None)


def test_out_names_the_folder(call: Any, recipe: str, tmp_path: Path) -> None:
    assert call("build", recipe, "--out", str(tmp_path / "mine"), "--until", "train").code == 0
    assert (tmp_path / "mine" / "train").is_dir()


def test_stage_command_runs_its_stage_again(call: Any, recipe: str, tmp_path: Path) -> None:
    call("build", recipe)
    again = call("verify", "signals-w4")
    assert again.code == 0
    assert "verify    done in" in again.err
    assert again.err.count("kept") == 6
    assert call("verify", str(tmp_path / "out" / "signals-w4")).code == 0


def test_report_command_reads_only(call: Any, recipe: str, tmp_path: Path) -> None:
    call("build", recipe, "--until", "hardware")
    before = state(tmp_path / "out" / "signals-w4" / "hardware")
    shown = call("report", "signals-w4")
    assert shown.code == 0
    assert "10,000 frames/s at 100 MHz" in shown.out
    assert state(tmp_path / "out" / "signals-w4" / "hardware") == before


@pytest.mark.parametrize(
    ("stage", "error", "code", "line"),
    [
        ("train", InputError("data.file: broken"), 2, "error: data.file: broken"),
        (
            "export",
            UnsupportedError("Conv_3", "why", "what works"),
            2,
            "error: node 'Conv_3': why; what works",
        ),
        ("rtl", ToolError("g++ failed"), 4, "error: g++ failed"),
        ("rtl", RuntimeError("boom"), 1, "error: a fault in flow itself: RuntimeError: boom"),
        ("rtl", KeyboardInterrupt(), 130, "interrupted; the same command goes on where it stopped"),
    ],
)
def test_exit_code_of_an_error_without_traceback(
    call: Any,
    recipe: str,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    error: BaseException,
    code: int,
    line: str,
) -> None:
    use(monkeypatch, **{stage: raising(error)})
    failed = call("build", recipe)
    assert failed.code == code
    assert line in failed.err.splitlines()
    assert "Traceback" not in failed.out + failed.err


def swallowed(error: Exception | None) -> Any:
    """Return work during which Ctrl-C comes, and a library makes `error` of it, or nothing."""

    def work(_: Any) -> dict[str, Any]:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        if error is not None:
            raise error
        return fakes.results()["export"]

    return work


@pytest.mark.parametrize("error", [TypeError("no Symbol"), None])
def test_ctrl_c_that_a_library_swallows_ends_with_130(
    call: Any, recipe: str, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    use(monkeypatch, export=swallowed(error))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    try:
        stopped = call("build", recipe)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.code == 130
    assert "hardware" not in stopped.err
    assert stopped.err.splitlines()[-1] == "interrupted; the same command goes on where it stopped"


def test_a_full_disk_is_told_with_its_folder(
    call: Any, recipe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, rtl=raising(OSError(errno.ENOSPC, "No space left on device")))
    monkeypatch.setattr(system, "LITTLE", 1 << 62)
    full = call("build", recipe)
    assert full.code == 4
    run = tmp_path / "out" / "signals-w4"
    assert f"error: no space is left on the disk of {run} or " in full.err
    assert full.err.splitlines()[-1].endswith("; free some, or write elsewhere")


def test_too_little_memory_is_told(call: Any, recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, rtl=raising(MemoryError("Unable to allocate 268. GiB")))
    failed = call("build", recipe)
    assert failed.code == 4
    assert "error: out of memory (Unable to allocate 268. GiB); use a smaller network" in failed.err


@pytest.mark.parametrize(
    "words", [("build", "--model", "{}.onnx"), ("build", "{}.toml"), ("cost", "{}.onnx"), ("report", "{}")]
)
def test_a_path_that_is_too_long_is_told(call: Any, words: tuple[str, ...]) -> None:
    failed = call(*(word.format("x" * 5000) for word in words))
    assert failed.code == 2
    assert "File name too long" in failed.err


def test_fault_names_its_log_and_debug(
    call: Any, recipe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, rtl=raising(RuntimeError("boom")))
    last = call("build", recipe).err.splitlines()[-2:]
    assert last == [
        f"  log: {tmp_path / 'out' / 'signals-w4' / 'rtl.partial' / 'log.txt'}",
        "  the same command with --debug shows where",
    ]
    assert "Traceback (most recent call last)" in call("build", recipe, "--debug").err


def test_difference_ends_with_3_and_is_in_the_report(
    call: Any, recipe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = fakes.difference("conv3")
    wrong = {**fakes.results()["verify"], "mismatches": 9, "first_difference": first}
    use(monkeypatch, verify=lambda _: wrong)
    failed = call("build", recipe)
    assert failed.code == 3
    assert "first difference: layer conv3, tensor act3, frame 9, index [7], expected 1, found 2" in failed.err
    report = json.loads((tmp_path / "out" / "signals-w4" / "report.json").read_text())
    assert report["verify"]["first_difference"] == first
    assert report["synth"] is None


def test_design_that_does_not_fit_ends_with_5(
    call: Any, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, synth=lambda _: {**fakes.results()["synth"], "lut": 99_999})
    failed = call("build", recipe)
    assert failed.code == 5
    assert "99,999 LUT of 53,200" in failed.err
    assert "188%" in failed.out


def test_failed_stage_leaves_the_report_of_what_is_done(
    call: Any, recipe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, hardware=raising(ToolError("x")))
    call("build", recipe)
    report = json.loads((tmp_path / "out" / "signals-w4" / "report.json").read_text())
    assert report["accuracy"]["golden"] == 0.615
    assert report["hardware"] is None


WRONG = [
    ("buid", "No such command 'buid'"),
    ("build --bots 4", "No such option: --bots"),
    ("build --bits four", "Invalid value for '--bits': must be an integer, not 'four'"),
    ("build --fps fast", "Invalid value for '--fps': must be a number, not 'fast'"),
    ("build {recipe} --bits 9", "--bits must be less than or equal to 8, not 9"),
    ("build {recipe} --fps -1", "--fps must be greater than 0, not -1"),
    ("build {recipe} --fps nan", "--fps must be a finite number, not nan"),
    (
        "build {recipe} --board nix",
        "board: must be one of pynq-z1, pynq-z2, zcu104, or a TOML file, not 'nix'",
    ),
    (
        "build {recipe} --accuracy 0.55",
        "--accuracy: must be per cent of the validation frames, 1 to 100, not 0.55",
    ),
    ("build --model {net} --accuracy 55", "--accuracy: a network from outside (--model) is trained already"),
    ("build {recipe} --until nix", "stage: must be one of train, prune"),
    ("build {recipe} --set rate", "--set must be key=value, as in --set prune.rate=0.1, not 'rate'"),
    ("build {recipe} --set prune.rate=7", "--set prune.rate: must be less than 1, not 7"),
    (
        "build {recipe} --set prune.rat=1",
        "--set prune.rat: is no key of a recipe; it must be one of optimiser, ",
    ),
    ("build {recipe} --set model.name=nix", "model.name: must be one of"),
    ("build {recipe} --set train.checkpoint=nix", "train.checkpoint: must be a file, not"),
    ("build nix.toml", "recipe: no file 'nix.toml'"),
    ("build nix", "recipe: must be a .toml file or one of"),
    ("build --model nix.onnx", "--model: must be an ONNX file, not 'nix.onnx', which does not exist"),
    ("build {recipe} --model {net}", "RECIPE: a network from outside (--model) is trained already"),
    ("build --model {net} --bits 4", "--bits: a network from outside (--model) is trained already"),
    (
        "build --model {net} --set data.name=cifar10",
        "--set data.name: a network from outside (--model) is tried",
    ),
    ("build --model {net} --set data.file=nix", "--set data.file: a network from outside (--model) is tried"),
    ("build --model {net} --set train.epochs=1", "--set train.epochs: a network from outside (--model) is"),
    ("build --model {net} --set prune.rate=0.1", "--set prune.rate: a network from outside (--model) is"),
    ("build --model {net} --set quant.act_bits=3", "--set quant.act_bits: a network from outside (--model)"),
    ("build --model {net} --set surgery.multiple=2", "--set surgery.multiple: a network from outside"),
    ("build --model {net} --set model.width=8", "--set model.width: a network from outside (--model) is"),
    ("build --model {net} --set seed=2", "--set seed: a network from outside (--model) is trained already"),
    ("verify nix", "RUN: no run nix; 'flow list' names the runs"),
    ("report nix", "RUN: no run nix; 'flow list' names the runs"),
    ("verify", "Missing argument"),
]


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[words for words, _ in WRONG])
def test_wrong_input_is_one_line_and_touches_no_run(
    call: Any, recipe: str, net: Path, tmp_path: Path, words: str, expected: str
) -> None:
    assert call("build", recipe, "--until", "train").code == 0
    before = state(tmp_path)
    filled = [word.format(recipe=recipe, net=net) for word in words.split()]
    failed = call(*filled)
    assert failed.code == 2
    first, *rest = failed.err.splitlines()
    assert first.startswith(f"error: {expected}"), first
    assert len(rest) <= 1
    assert state(tmp_path) == before


def test_list_names_runs_and_how_far_they_are(call: Any, recipe: str, tmp_path: Path) -> None:
    call("build", recipe, "--until", "export")
    call("build", recipe, "--bits", "3")
    (tmp_path / "out" / "old").mkdir()
    (tmp_path / "out" / "old" / flow.RECIPE).write_text("{}")
    listed = call("list")
    assert listed.code == 0
    lines = [line.split() for line in listed.out.splitlines()]
    assert any(line[:-2] == ["signals-w4", "pynq-z1", "up", "to", "export"] for line in lines)
    assert any(line[:-2] == ["signals-w3", "pynq-z1", "complete"] for line in lines)
    assert any(line[:2] == ["old", "broken:"] for line in lines)
    assert any(line[:3] == ["zcu104", "xczu7ev-ffvc1156-2-e", "xcup"] for line in lines)


def test_doctor_finds_all_tools(call: Any) -> None:
    examined = call("doctor")
    assert examined.code == 0
    for name in toolchain.FINDERS:
        assert any(line.startswith(name) for line in examined.out.splitlines()), name


def test_doctor_says_what_to_do_about_a_missing_tool(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "nixg++ -O1")
    examined = call("doctor")
    assert examined.code == 4
    assert examined.err.splitlines() == [
        "error: missing: g++",
        "  C++ compiler 'nixg++' is not on PATH; install it with 'apt-get install g++' "
        "or name another one in the environment variable CXX",
    ]


def test_version_and_help(call: Any) -> None:
    assert call("--version").out.startswith(f"flow {__version__} (Python ")
    shown = call()
    assert shown.code == 0
    assert "flow build --bits 4" in shown.out
    assert "Exit codes: 0 done" in shown.out
    for name in (*flow.STAGE_NAMES, "build", "list", "doctor", "report"):
        assert name in shown.out
        assert call(name, "--help").code == 0


def test_command_line_and_report_import_nothing_heavy() -> None:
    code = (
        "import sys, fpga_flow.cli.main, fpga_flow.report, fpga_flow.cli.listing, fpga_flow.cli.doctor;"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
