"""What is known of single layers from synthesis: kept by the stage `synth`, found by key and versions."""

from pathlib import Path

import pytest

from fpga_flow.core import artifact
from fpga_flow.core.recipe import make_recipe
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages.synth import _keep_for_folding
from fpga_flow.synth import synthesised
from fpga_flow.synth.synthesised import SynthesisedLayers
from fpga_flow.target.families import family_named
from fpga_flow.target.resources import Resources
from tests.fake_results import results
from tests.other_code import copied_code

COUNTS = Resources(lut=12, ff=34, bram18=5, dsp=6)
XC7 = family_named("xc7")


def test_what_was_put_is_found_by_its_key_only(tmp_path: Path) -> None:
    entries = SynthesisedLayers(tmp_path, XC7)
    entries.put("one", COUNTS)
    assert entries.get("one") == SynthesisedLayers(tmp_path, XC7).get("one") == COUNTS
    assert entries.get("other") is None


def test_another_family_or_tool_has_its_own_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SynthesisedLayers(tmp_path, XC7).put("one", COUNTS)
    assert SynthesisedLayers(tmp_path, family_named("xcup")).get("one") is None
    monkeypatch.setattr(synthesised.toolchain, "versions", lambda names: dict.fromkeys(names, "0"))
    assert SynthesisedLayers(tmp_path, XC7).get("one") is None


@pytest.mark.parametrize("part", ["synth/usage.py", "layers/hdl/df_dot.sv"])
def test_entries_of_other_code_are_not_found(tmp_path: Path, part: str) -> None:
    SynthesisedLayers(tmp_path / "cache", XC7).put("one", COUNTS)
    with copied_code(tmp_path) as package:
        assert SynthesisedLayers(tmp_path / "cache", XC7).get("one") == COUNTS
        (package / part).write_text((package / part).read_text() + "\n")
        assert SynthesisedLayers(tmp_path / "cache", XC7).get("one") is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"lut": 1}', '{"value": {"lut": 1, "ff": 1, "bram18": 1, "dsp": 1}, "sha256": 0}'],
)
def test_a_broken_entry_counts_as_unknown(tmp_path: Path, text: str) -> None:
    entries = SynthesisedLayers(tmp_path, XC7)
    entries.put("one", COUNTS)
    (file,) = (tmp_path / synthesised.FOLDER).iterdir()
    file.write_text(text)
    assert entries.get("one") is None


def test_synthesis_keeps_its_layers_for_the_next_folding(tmp_path: Path) -> None:
    hardware = tmp_path / "hardware"
    hardware.mkdir()
    result = results()["hardware"] | {"layer_keys": {"conv1": "a", "gone": "b"}}
    artifact.write_json(hardware / artifact.RESULT, result)
    inputs = {"hardware": hardware, "rtl": tmp_path / "rtl"}
    context = Context(make_recipe({"name": "t"}), tmp_path, inputs, tmp_path / "cache")
    usages = {"conv1": COUNTS, "conv1_fifo": Resources(lut=1)}
    _keep_for_folding(context, usages, XC7)
    entries = SynthesisedLayers(context.cache, XC7)
    assert entries.get("a") == COUNTS and entries.get("b") is None
