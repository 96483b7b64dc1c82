import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import outside
from fpga_flow.pipeline import flow
from fpga_flow.sweep.gather import gather, run_folders
from fpga_flow.sweep.rows import as_csv
from fpga_flow.sweep.states import Ended, write_state
from tests import fakes


@pytest.fixture(autouse=True)
def _stages(monkeypatch: pytest.MonkeyPatch) -> None:
    def prune(context: flow.Context) -> dict[str, Any]:
        method = context.recipe.prune.method
        kept = 1 if method == "none" else 4
        count = {"weights": 100, "left": 100 // kept, "nonzero": 100 // kept}
        return {
            **fakes.results()["prune"],
            "accuracy": {"pruned": 0.6 if method == "none" else 0.58},
            "method": method,
            "weights": 300,
            "left": 80,
            "nonzero": 75,
            "layers": [{"name": f"conv{i}", **count} for i in range(3)],
        }

    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(prune=prune))


def build(folder: Path, until: str | None, **parts: Any) -> Path:
    flow.execute(fakes.run_of(folder, **parts), until)
    return folder


def test_whole_run_is_one_row(tmp_path: Path) -> None:
    (row,) = gather(
        [build(tmp_path / "mine", None, quant={"weight_bits": 3}, prune={"criterion": "slimming"})]
    )
    assert (row.point, row.state, row.stage) == ("mine", "done", "synth")
    assert (row.bits, row.act_bits, row.method, row.criterion) == (3, 4, "fmp", "slimming")
    assert row.left == 80
    assert row.figures == {
        "accuracy": 0.615,
        "accuracy_float": 0.64,
        "accuracy_unpruned": 0.62,
        "accuracy_pruned": 0.58,
        "accuracy_golden": 0.615,
        "accuracy_rtl": 0.6,
        "samples": 6240,
        "weights": 159_104,
        "nonzero": 17_018,
        "sparsity": pytest.approx(1 - 17_018 / 159_104, abs=1e-6),
        "macs": 12_864_512,
        "nonzero_macs": 1_527_286,
        "bit_ops": 24_436_576,
        "weight_bits": 68_072,
        "itu_score": 0.0424668,
        "cycles": 10_000,
        "cycles_rtl": 10_000,
        "fps": 10_000,
        "fps_rtl": 10_000,
        "latency": 25_000,
        "latency_rtl": 25_000,
        "latency_us": 250,
        "latency_us_predicted": 250,
        "mismatches": 0,
        "verdict": "verified",
        "fits": "fits",
        "fits_estimate": "fits",
        "lut": 5500,
        "ff": 8250,
        "bram18": 55,
        "dsp": 110,
        "lut_estimate": 5500,
        "ff_estimate": 8250,
        "bram18_estimate": 55,
        "dsp_estimate": 110,
    }
    assert [layer.sparsity for layer in row.layers] == [0.75] * 3
    assert (row.generated, row.data) == (True, "signals (generated), 24 classes, -20 to 30 dB SNR")


def test_runs_for_a_board_of_the_users_have_their_figures(tmp_path: Path) -> None:
    own = {"name": "mine", "part": "xc7a35", "family": "xc7", "clock_mhz": 50}
    own |= dict.fromkeys(("lut", "ff", "bram18", "dsp"), 90_000)
    runs = [build(tmp_path / "a", None, board=own), build(tmp_path / "b", None)]
    mine, known = gather(runs)
    assert mine.figures == known.figures and mine.figure("lut") == 5_500


def test_run_that_was_built_in_part_says_what_it_knows(tmp_path: Path) -> None:
    pruned, trained = gather([build(tmp_path / "a", "prune"), build(tmp_path / "b", "train")])
    assert (pruned.stage, trained.stage, trained.layers) == ("prune", "train", [])
    found = [[row.figure(key) for key in ("accuracy", "sparsity", "itu_score")] for row in (pruned, trained)]
    assert found == [[0.58, 0.75, None], [0.62, None, None]]


def test_columns_for_keys_in_which_the_recipes_differ(tmp_path: Path) -> None:
    rows = gather([build(tmp_path / f"s{seed}", "train", seed=seed, train={"epochs": 9}) for seed in (1, 2)])
    assert [row.settings for row in rows] == [{"seed": 1}, {"seed": 2}]


def test_layers_are_the_networks_or_those_of_hardware_that_have_weights(tmp_path: Path) -> None:
    run = build(tmp_path / "run", "hardware")
    assert [layer.name for layer in gather([run])[0].layers] == ["conv0", "conv1", "conv2"]
    result = artifact.read_json(run / "prune" / "result.json")
    artifact.write_json(
        run / "prune" / "result.json", {**result, "layers": []}
    )  # as of a network from outside
    assert [layer.name for layer in gather([run])[0].layers] == fakes.LAYERS


def test_an_outside_network_has_its_own_bits_and_no_method_or_other_defaults(tmp_path: Path) -> None:
    net = tmp_path / "net.onnx"
    net.write_bytes(b"graph")
    for fps in (1000, 2000):
        parts = {"prune": {"method": "fmp"}, "quant": {"weight_bits": 7}, "hardware": {"fps": fps}}
        flow.execute(flow.new_run(tmp_path / f"net-{fps}", fakes.recipe(**parts), net), "hardware")
    own = build(tmp_path / "own", "hardware", seed=2, board="zcu104")
    rows = gather([tmp_path / "net-1000", tmp_path / "net-2000", own])
    assert [(row.model, row.bits, row.method, row.criterion) for row in rows] == [
        ("signals.onnx", 4, None, None),
        ("signals.onnx", 4, None, None),
        ("vgg10", 4, "fmp", "magnitude"),
    ]
    assert [row.settings["hardware.fps"] for row in rows] == [1000, 2000, rows[2].settings["hardware.fps"]]
    assert set(rows[0].settings) == {"board", "hardware.fps"}


