"""The stage `synth`: distinct layers, the sum over instances, the cache, layers that fail, the board."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fpga_flow import results
from fpga_flow.core import artifact
from fpga_flow.core.errors import FitError, InputError, ToolError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.design.design import Design, LayerRtl, Stream
from fpga_flow.pipeline.flow import Context
from fpga_flow.results.estimate import EstimateResult
from fpga_flow.results.hardware import HardwareResult
from fpga_flow.results.synth import SynthResult
from fpga_flow.stages import synth as stage
from fpga_flow.target.board import board
from fpga_flow.target.families import family_named
from fpga_flow.target.resources import Resources
from tests import fake_results
from tests.other_code import copied_code

STREAM = Stream("x", "UINT4", (1, 4, 2), 8)
MODULE = """
module {name}(input logic clk, input logic [{bits}-1:0] d, output logic [{bits}-1:0] q);
  always_ff @(posedge clk) q <= d;
endmodule
"""


def design(folder: Path, modules: Sequence[str], broken: str = "") -> None:
    """Write an RTL artifact of one layer per word of `modules`; "m5" is a register of 5 bits."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    for module in set(modules):
        text = broken if broken and module == modules[-1] else MODULE.format(name=module, bits=module[1:])
        (folder / "src" / f"{module}.sv").write_text(text)
    layers = [
        LayerRtl(f"layer_{i}", "Register", module, module, (f"src/{module}.sv",), (), (), (STREAM,), ())
        for i, module in enumerate(modules)
    ]
    sources = tuple(sorted({source for layer in layers for source in layer.sources}))
    Design("top", "part", 100.0, 1, "layer_0", 1, STREAM, STREAM, tuple(layers), sources).save(folder)


def context(folder: Path) -> Context:
    (folder / "synth").mkdir(exist_ok=True)
    return Context(make_recipe({"name": "t"}), folder / "synth", {"rtl": folder / "rtl"}, folder / "cache")


