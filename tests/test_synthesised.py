"""What is known of single layers from synthesis: kept by the stage `synth`, found by key and versions."""

import shutil
from pathlib import Path

import pytest

from fpga_flow.core import artifact, digests
from fpga_flow.core.recipe import ROOT, make_recipe
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages.synth import _keep_for_folding
from fpga_flow.synth import synthesised
from fpga_flow.synth.synthesised import SynthesisedLayers
from fpga_flow.synth.usage import Usage
from fpga_flow.target.board import board
from tests.fake_results import results

COUNTS = {"lut": 12, "ff": 34, "bram18": 5, "dsp": 6}


def test_what_was_put_is_found_by_its_key_only(tmp_path: Path) -> None:
    entries = SynthesisedLayers(tmp_path, "xc7")
    entries.put("one", COUNTS)
    assert entries.get("one") == SynthesisedLayers(tmp_path, "xc7").get("one") == COUNTS
    assert entries.get("other") is None


def test_another_family_or_tool_has_its_own_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SynthesisedLayers(tmp_path, "xc7").put("one", COUNTS)
    assert SynthesisedLayers(tmp_path, "xcup").get("one") is None
    monkeypatch.setattr(synthesised.toolchain, "versions", lambda names: dict.fromkeys(names, "0"))
    assert SynthesisedLayers(tmp_path, "xc7").get("one") is None


@pytest.mark.parametrize("part", ["fpga_flow/synth/usage.py", "fpga_flow/layers/hdl/df_dot.sv"])
def test_entries_of_other_code_are_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    ours = SynthesisedLayers(tmp_path / "cache", "xc7")
    ours.put("one", COUNTS)
    for folder in ("rtl", "synth", "finn_adapter/layers"):
        shutil.copytree(ROOT / "fpga_flow" / folder, tmp_path / "fpga_flow" / folder)
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    assert SynthesisedLayers(tmp_path / "cache", "xc7").get("one") == COUNTS
    (tmp_path / part).write_text((tmp_path / part).read_text() + "\n")
    assert SynthesisedLayers(tmp_path / "cache", "xc7").get("one") is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"lut": 1}', '{"value": {"lut": 1, "ff": 1, "bram18": 1, "dsp": 1}, "sha256": 0}'],
)
def test_a_broken_entry_counts_as_unknown(tmp_path: Path, text: str) -> None:
    entries = SynthesisedLayers(tmp_path, "xc7")
    entries.put("one", COUNTS)
    (file,) = (tmp_path / synthesised.FOLDER).iterdir()
    file.write_text(text)
    assert entries.get("one") is None


def test_synthesis_keeps_its_layers_for_the_next_folding(tmp_path: Path) -> None:
    hardware = tmp_path / "hardware"
    hardware.mkdir()
    result = results()["hardware"] | {"layer_keys": {"MVAU_rtl_0": "a", "gone": "b"}}
    artifact.write_json(hardware / artifact.RESULT, result)
    inputs = {"hardware": hardware, "rtl": tmp_path / "rtl"}
    context = Context(make_recipe({"name": "t"}), tmp_path, inputs, tmp_path / "cache")
    usages = {"MVAU_rtl_0": Usage(**COUNTS), "StreamingFIFO_rtl_0": Usage(lut=1)}
    _keep_for_folding(context, usages, board("pynq-z1"))
    entries = SynthesisedLayers(context.cache, board("pynq-z1").yosys_family)
    assert entries.get("a") == COUNTS and entries.get("b") is None
