import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from rich.console import Console

from fpga_flow import report
from fpga_flow.deploy import results as deployed
from fpga_flow.design.design import design_digest
from fpga_flow.pipeline import flow
from fpga_flow.report import assemble, page, plots
from fpga_flow.results.board import BoardResult
from fpga_flow.results.verify import VerifyResult
from fpga_flow.sweep.gather import gather
from tests import fakes


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())


def build(folder: Path, until: str | None = None, force: str | None = None, **parts: Any) -> flow.Run:
    run = fakes.run_of(folder, **parts)
    flow.execute(run, until, force)
    return run


def text_of(run: flow.Run, width: int = 120) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    report.show(run, console)
    return console.export_text()


def test_report_json_has_exactly_the_contracts_keys(tmp_path: Path) -> None:
    run = build(tmp_path / "r")
    report.write(run)
    table = json.loads((tmp_path / "r" / "report.json").read_text())
    assert list(table) == [
        "schema",
        "recipe",
        "model",
        "bits",
        "board",
        "accuracy",
        "cost",
        "hardware",
        "verify",
        "estimate",
        "synth",
        "bitstream",
        "board_measured",  # ours, behind the contract's, and the next
        "scores",
        "outputs",
        "original",
        "stand_in",
        "outdated",
        "stages",
        "origin",
    ]
    assert table["schema"] == 5
    steps = {"float", "quantised", "pruned", "golden", "rtl", "board"}
    assert set(table["accuracy"]) == {*steps, "samples", "frames"}
    assert set(table["origin"]) == {"command", "settings", "made", "versions"}
    assert set(table["cost"]) == {
        "weights",
        "nonzero",
        "macs",
        "nonzero_macs",
        "bit_ops",
        "weight_bits",
        "itu_score",
    }
    assert set(table["hardware"]) == {
        "part",
        "family",
        "clock_mhz",
        "cycles_per_frame",
        "latency_cycles",
        "fps",
        "bottleneck",
        "layers",
        "fifos",
        "streams",
    }
    assert set(table["hardware"]["streams"][0]) == {"producer", "consumer", "bits", "depth"}
    assert set(table["hardware"]["fifos"]) == {"method", "bits_before", "bits_after"}
    assert set(table["hardware"]["layers"][0]) == {
        "name",
        "op",
        "kind",
        "implementation",
        "cycles",
        "pe",
        "simd",
        "weights",
        "nonzero",
        "lane_use",
        "costs",
        "estimate",
        "finn",
        "synth",
        "proved",
        "compared",
        "equal",
    }
    assert set(table["verify"]) == {
        "simulator",
        "samples",
        "mismatches",
        "first_difference",
        "measured_cycles_per_frame",
        "measured_latency_cycles",
        "stalls",
        "cycles_per_second",
        "proofs",
        "activity",
    }
    assert set(table["estimate"]) == {"lut", "ff", "bram18", "dsp", "fits", "ranges", "finn"}
    used = {"lut", "ff", "bram18", "dsp"}
    assert set(table["synth"]) == {"tool", "part", *used, "fmax_mhz", "logic_ns", "slowest", "fits"}
    assert table["bitstream"] is None
    assert [set(stage) for stage in table["stages"]] == [{"name", "seconds", "cached"}] * len(fakes.BUILT)


def test_report_json_reads_back_as_the_same_report(tmp_path: Path) -> None:
    run = build(tmp_path / "r")
    report.write(run)
    text = (tmp_path / "r" / "report.json").read_text()
    assert report.Report.model_validate_json(text) == report.assemble(run)


def test_values_are_those_the_stages_measured(tmp_path: Path) -> None:
    made = report.assemble(build(tmp_path / "r"))
    assert made.accuracy.model_dump(by_alias=True) == {
        "float": 0.64,
        "quantised": 0.62,
        "pruned": 0.615,
        "golden": 0.615,
        "rtl": 0.6,
        "board": None,
        "samples": 6240,
        "frames": {"float": 6240, "quantised": 6240, "pruned": 6240, "golden": 6240, "rtl": 256},
    }
    assert made.cost and (made.cost.bit_ops, made.cost.weight_bits) == (24_436_576, 68_072)
    assert made.hardware and made.hardware.layers[2].synth == {**fakes.counts(3), "logic_ns": 2.5}
    assert made.hardware.layers[-1].synth is None
    assert made.synth and made.synth.lut == 5500


def with_cifar_scores() -> dict[str, Any]:
    table = fakes.results()
    scores = {"course_parameters": 0.089, "course_operations": 0.0291, "micronet": 0.0123}
    return {**table, "export": {**table["export"], "scores": {**table["export"]["scores"], **scores}}}


