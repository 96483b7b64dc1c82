"""The example for other projects' CI, whose command this project's own CI runs; and what makes it fail."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import places
from fpga_flow.core.recipe import ROOT

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("check_example")]
EXAMPLE = ROOT / "examples" / "ci"
FILES = ("github.yml", "gitlab-ci.yml")


def commands(text: str) -> list[str]:
    return re.findall(r"^[- ]*(flow check .*?)(?: \| tee .*)?$", text, re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A copy of the example in which its command ran."""

    folder: Path
    words: tuple[str, ...]
    code: int

    def case(self, name: str) -> tuple[str, str]:
        """State and message of a case of the JUnit file."""
        root = ElementTree.parse(self.folder / "report.xml").getroot()
        cases = {case.attrib["name"]: case for case in root.iter("testcase")}
        ends = [part for part in cases[name] if part.tag != "system-out"]
        return (ends[0].tag, ends[0].attrib["message"]) if ends else ("passed", "")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example after its command, in its folder, from an empty cache."""
    folder = tmp_path_factory.mktemp("example") / "ci"
    shutil.copytree(EXAMPLE, folder)
    (line,) = {line for name in FILES for line in commands((EXAMPLE / name).read_text(encoding="utf-8"))}
    words = tuple(shlex.split(line)[1:])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(places, "RUNS", folder / "build" / "out")
        yield Example(folder, words, cli.main(list(words)))


@pytest.fixture
def again(example: Example) -> Callable[..., int]:
    """Run the example's command again with words changed or added; what did not change is kept."""

    def run(*more: str, **changed: str) -> int:
        words = list(example.words)
        for option, value in changed.items():
            words[words.index(f"--{option.replace('_', '-')}") + 1] = value
        return cli.main([*words, *more])

    return run


def test_command_of_the_example_passes_and_writes_both_reports(example: Example) -> None:
    assert example.code == 0
    suite = ElementTree.parse(example.folder / "report.xml").getroot()[0]
    assert [suite.attrib[key] for key in ("failures", "errors", "skipped")] == ["0", "0", "0"]
    layers = [case.attrib["name"] for case in suite if case.attrib["classname"] == "net.onnx.layer"]
    assert layers == ["1.MatMul", "2.act_quant.export_handler.QuantizeLinear", "3.MatMul"]
    for name in ("RTL without stalls", "RTL with stalls", "expected outputs", "--max-lut", "--min-fps"):
        assert example.case(name) == ("passed", "")
    page = (example.folder / "summary.md").read_text(encoding="utf-8")
    assert page.startswith("## flow check net.onnx: passed\n")
    figures = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE))
    assert figures["frames verified"] == "24 with and without stalls; 0 differ"
    assert figures["frames/s, simulated"] == "520,833 (192 cycles per frame at 100 MHz)"
    assert 300 < int(figures["LUT"]) <= 1200
    assert re.search(r"\| 1.MatMul \| matrix \| \d+ \|", page)


def test_limit_that_is_passed_is_named_with_what_was_found(
    example: Example, again: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    assert again(min_fps="600000") == 5
    text = "520,833.3 frames/s, at least 600,000 wanted"
    assert f"error: --min-fps: {text}; raise --fps, or lower the limit" in capfd.readouterr().err
    assert example.case("--min-fps") == ("failure", text)
    assert example.case("--max-lut") == ("passed", "")


def test_other_outputs_than_the_networks_are_a_difference(
    example: Example, again: Callable[..., int], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = np.load(EXAMPLE / "vectors.npz")
    out = kept["out"].copy()
    out[7, 3] += 1.0
    np.savez(tmp_path / "wrong.npz", x=kept["x"], out=out)
    assert again(vectors=str(tmp_path / "wrong.npz")) == 3
    error = capfd.readouterr().err
    found = re.search(
        r"error: check: out differs from the network in 1 of 24 frames; first: frame 7, channel 3: "
        r"the network gives (\S+) \(integer (\S+)\), out has (\S+) \(integer (\S+)\)",
        error,
    )
    assert found, error
    assert float(found[3]) - float(found[1]) == pytest.approx(1.0, rel=1e-4)
    assert found[2] != found[4]
    state, message = example.case("expected outputs")
    assert (state, message[:22]) == ("failure", "1 of 24 frames differ;")
    assert example.case("RTL with stalls") == ("passed", ""), "which is compared with the network itself"


def test_outputs_of_another_shape_are_refused_before_the_hardware(
    example: Example, again: Callable[..., int], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = np.load(EXAMPLE / "vectors.npz")
    np.savez(tmp_path / "narrow.npz", x=kept["x"], out=kept["out"][:, :4])
    assert again(vectors=str(tmp_path / "narrow.npz")) == 2
    message = "--vectors: out must have the shape (24, 5), as the network's output has it, not (24, 4)"
    assert f"error: {message}" in capfd.readouterr().err
    assert example.case("expected outputs") == ("error", message)
    assert example.case("hardware") == ("skipped", "not reached")


def test_file_that_is_no_network_is_refused_and_reported(
    example: Example, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (example.folder / "broken.onnx").write_bytes(b"no network")
    words = ["check", "broken.onnx", "--junit", "report.xml", "--summary", "summary.md"]
    assert cli.main([*words, "--out", str(tmp_path / "run")]) == 2
    state, message = example.case("export")
    assert state == "error" and f"error: {message}" in capfd.readouterr().err
    page = (example.folder / "summary.md").read_text(encoding="utf-8")
    assert page.startswith("## flow check broken.onnx: failed\n\n> ")


@pytest.mark.parametrize("name", FILES)
def test_recipe_in_the_docs_is_the_file_of_the_example(name: str) -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert f"```yaml\n{(EXAMPLE / name).read_text(encoding='utf-8')}```\n" in page
