"""Depths by either method, the full rate in the RTL, a file of depths and what is wrong in it."""

import json
from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.fifos.depths import FILE, size_fifos
from fpga_flow.fifos.network import network_of
from fpga_flow.results.hardware import HardwareSettings, SizedFifos
from tests import networks
from tests.fifos.hardware import PART, design_of, ends, folded, simulate, simulator_of

FRAMES = 12
SETTINGS = HardwareSettings(part=PART, clock_mhz=100.0, top_k=1)


@pytest.fixture(scope="module")
def shallow() -> ModelWrapper:
    """The hardware graph of a small network, all FIFOs of two words."""
    return folded(networks.vgg(bits=3), 200)


def sized(shallow: ModelWrapper, folder: Path, **settings: object) -> tuple[ModelWrapper, SizedFifos]:
    """Return a copy with the depths set, and what came of it; `settings` are those of the recipe."""
    folder.mkdir(exist_ok=True)
    recipe = make_recipe({"name": "small", "hardware": {"fifos": settings}}).hardware.fifos
    model = ModelWrapper(shallow.model, make_deepcopy=True)
    return model, size_fifos(model, recipe, SETTINGS, folder, places.cache())


def test_analytic_depths_reach_the_full_rate_in_the_rtl(shallow: ModelWrapper, tmp_path: Path) -> None:
    model, result = sized(shallow, tmp_path)
    assert result.cycles_per_frame == result.fastest_cycles_per_frame
    assert result.cycles_per_frame < network_of(shallow).play().period
    design = design_of(model, tmp_path / "rtl")
    simulator = simulator_of(design, tmp_path / "rtl")
    last = ends(simulate(simulator, design, tmp_path / "rtl", FRAMES), design)
    assert last[-1] - last[-2] == result.cycles_per_frame
    assert last[0] == result.latency_cycles


def test_simulated_depths_agree_with_the_analytic_ones(shallow: ModelWrapper, tmp_path: Path) -> None:
    _, simulated = sized(shallow, tmp_path, method="simulated")
    _, analytic = sized(shallow, tmp_path, method="analytic")
    assert simulated.edges == analytic.edges
    measured = simulated.simulated
    for key in ("cycles_per_frame", "fastest_cycles_per_frame", "latency_cycles"):
        assert getattr(measured, key) == getattr(analytic, key)


def test_bits_are_those_of_the_depths(shallow: ModelWrapper, tmp_path: Path) -> None:
    _, result = sized(shallow, tmp_path)
    assert result.bits_after == sum(edge.depth * edge.bits for edge in result.edges)
    assert result.bits_before == sum(edge.depth_before * edge.bits for edge in result.edges)
    assert result.bits_after < result.bits_before


def test_written_file_gives_the_same_depths(shallow: ModelWrapper, tmp_path: Path) -> None:
    _, first = sized(shallow, tmp_path)
    _, again = sized(shallow, tmp_path / "again", file=str(tmp_path / FILE))
    assert [edge.depth for edge in again.edges] == [edge.depth for edge in first.edges]
    assert again.method == "file"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv_0_fifo": {"depth": 0}}, r"conv_0_fifo.depth must be .* at least 1, not 0"),
        ({"conv_0_fifo": {"depth": "deep"}}, r"conv_0_fifo.depth .* not 'deep'"),
        ({"fifo_of_another": {"depth": 2}}, "must name the FIFOs of this design .* fifo_of_another"),
    ],
)
def test_wrong_file_names_the_fifo_and_what_must_be(
    shallow: ModelWrapper, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    sized(shallow, tmp_path, seconds=0)
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(json.loads((tmp_path / FILE).read_text()) | change))
    with pytest.raises(InputError, match=message):
        sized(shallow, tmp_path, file=str(file))