def test_scores_and_counts_by_layer_stand_beside_the_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build(tmp_path / "r")
    made = report.assemble(run).scores
    assert made and (made.course_parameters, made.course_operations, made.micronet) == (None, None, None)
    assert (made.layers[0].sparsity, made.layers[0].bit_ops) == (0.75, 3_145_728)
    assert "MicroNet" not in text_of(run)
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(with_cifar_scores()))
    run = build(tmp_path / "of-cifar")
    report.write(run)
    assert "course, parameters 0.089000, course, operations 0.029100, MicroNet 2019 0.012300" in text_of(run)
    shown = (tmp_path / "of-cifar" / "report.html").read_text()
    assert "MicroNet 2019: 0.012300." in shown
    assert "<td>conv0</td><td>4/8</td><td>384</td><td>75.0%</td><td>393,216</td>" in shown


OUTPUT = {**fakes.OUTPUT, "shape": [16]}


def of_an_outside_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, top_k: int = 1, **export: Any
) -> flow.Run:
    table = fakes.results()
    nothing = {"accuracy": {"golden": None}, "samples": None, "by_snr": {}}
    table["export"] |= {**nothing, "data": "a stand-in: digits", **export}
    table["hardware"]["top_k"] = top_k
    table["verify"]["accuracy"] = {"rtl": None}
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(table))
    net = folder / "net.onnx"
    net.write_bytes(b"x")
    run = flow.new_run(folder / "r", fakes.recipe(), net)
    flow.execute(run)
    report.write(run)
    return run


def test_a_stand_in_s_figure_is_called_so_and_is_no_headline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = of_an_outside_network(tmp_path, monkeypatch, stand_in={"accuracy": 0.3007, "samples": 360})
    made = report.assemble(run)
    assert made.stand_in and made.stand_in.model_dump() == {
        "accuracy": 0.3007, "samples": 360, "data": "a stand-in: digits",
    }  # fmt: skip
    assert set(made.accuracy.model_dump(exclude={"frames"}).values()) == {None}
    assert made.accuracy.frames == {}
    lines = text_of(run, 200).splitlines()
    assert [line.split()[0] for line in lines if "30.07%" in line] == ["Stand-in"]
    assert not any(line.startswith("Accuracy") for line in lines)
    html = (run.folder / "report.html").read_text()
    assert "<h2>On a stand-in's frames</h2>" in html.replace("&#39;", "'")
    assert '<span class="soft">Accuracy</span>' not in html and html.count("30.07%") == 1


def test_what_comes_out_stands_in_table_and_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = of_an_outside_network(tmp_path, monkeypatch, output=OUTPUT)
    (made,) = report.assemble(run).outputs or ()
    assert (made.kind, made.top_k, made.scale) == ("index", 1, 0.25)
    assert (made.shape, made.value_shape) == ((16,), (16,))
    words = "only the index of the largest of 16 numbers (why); hardware.top_k=0 gives the numbers themselves"
    assert any(line.startswith("Output") and words in line for line in text_of(run, 200).splitlines())
    assert f"Output: {words}" in (run.folder / "report.html").read_text()


def test_numbers_are_described_as_the_file_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [["transpose", [0, 2, 3, 1]], ["sigmoid", []]]
    shown = {"name": "mask", "shape": [2, 3, 4], "decides": False, "behind": ["Sigmoid"], "steps": steps}
    run = of_an_outside_network(tmp_path, monkeypatch, output={**OUTPUT, **shown}, top_k=0)
    (made,) = report.assemble(run).outputs or ()
    assert (made.name, made.kind, made.shape, made.value_shape) == ("mask", "numbers", (2, 3, 4), (3, 4, 2))
    words = "3 x 4 x 2 numbers (why): each is 0.25 * integer, then Sigmoid, which the host applies"
    assert made.text == words


@pytest.mark.parametrize(
    ("original", "words"),
    [
        ({"frames": 8, "rounded": 0, "reason": None}, "8 frames agree with the file as it came (qonnx)"),
        (
            {"frames": 8, "rounded": 2, "reason": None},
            "8 frames agree with the file as it came, of which 2 by float32's rounding (qonnx)",
        ),
        ({"frames": 0, "rounded": 0, "reason": "no shape"}, "not compared: no shape"),
    ],
)
def test_the_comparison_with_the_file_as_it_came_stands_in_the_table(
    original: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = of_an_outside_network(tmp_path, monkeypatch, checks={**fakes.CHECKS, "original": original})
    made = report.assemble(run).original
    assert made and made.model_dump() == original
    assert [line.split(maxsplit=1)[1].rstrip() for line in text_of(run, 200).splitlines()
            if line.startswith("Original")] == [words]  # fmt: skip


def test_part_and_family_stand_with_the_hardware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = fakes.results()
    table["hardware"]["part"] = "xczu7ev-ffvc1156-2-e"
    table["hardware"]["layers"][0]["implementation"] = "own"
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(table))
    made = report.assemble(build(tmp_path / "r", board="zcu104")).hardware
    assert made and (made.part, made.family) == ("xczu7ev-ffvc1156-2-e", "xcup")
    assert [layer.implementation for layer in made.layers[:2]] == ["own", "finn"]


