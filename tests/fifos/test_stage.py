"""The stage: depths by either method, the full rate in the RTL, a file of depths and what is wrong in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.artifact import write_json
from fpga_flow.errors import InputError
from fpga_flow.fifos import stage
from fpga_flow.fifos.network import network_of
from fpga_flow.flow import RUNS, Context
from fpga_flow.recipe import make_recipe
from tests import networks
from tests.fifos.hardware import PART, design_of, ends, folded, simulate, simulator_of

FRAMES = 12
HARDWARE = {"part": PART, "clock_mhz": 100.0, "cycles_per_frame": 1, "bottleneck": "", "top_k": 1}


@pytest.fixture(scope="module")
def hardware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact `hardware` of a small network."""
    folder = tmp_path_factory.mktemp("run") / "hardware"
    folder.mkdir()
    folded(networks.vgg(bits=3), 200).save(str(folder / stage.GRAPH))
    write_json(folder / "result.json", HARDWARE)
    return folder


def run(hardware: Path, folder: Path, **settings: object) -> dict[str, Any]:
    """Run the stage into `folder`."""
    folder.mkdir(exist_ok=True)
    recipe = make_recipe({"name": "small", "fifos": settings})
    return stage.run(Context(recipe, folder, {"hardware": hardware}, RUNS / ".cache"))


def test_analytic_depths_reach_the_full_rate_in_the_rtl(hardware: Path, tmp_path: Path) -> None:
    result = run(hardware, tmp_path)
    assert result["cycles_per_frame"] == result["fastest_cycles_per_frame"]
    assert result["cycles_per_frame"] < network_of(ModelWrapper(str(hardware / stage.GRAPH))).play().period
    model = ModelWrapper(str(tmp_path / stage.GRAPH))
    design = design_of(model, tmp_path / "rtl")
    simulator = simulator_of(design, tmp_path / "rtl")
    last = ends(simulate(simulator, design, tmp_path / "rtl", FRAMES), design)
    assert last[-1] - last[-2] == result["cycles_per_frame"]
    assert last[0] == result["latency_cycles"]


def test_simulated_depths_agree_with_the_analytic_ones(hardware: Path, tmp_path: Path) -> None:
    simulated = run(hardware, tmp_path, method="simulated")
    analytic = run(hardware, tmp_path, method="analytic")
    assert simulated["edges"] == analytic["edges"]
    measured = simulated["simulated"]
    for key in ("cycles_per_frame", "fastest_cycles_per_frame", "latency_cycles"):
        assert measured[key] == analytic[key]


def test_bits_are_those_of_the_depths(hardware: Path, tmp_path: Path) -> None:
    result = run(hardware, tmp_path)
    assert result["bits_after"] == sum(edge["depth"] * edge["bits"] for edge in result["edges"])
    assert result["bits_before"] == sum(edge["depth_before"] * edge["bits"] for edge in result["edges"])
    assert result["bits_after"] < result["bits_before"]


def test_written_file_gives_the_same_depths(hardware: Path, tmp_path: Path) -> None:
    first = run(hardware, tmp_path)
    again = run(hardware, tmp_path / "again", file=str(tmp_path / stage.FILE))
    assert [edge["depth"] for edge in again["edges"]] == [edge["depth"] for edge in first["edges"]]
    assert again["method"] == "file"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"StreamingFIFO_rtl_3": {"depth": 1}}, r"StreamingFIFO_rtl_3.depth must be .* at least 2, not 1"),
        ({"StreamingFIFO_rtl_3": {"depth": "deep"}}, r"StreamingFIFO_rtl_3.depth .* not 'deep'"),
        ({"fifo_of_another": {"depth": 2}}, "must name the FIFOs of this design .* fifo_of_another"),
    ],
)
def test_wrong_file_names_the_fifo_and_what_must_be(
    hardware: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    run(hardware, tmp_path, seconds=0)
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(json.loads((tmp_path / stage.FILE).read_text()) | change))
    with pytest.raises(InputError, match=message):
        run(hardware, tmp_path, file=str(file))
