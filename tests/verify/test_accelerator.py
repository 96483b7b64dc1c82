"""The whole accelerator of a small network: every layer equal, and a seeded fault is found and named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.core import places
from fpga_flow.core.artifact import write_result
from fpga_flow.core.errors import ToolError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.design.design import INPUT, OUTPUT
from fpga_flow.integer.golden import top_k
from fpga_flow.pipeline.flow import Context
from fpga_flow.sim.simulator import ExtraOutputError, RtlError
from fpga_flow.stages import hardware as hardware
from fpga_flow.stages import rtl as rtl
from fpga_flow.stages.verify import wanted
from fpga_flow.verify import activity
from fpga_flow.verify.accelerator import Accelerator, timing
from fpga_flow.verify.compare import first_layer
from tests import networks

FRAMES = 6
Frames = NDArray[np.int64]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rtl artifact of a small network, made by the stages."""
    run = tmp_path_factory.mktemp("run")
    for stage in ("export", "hardware", "rtl"):
        (run / stage).mkdir()
    networks.vgg(bits=3).save(str(run / "export" / "network.onnx"))
    recipe = make_recipe({"name": "small", "hardware": {"fps": 250_000, "implementation": "dense"}})
    inputs = {stage: run / stage for stage in ("export", "hardware")}
    result = hardware.run(Context(recipe, run / "hardware", inputs, run / "cache"))
    write_result(run / "hardware", result)
    rtl.run(Context(recipe, run / "rtl", inputs, run / "cache"))
    return run / "rtl"


@pytest.fixture(scope="module")
def accelerator(built: Path) -> Accelerator:
    return Accelerator(built, places.cache() / "verilator", built / "verilator.log")


@pytest.fixture(scope="module")
def frames() -> Frames:
    return np.random.default_rng(3).integers(-128, 128, (FRAMES, 2, 16, 1))


@pytest.fixture(scope="module")
def expected(frames: Frames) -> dict[str, Frames]:
    return networks.layers(networks.vgg(bits=3), frames)


def classes(expected: dict[str, Frames]) -> Frames:
    return top_k(expected[networks.vgg(bits=3).graph.output[0].name], 1)


@pytest.mark.parametrize("stall", [0.0, 0.3, 0.8])
def test_classes_and_every_layer_are_equal_under_stalls(
    accelerator: Accelerator, frames: Frames, expected: dict[str, Frames], tmp_path: Path, stall: float
) -> None:
    found, _ = accelerator.run(frames, stall=stall, seed=5, taps=tmp_path)
    np.testing.assert_array_equal(found, classes(expected))
    difference, compared = first_layer(accelerator.design, tmp_path, expected)
    assert difference is None
    assert len(compared) == 10


def test_measured_cycles_agree_with_the_prediction(accelerator: Accelerator) -> None:
    many = np.random.default_rng(4).integers(-128, 128, (40, 2, 16, 1))
    per_frame, latency = timing(accelerator.run(many)[1], accelerator.design)
    assert per_frame == pytest.approx(accelerator.design.cycles_per_frame, rel=0.02, abs=4)
    assert latency > 0


def test_one_wrong_weight_is_found_and_named(
    accelerator: Accelerator, built: Path, frames: Frames, expected: dict[str, Frames], tmp_path: Path
) -> None:
    faulty = tmp_path / "rtl"
    shutil.copytree(built, faulty)
    second = next(layer for layer in accelerator.design.layers if layer.name == "conv_3")
    memory = faulty / second.data[0]
    words = memory.read_text().split()
    flipped = int(words[0], 16) ^ 1
    memory.write_text("\n".join([f"{flipped:0{len(words[0])}x}", *words[1:]]) + "\n")

    broken = Accelerator(faulty, places.cache() / "verilator", built / "verilator.log")
    broken.run(frames, taps=tmp_path)
    difference, _ = first_layer(broken.design, tmp_path, expected)
    assert difference is not None
    assert (difference.layer, difference.tensor) == (second.name, second.outputs[0].tensor)
    assert difference.index[-1] < second.outputs[0].lanes  # word 0 of the memory: the first PE's channels
    values = np.moveaxis(expected[difference.tensor], 1, -1)[difference.frame]
    assert difference.expected == values[difference.index] != difference.found


def test_simulation_in_another_folder_ends_with_the_memory_file_that_is_missing(
    accelerator: Accelerator, frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerator, "folder", tmp_path)
    with pytest.raises(RtlError, match=r"cycle 0: .*cannot read data/\w+\.dat"):
        accelerator.run(frames)