def test_stages_that_did_not_run_are_null(tmp_path: Path) -> None:
    made = report.assemble(build(tmp_path / "r", until="export"))
    assert (made.hardware, made.verify, made.estimate, made.synth) == (None, None, None, None)
    assert made.accuracy.golden == 0.615
    assert made.accuracy.rtl is None


def test_results_of_replaced_hardware_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "r")
    other = {**fakes.results()["hardware"], "cycles_per_frame": 77}
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(hardware=lambda _: other))
    made = report.assemble(build(tmp_path / "r", until="hardware", hardware={"fps": 9}))
    assert made.hardware and made.hardware.cycles_per_frame == 77
    assert (made.verify, made.synth, made.accuracy.rtl) == (None, None, None)
    assert all(layer.synth is None for layer in made.hardware.layers)


def test_report_of_a_run_that_is_opened_has_its_times(tmp_path: Path) -> None:
    build(tmp_path / "r")
    stages = report.assemble(flow.open_run(tmp_path / "r")).stages
    assert [(stage.name, stage.cached) for stage in stages] == [(name, True) for name in fakes.BUILT]


def test_outside_network_is_named_by_its_file_and_has_its_own_bits(tmp_path: Path) -> None:
    net = tmp_path / "tfc.onnx"
    net.write_bytes(b"x")
    run = flow.new_run(tmp_path / "r", fakes.recipe(quant={"weight_bits": 7}), net)
    flow.execute(run)
    made = report.assemble(run)
    assert (made.model, made.bits, made.accuracy.quantised) == ("signals.onnx", 4, None)


def test_accuracy_in_per_cent_is_refused() -> None:
    with pytest.raises(ValidationError):
        report.schema.Accuracy(golden=61.5)


def test_table_says_which_data_and_where_the_report_is(tmp_path: Path) -> None:
    text = text_of(build(tmp_path / "r"))
    assert "6,240 test frames; signals (generated), 24 classes, -20 to 30 dB SNR" in text
    assert "predicted 10,000, measured 10,000" in text
    assert re.search(r"LUT +5,500 +5,500 +5,500 +53,200 +10%", text)
    assert f"Report: {tmp_path / 'r' / 'report.html'}" in text


def test_a_network_without_weights_is_reported_as_not_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = fakes.results()
    table["export"]["cost"] |= {"weights": 0, "nonzero": 0}
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(table))
    run = build(tmp_path / "r")
    assert "0 of 0 left (0.0% pruned)" in text_of(run)
    report.write(run)
    page_text = (tmp_path / "r" / "report.html").read_text()
    assert re.search(r">0\.0%<.*\n?.*0 of 0 weights left", page_text)
    (row,) = gather([run.folder])
    assert (row.figure("weights"), row.figure("sparsity")) == (0, 0)


def test_table_of_a_run_where_nothing_ran(tmp_path: Path) -> None:
    run = fakes.run_of(tmp_path / "r")
    assert "signals: vgg10, 4 bit, pynq-z1" in text_of(run)
    assert "Nothing in this run was made from its recipe yet; 'flow STAGE RUN' makes it." in text_of(run)


