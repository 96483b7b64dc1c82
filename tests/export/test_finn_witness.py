"""FINN's own streamlining against our integers: on every threshold, and on real frames.

The figures are in docs/finn.md.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow import data
from fpga_flow.core.recipe import Change, find_recipe, load_recipe
from fpga_flow.core.recipe_parts.data import DataRecipe
from fpga_flow.data.frames import Frames
from fpga_flow.export import host
from fpga_flow.export.brevitas_export import export_module
from fpga_flow.export.compare import Comparison, compare
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.finn.session import finn_session
from fpga_flow.untrained import untrained
from tests.export.finn_witness import FinnReference, Inputs, Layer, compare_layers, streamlined
from tests.export.graphs import Graph, opened
from tests.export.test_outside import AMC, TFC, zoo

SIGNALS = DataRecipe(name="signals", frames_per_block=3, snr_db=(0, 20))


@dataclass(frozen=True)
class Agreement:
    """What came out of one network."""

    layers: list[Layer]
    inputs: Inputs
    frames: Comparison

    def total(self, count: str) -> int:
        """Return the sum of one of the counts over all layers."""
        return sum(getattr(layer, count) for layer in self.layers)

    @property
    def unexplained(self) -> int:
        """Thresholds, inputs, frames and classes that differ for no reason that was computed."""
        frames = self.frames.unexplained + self.frames.class_unexplained
        return self.total("unexplained") + self.inputs.unexplained + frames


def witness(model: ModelWrapper, source: Frames, count: int, folder: Path) -> Agreement:
    """Compare all weights and thresholds, and the integers and logits of `count` frames of `source`."""
    network = to_integers(model)
    golden = opened(network, folder)
    spec = host.describe(network.host, network.input)
    chosen = source.sample(count, 1)
    floats = source.prepared(chosen).reshape(-1, *network.host.frame_shape)
    codes = host.quantise(floats, spec)
    with finn_session():
        finn = streamlined(model)
        layers, reference = compare_layers(network, finn), FinnReference(finn, spec)
        frames = compare(
            network, golden, reference, lambda _: (floats, codes), [slice(0, count)], lambda _: None
        )
    print(f"{sum(layer.weights for layer in layers)} weights", *layers, reference.inputs, frames, sep="\n")
    return Agreement(layers, reference.inputs, frames)


def test_amc_vgg10(tmp_path: Path) -> None:
    model = read(zoo(AMC))
    found = witness(model, data.load(SIGNALS, "test", tmp_path), 4, tmp_path)
    assert found.unexplained == 0
    assert (found.total("weights"), found.total("thresholds")) == (156_032, 10_506)
    assert (found.total("half_to_even"), found.total("float32")) == (0, 1)


def test_tfc_of_the_model_zoo(tmp_path: Path) -> None:
    digits = data.load(DataRecipe(name="digits"), "test", tmp_path)
    found = witness(read(zoo(TFC)), digits, 100, tmp_path)
    assert found.unexplained == 0
    assert found.total("thresholds") > 0 == found.total("half_to_even") + found.total("float32")


@pytest.mark.parametrize("name", ["tfc-w1", "tfc-w2"])
def test_our_tfc(name: str, tmp_path: Path) -> None:
    module, digits = untrained(load_recipe(find_recipe(name)), tmp_path)
    found = witness(export_module(module, digits.shape), digits, 100, tmp_path)
    assert found.unexplained == 0
    assert found.total("thresholds") > 0 == found.total("half_to_even") + found.total("float32")


def test_cnv(tmp_path: Path) -> None:
    small = {"data.name": "digits-32", "model.width": 8, "model.dense": 32}
    recipe = load_recipe(find_recipe("cnv-w2"), [Change(*change, "test") for change in small.items()])
    module, digits = untrained(recipe, tmp_path)
    found = witness(export_module(module, digits.shape), digits, 2, tmp_path)
    assert found.unexplained == 0
    assert found.total("thresholds") == 528


def powers_of_two() -> ModelWrapper:
    """A network whose sums often lie on the middle of two codes."""
    rng = np.random.default_rng(5)
    graph = Graph((1, 6)).quant(0.25, 4)
    graph.node("MatMul", graph.weights(rng.normal(size=(6, 8)), 0.5, 4)).node("Relu").quant(0.5, 3, signed=0)
    return graph.node("MatMul", graph.weights(rng.normal(size=(8, 4)), 0.5, 4)).model()


def test_middle_of_two_codes_is_where_finn_rounds_up_and_quant_to_even() -> None:
    model = powers_of_two()
    with finn_session():
        (layer,) = compare_layers(to_integers(model), streamlined(model))
    # A code is four sums. Of every two middles one goes to the even code below: 0.5, 2.5, 4.5 and 6.5 do.
    assert (layer.half_to_even, layer.float32, layer.unexplained) == (8 * 4, 0, 0)


@pytest.mark.parametrize(("offset", "unexplained"), [(1, 3), (-1, 7)])
def test_threshold_that_is_wrong_is_not_explained(offset: int, unexplained: int) -> None:
    model = powers_of_two()
    with finn_session():
        finn = streamlined(model)
        name = finn.get_nodes_by_op_type("MultiThreshold")[1].input[1]
        thresholds = finn.get_initializer(name)
        wrong = np.broadcast_to(thresholds, (8, thresholds.shape[1])).copy()
        wrong[3] += offset
        finn.set_initializer(name, wrong)
        (layer,) = compare_layers(to_integers(model), finn)
    # One more puts those of the middles that go to the even code below where they are, the others wrong.
    assert (layer.half_to_even, layer.unexplained) == (7 * 4, unexplained)


def test_weight_that_is_wrong_is_noticed() -> None:
    model = powers_of_two()
    with finn_session():
        finn = streamlined(model)
        name = finn.get_nodes_by_op_type("MatMul")[0].input[1]
        weights = finn.get_initializer(name).copy()
        weights[2, 3] += 1
        finn.set_initializer(name, weights)
        with pytest.raises(AssertionError, match="Mismatched elements: 1 / 48"):
            compare_layers(to_integers(model), finn)