def test_equal_layers_share_one_module(accelerator: Accelerator) -> None:
    modules = {layer.key: layer.module for layer in accelerator.design.layers}
    assert len(set(modules.values())) == len(modules) < len(accelerator.design.layers)


def window(kernel: int, pad: int, stride: int, shape: tuple[int, int, int]) -> networks.Builder:
    """A network that ends in a convolution whose windows may lie in its padding alone."""
    axes = [0 if size == 1 else 1 for size in shape[1:]]
    kernels, pads, strides = ([n if axis else least for axis in axes] for n, least in (
        (kernel, 1), (pad, 0), (stride, 1)))  # fmt: skip
    builder = networks.Builder(shape)
    weights = builder.weights((2, shape[0], *kernels), 4)
    sizes = [
        (size + 2 * p - k) // s + 1 for size, p, k, s in zip(shape[1:], pads, kernels, strides, strict=True)
    ]
    attributes = {"kernel_shape": kernels, "pads": pads * 2, "strides": strides, "dilations": [1, 1]}
    builder.add("Conv", (1, 2, *sizes), "INT32", weights, group=1, **attributes)
    return builder


@pytest.mark.parametrize(
    ("kernel", "pad", "stride", "shape"),
    [(1, 1, 1, (2, 6, 1)), (3, 3, 1, (2, 6, 1)), (1, 1, 1, (2, 3, 4)), (2, 2, 2, (1, 4, 4))],
)
def test_a_next_frame_may_begin_with_windows_in_the_padding(
    kernel: int, pad: int, stride: int, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    model = window(kernel, pad, stride, shape).build()
    for stage in ("export", "hardware", "rtl"):
        (tmp_path / stage).mkdir()
    model.save(str(tmp_path / "export" / "network.onnx"))
    recipe = make_recipe({"name": "small", "hardware": {"top_k": 0}})
    inputs = {stage: tmp_path / stage for stage in ("export", "hardware")}
    result = hardware.run(Context(recipe, tmp_path / "hardware", inputs, tmp_path / "cache"))
    write_result(tmp_path / "hardware", result)
    rtl.run(Context(recipe, tmp_path / "rtl", inputs, tmp_path / "cache"))
    accelerator = Accelerator(tmp_path / "rtl", places.cache() / "verilator", tmp_path / "verilator.log")
    x = np.random.default_rng(5).integers(-128, 128, (3, *shape))
    expected = wanted(networks.layers(model, x)[model.graph.output[0].name], 0)
    found, measured = accelerator.run(x, stall=0.3, seed=2)
    np.testing.assert_array_equal(found, expected)
    beyond = measured.beyond["m_axis"]
    assert len(beyond) > 0
    assert not beyond.any()  # sums of zeros

    accelerator._begun = measured.outputs["m_axis"][-1:] + 1
    with pytest.raises(ExtraOutputError, match=r"came out after the last one, and not those that a frame"):
        accelerator.run(x)


def test_activity_of_a_frame_is_that_of_its_words(
    accelerator: Accelerator, frames: Frames, tmp_path: Path
) -> None:
    design = accelerator.design
    many = np.concatenate([frames, frames])
    over = activity.window(design, len(many))
    _, result = accelerator.run(many, plusargs=over.plusargs(tmp_path))
    found = activity.read_activity(design, over, tmp_path, result)
    assert found is not None
    tapped = [layer.name for layer in design.layers if layer.taps]
    assert [stream.layer for stream in found.streams] == ["input", *tapped]
    assert over.cycles * over.parts - design.cycles_per_frame in range(over.cycles)
    edges = over.first + over.cycles * np.arange(over.parts)
    ends = (
        (found.streams[0], result.input_cycles[INPUT]),
        (found.streams[-1], result.output_cycles[OUTPUT]),
    )
    for stream, moved in ends:
        assert stream.moves == tuple(int(((moved >= e) & (moved < e + over.cycles)).sum()) for e in edges)
    sums = np.array([(stream.moves, stream.waits, stream.starves) for stream in found.streams]).sum(1)
    assert (sums <= over.cycles).all()
    assert all(sum(stream.moves) > 0 for stream in found.streams)
    # Before the first frame has come out, and behind the last word in, nothing is steady.
    for frame in (0, 2 * len(many)):
        assert activity.read_activity(design, activity.window(design, frame), tmp_path, result) is None
    (tmp_path / "input.activity").unlink()
    with pytest.raises(ToolError, match=r"did not write input\.activity whole"):
        activity.read_activity(design, over, tmp_path, result)