def cached(folder: Path) -> int:
    """How many layers the cache had for the last run."""
    return int(artifact.read_effort(folder / "synth")["cached"])


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on any run of Yosys fails the test."""

    def fail(*arguments: object) -> Resources:
        raise AssertionError(f"Yosys was started: {arguments}")

    monkeypatch.setattr(stage, "synthesise", fail)


def test_every_instance_is_counted_and_equal_layers_are_synthesised_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the run's folder may be given as a relative path
    design(Path("rtl"), ["m5", "m3", "m5"])
    result = stage.run(context(Path()))
    assert result.ff == 5 + 3 + 5
    assert [layer.ff for layer in result.layers.values()] == [5, 3, 5]
    assert (result.distinct, cached(Path()), result.fits, result.over) == (2, 0, True, {})
    assert result.fmax_mhz is None and result.tool.startswith("yosys 0.")
    assert result.part == "xc7z020clg400-1" and result.board.lut == 53_200


def test_the_result_reads_back_as_it_was_written(tmp_path: Path) -> None:
    design(tmp_path / "rtl", ["m5"])
    result = stage.run(context(tmp_path))
    artifact.write_result(tmp_path / "synth", result)
    assert results.read(SynthResult, tmp_path / "synth") == result


def test_results_are_kept_until_a_source_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design(tmp_path / "rtl", ["m5", "m3"])
    first = stage.run(context(tmp_path))
    logs = list((tmp_path / "cache" / "synth").glob("*.log"))
    assert len(logs) == 2 and all("Yosys" in log.read_text() or "SLANG" in log.read_text() for log in logs)
    source = tmp_path / "rtl" / "src" / "m3.sv"
    with monkeypatch.context() as patch:
        forbid(patch)
        assert stage.run(context(tmp_path)) == first
        assert cached(tmp_path) == 2
        source.write_text(source.read_text().replace("q <= d", "q <= ~d"))
        with pytest.raises(AssertionError, match="m3"):
            stage.run(context(tmp_path))
    stage.run(context(tmp_path))
    assert cached(tmp_path) == 1


def test_a_damaged_cache_entry_is_made_again(tmp_path: Path) -> None:
    design(tmp_path / "rtl", ["m4"])
    stage.run(context(tmp_path))
    (entry,) = (tmp_path / "cache" / "synth").glob("*.json")
    whole = entry.read_text()
    for text in ('{"lut": 1, "f', whole.replace('"ff": 4', '"ff": 5')):
        entry.write_text(text)
        result = stage.run(context(tmp_path))
        assert (result.ff, cached(tmp_path)) == (4, 0)
        assert entry.read_text() == whole


def test_the_cache_depends_on_data_tool_family_and_code(tmp_path: Path) -> None:
    folder = tmp_path / "rtl"
    design(folder, ["m4"])
    (folder / "a.dat").write_text("0")
    layer = LayerRtl("l", "op", "m4", "k", ("src/m4.sv",), ("a.dat",), (), (STREAM,), ())
    one, other = family_named("xc7"), family_named("xcup")
    how = [(one, "1", "a"), (one, "2", "a"), (other, "1", "a"), (one, "1", "b")]
    keys = [stage.cache_key(layer, folder, *each) for each in how]
    (folder / "a.dat").write_text("1")
    keys.append(stage.cache_key(layer, folder, *how[0]))
    assert len(set(keys)) == 5


def test_results_are_made_again_where_cells_are_counted_otherwise(tmp_path: Path) -> None:
    design(tmp_path / "rtl", ["m4"])
    with copied_code(tmp_path) as package:
        for hits in (0, 1):
            stage.run(context(tmp_path))
            assert cached(tmp_path) == hits
        counting = package / "synth" / "usage.py"
        counting.write_text(counting.read_text() + "\n")
        stage.run(context(tmp_path))
        assert cached(tmp_path) == 0


def test_wrong_rtl_names_the_layer_and_keeps_the_log(tmp_path: Path) -> None:
    text = "module m6(output logic q);\n  assign q = nothing;\nendmodule"
    design(tmp_path / "rtl", ["m5", "m6"], broken=text)
    with pytest.raises(ToolError) as caught:
        stage.run(context(tmp_path))
    message = str(caught.value)
    assert message.startswith("synth: layer layer_1 (Register): yosys failed with exit code 1")
    assert "m6.sv:2: ERROR: use of undeclared identifier 'nothing'" in message
    log = message.split("(log: ")[1].split(")")[0]
    assert "nothing" in Path(log).read_text()


def test_a_design_that_does_not_fit_is_reported_and_says_by_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = board("pynq-z1").capacity
    large = Resources(lut=target.lut + 7, ff=target.ff, bram18=target.bram18 + 1, dsp=1)
    design(tmp_path / "rtl", ["m5"])
    monkeypatch.setattr(stage, "synthesise", lambda module, sources, folder, family, log: _used(log, large))
    result = stage.run(context(tmp_path))
    assert result.fits is False and result.over == {"lut": 7, "bram18": 1}
    warning = "warning: the design does not fit pynq-z1: 7 LUT too many, 1 BRAM18 too many"
    assert warning in capsys.readouterr().err


def _used(log: Path, usage: Resources) -> Resources:
    log.write_text("a log")
    return usage


def test_an_artifact_without_a_design_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rtl").mkdir()
    with pytest.raises(InputError, match=r"design\.json: no such file"):
        stage.run(context(tmp_path))


def test_a_design_that_cannot_fit_is_refused_before_yosys_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design(tmp_path / "rtl", ["m5"])
    forbid(monkeypatch)
    made = fake_results.results()
    made["hardware"]["would_fit"] = {"fps": 900.0, "bits": 2, "board": None}
    made["estimate"]["ranges"]["dsp"] = (221, 230)
    for name, kind in (("hardware", HardwareResult), ("estimate", EstimateResult)):
        (tmp_path / name).mkdir()
        artifact.write_result(tmp_path / name, kind.model_validate(made[name]))
    inputs = {name: tmp_path / name for name in ("rtl", "hardware", "estimate")}
    (tmp_path / "synth").mkdir()
    with pytest.raises(
        FitError,
        match=r"nothing was synthesised: .*221 to 230 DSP of 220; .* 900 frames/s fit; --bits: 2 bits fit",
    ):
        stage.run(Context(make_recipe({"name": "t"}), tmp_path / "synth", inputs, tmp_path / "cache"))