class Page(HTMLParser):
    """Checks that elements are closed and collects what a page loads from elsewhere."""

    VOID = {"meta", "link", "br", "img"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.loads += [value or "" for key, value in attrs if key in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_and_loads_nothing(tmp_path: Path) -> None:
    run = build(tmp_path / "r")
    report.write(run)
    text = (tmp_path / "r" / "report.html").read_text()
    parsed = Page()
    parsed.feed(text)
    assert parsed.open == []
    assert [load for load in parsed.loads if not load.startswith("#")] == []
    assert parsed.tags.count("svg") == 7
    for words in ("Accuracy against SNR", "signals (generated)", "0 differ", "bottleneck", "of 256 frames"):
        assert words in text
    assert len(text) < 300_000


def test_page_escapes_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = "<script>alert(1)</script>"
    result = fakes.results()["hardware"]
    result["layers"][0]["name"] = layer
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(hardware=lambda _: result))
    run = build(tmp_path / "r")
    report.write(run)
    assert layer not in (tmp_path / "r" / "report.html").read_text()


def test_page_of_a_difference_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fakes.difference("conv3")
    wrong = {**fakes.results()["verify"], "mismatches": 9, "first_difference": first}
    stages = [fakes.replace(stage, judge=None) for stage in fakes.stages(verify=lambda _: wrong)]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    run = build(tmp_path / "r")
    report.write(run)
    text = (tmp_path / "r" / "report.html").read_text()
    assert "First difference" in text
    assert "layer conv3, " in text
    assert "found 2" in text_of(run)


def test_a_layer_says_what_is_proved_or_compared_and_how_well_its_lanes_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    run = build(tmp_path / "r")
    report.write(run)
    shown = (tmp_path / "r" / "report.html").read_text()
    assert "1,000" in shown and "5%" in shown
    assert "proved" in shown and "0 differences in 4,096 values" in shown
    assert re.search(r"Proved +\d+ layers, for every input", text_of(run))
    assert "Of the products that a layer's lanes have time for" in html.unescape(shown)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (fakes.EXAMPLE, "conv3: input 5 = 1: output 7: expected 3, found 0 (why)"),
        (None, "conv3: no input was found for which it differs (why)"),
    ],
)
def test_a_proof_that_failed_is_shown_and_an_example_is_a_difference(
    example: dict[str, Any] | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {**fakes.results()["verify"], "proofs": [fakes.proof("conv3", "why", example)]}
    stages = [fakes.replace(stage, judge=None) for stage in fakes.stages(verify=lambda _: wrong)]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    run = build(tmp_path / "r")
    report.write(run)
    shown = (tmp_path / "r" / "report.html").read_text()
    assert words in html.unescape(shown) and "Not proved" in shown
    found = assemble(run)
    assert found.hardware is not None
    layer = next(one for one in found.hardware.layers if one.name == "conv3")
    assert (layer.proved, layer.equal) == (False, example is None)
    fault = VerifyResult.model_validate(wrong).fault()
    assert fault == (f"layer {words}" if example else "")


def test_page_is_drawn_again_only_when_what_it_shows_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(
        page, "render", lambda run, made, found, version: drawn.append(1) or f'content="{version}"'
    )
    report.write(build(tmp_path / "r"))
    report.write(build(tmp_path / "r"))
    assert len(drawn) == 1
    table = fakes.results()
    table["synth"] |= {"lut": 1}
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(table))
    report.write(build(tmp_path / "r", force="synth"))
    assert len(drawn) == 2


def test_report_of_any_prefix_of_the_stages_can_be_written(tmp_path: Path) -> None:
    for stage in ("train", "prune", "hardware", "rtl"):
        run = build(tmp_path / "r", until=stage)
        report.write(run)
        assert text_of(run)


def test_plots_are_the_same_each_time() -> None:
    series = {"pruned": {-10.0: 0.1, 0.0: 0.5, 10.0: 0.9}}
    first, second = plots.accuracy_by_snr(series), plots.accuracy_by_snr(series)
    assert first == second
    assert first.startswith('<svg role="img" aria-label="Accuracy against SNR"')


def test_bottleneck_is_the_marked_bar() -> None:
    svg = plots.cycles(["a", "b"], [1, 5], "b")
    assert svg.count(plots.RED) == 1
    assert "5  bottleneck" in svg.replace("&#160;", " ")


def test_predicted_simulated_and_measured_stand_side_by_side(tmp_path: Path) -> None:
    run = build(tmp_path / "r")
    flow_rtl = flow.current(run)["rtl"]
    measured = BoardResult(
        digest=design_digest(flow_rtl),
        host="xilinx@192.168.2.99",
        virtual=False,
        package="signals.zip",
        accuracy=0.61,
        samples=240,
        mismatches=0,
        first_mismatches=(),
        agreement=1.0,
        cycles_per_frame=16_500.5,
        in_waits=0,
        out_waits=0,
        latency_cycles=60_100,
        latency_us=812.25,
        fps=5_801.0,
        accelerator_fps=6_060.4,
        power_w=None,
    )
    deployed.keep(run, measured)
    text = text_of(run)
    hardware, verify = report.assemble(run).hardware, report.assemble(run).verify
    assert hardware and verify
    assert report.assemble(run).accuracy.board == 0.61
    line = next(line for line in text.splitlines() if line.startswith("cycles per frame"))
    assert line.split()[-3:] == [
        f"{hardware.cycles_per_frame:,}",
        f"{verify.measured_cycles_per_frame:,}",
        "16,500.5",
    ]
    assert re.search(r"predicted +simulated +measured \(pynq-z1\)", text)
    assert re.search(r"frames that differ +0 of \d+ +0 of 240", text)
    report.write(run)
    html = (tmp_path / "r" / "report.html").read_text()
    assert "Predicted, simulated, measured" in html and "6,060" in html