def test_frames_of_the_users_are_all_that_an_outside_recipe_says_of_data() -> None:
    parts = {"name": "own", "file": "x.npz", "length": 64}
    assert outside.meant({"seed": 1, "data": parts, "board": "zcu104"}) == {
        "board": "zcu104",
        "data": {"name": "own", "file": "x.npz"},
    }
    assert outside.meant({"data": {**parts, "name": "signals"}}) == {}


def test_table_with_keys_of_the_user_is_one_value(tmp_path: Path) -> None:
    own = {"layers": {"conv1": {"weight_bits": 5}}}
    rows = gather([build(tmp_path / "a", "train"), build(tmp_path / "b", "train", quant=own)])
    conv1 = {"weight_bits": 5, "act_bits": None, "weights": None, "activations": None}
    assert [row.settings for row in rows] == [{"quant.layers": {}}, {"quant.layers": {"conv1": conv1}}]
    cells = [line["quant.layers"] for line in csv.DictReader(as_csv(rows).splitlines())]
    assert cells == ["{}", '{"conv1": {"weight_bits": 5}}']


def test_stage_made_of_a_replaced_input_is_left_out(tmp_path: Path) -> None:
    run = build(tmp_path / "run", "export")
    build(run, "train", seed=2)
    (row,) = gather([run])
    # The fake stage makes the same of another seed, so its content still fits; its recipe does not.
    assert row.state == "outdated"
    manifest = json.loads((run / "train" / "manifest.json").read_text())
    other = {"files": {"result.json": "0"}, "content": artifact.digest_json({"result.json": "0"})}
    artifact.write_json(run / "train" / "manifest.json", manifest | other)
    (row,) = gather([run])
    assert (row.stage, row.figure("accuracy_pruned")) == ("train", None)


def test_stage_that_depends_on_other_parts_today_is_not_outdated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build(tmp_path / "run", "prune")
    stages = [replace(stage, parts=(*stage.parts, "board")) for stage in flow.STAGES]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    assert gather([run])[0].state == "done"
    table = artifact.read_json(run / "recipe.json")
    artifact.write_json(run / "recipe.json", table | {"seed": 9})
    assert gather([run])[0].state == "outdated"


def test_half_made_and_failed_runs(tmp_path: Path) -> None:
    half = build(tmp_path / "half", "train")
    (half / "prune.partial").mkdir()
    recipe = fakes.recipe().model_dump(mode="json")
    write_state(tmp_path / "gone", Ended("failed", "export", recipe, 2, "data.file: must be a file"))
    rows = gather(run_folders([tmp_path]))
    assert [(row.point, row.state, row.message) for row in rows] == [
        ("gone", "failed", "data.file: must be a file"),
        ("half", "unfinished", None),
    ]
    build(tmp_path / "gone", "train")  # mended by hand since
    assert gather(run_folders([tmp_path]))[0].state == "done"


def test_runs_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    runs = [build(tmp_path / name / "w4", "train") for name in ("a", "b")]
    assert [row.point for row in gather(run_folders([runs[0], tmp_path / "b", runs[0]]))] == ["a-w4", "b-w4"]


def test_wrong_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run of fpga_flow .* and holds none"):
        run_folders([tmp_path])


def test_command_writes_table_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for method in ("none", "imp"):
        build(tmp_path / f"net-{method}", None, prune={"method": method})
    out = tmp_path / "out"
    assert cli.main(["sweep", "--gather", str(tmp_path), "--out", str(out)]) == 0
    with (out / "sweep.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["point"], line["method"], line["lut"]) for line in lines] == [
        ("net-imp", "imp", "5500.0"),
        ("net-none", "none", "5500.0"),
    ]
    table = json.loads((out / "sweep.json").read_text())
    assert (table["schema"], len(table["points"][0]["layers"])) == (1, 3)
    for name in ("accuracy-sparsity", "accuracy-score", "accuracy-lut", "fps-lut", "sparsity-layers"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{name}.svg").read_text()
    drawn = (out / "accuracy-lut.svg").read_text()
    assert "signals (generated), 24 classes" in drawn
    assert ">none<" in drawn
    assert "net-none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b"], "RECIPE: a sweep is of one recipe, not a, b"),
        (["a", "--gather", "--bits", "4"], "--bits: has no meaning with --gather"),
        (["a", "b", "--gather"], "--out: name the folder"),
        (["a", "--gather", "--model", "net.onnx"], "--model: has no meaning with --gather"),
        (["--gather"], "RUN: name the runs that --gather puts together"),
        ([], "RECIPE: name a recipe ('flow list' has them), or a network with --model FILE.onnx"),
        (
            ["signals", "--model", "net.onnx"],
            "RECIPE: a sweep is of a recipe or of --model; leave signals out",
        ),
        (["--model", "no.onnx"], "--model: must be an ONNX file, not 'no.onnx', which does not exist"),
    ],
)
def test_wrong_options(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", *words]) == 2
    assert f"error: {message}" in capsys.readouterr().err


def test_sweep_into_a_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = build(tmp_path / "run", "train")
    assert cli.main(["sweep", "signals", "--out", str(run)]) == 2
    assert "is a single run; name another folder" in capsys.readouterr().err
