"""Every kind of layer is complete: all that the flow asks of one is there, and answers for real layers."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finn.custom_op.fpgadataflow import rtl as finn_rtl
from onnx import defs
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp, is_custom_op

from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.backend import HDL, REPLACES, OwnRtl
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.options import build_as, choice_of, choices, layer_attributes
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.lowering import OTHERS, lowered
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.integer.moves import OPERATORS
from fpga_flow.layers import base
from fpga_flow.layers.base import Implementation, LayerKind, kind_of, kinds
from fpga_flow.layers.fifo import FIFO, is_fifo, set_depth
from fpga_flow.layers.schedules import Schedule
from fpga_flow.target import families
from tests.layers import test_network
from tests.layers.one_layer import PART
from tests.networks import Builder
from tests.rtl import test_complete

KINDS = list(kinds())
IMPLEMENTATIONS = [(kind, one) for kind in KINDS for one in kind.implementations]
OWN = {name for name, backend in finn_rtl.custom_op.items() if backend.__module__.startswith("fpga_flow.")}
NOT_OF_A_KIND = {"df_tap", "df_constant_thresholds", "df_clip"}
"""A module that writes streams down, in simulations only; two that no layer takes yet."""
VERSAL = {"ElementwiseAdd_rtl", "ElementwiseMul_rtl", "VVAU_rtl"}
"""FINN's RTL of abstract layers that are kinds, which it takes on Versal only: none of the boards is one."""


def named(kind: LayerKind) -> str:
    return kind.finn


def both(pair: tuple[LayerKind, Implementation]) -> str:
    kind, one = pair
    return f"{kind.finn}-{one.name}"


@pytest.fixture(scope="module")
def layers() -> list[tuple[ModelWrapper, Any]]:
    """Layers of all kinds, each with its graph, as lowering leaves them."""
    resampled = Builder((2, 10, 1), "UINT3")
    window = {"kernel_shape": [1, 1], "pads": [0, 0, 0, 0], "strides": [3, 1], "dilations": [1, 1]}
    resampled.add("Conv", (1, 4, 4, 1), "INT32", resampled.weights((4, 2, 1, 1), 3), group=1, **window)
    shares = Builder((2, 3, 4), "UINT3")
    factors = shares.constant(np.outer([3, 2, 3], [1, 2, 1, 3])[None, None], "UINT4")
    shares.add("Mul", (1, 2, 3, 4), "UINT7", factors)
    turned = Builder((2, 3, 4), "UINT3")
    turned.add("Transpose", (1, 2, 4, 3), "UINT3", perm=[0, 1, 3, 2])
    spread = Builder((4, 3, 2), "UINT3")
    ones = spread.constant(np.ones((4, 1, 1, 1)), "BINARY")
    spread.add("ConvTranspose", (1, 4, 5, 4), "UINT3", ones, strides=[2, 3], group=4)
    windows = Builder((4, 8, 1), "UINT3").depthwise(3).threshold(3).conv(4).threshold(3).pool()
    bipolar = Builder((8,), "INT4")
    signs = bipolar.constant(np.sign(bipolar.rng.normal(size=(8, 4))), "BIPOLAR")
    bipolar.add("MatMul", (1, 4), "INT32", signs)
    with finn_session():
        models = [
            lower(test_network.network(), PART, 0),
            lower(resampled.build(), PART, 0),
            lower(bipolar.build(), PART, 0),
            lower(shares.build(), PART, 0),
            lower(turned.build(), PART, 0),
            lower(spread.build(), PART, 0),
            lower(windows.flatten().dense(3).build(), PART, 1),
        ]
        streamed = ModelWrapper(models[-1].model, make_deepcopy=True)
        getCustomOp(streamed.get_nodes_by_op_type("Thresholding_rtl")[0]).set_nodeattr("PE", 2)
        models.append(insert_streams(streamed, PART))
        set_depth(next(node for node in models[-1].graph.node if is_fifo(node.op_type)), 1)
    return [(model, getCustomOp(node)) for model in models for node in model.graph.node]


def choices_for(
    implementation: Implementation, layers: list[tuple[ModelWrapper, Any]]
) -> Iterator[tuple[ModelWrapper, Any]]:
    """Return the layers that can be built so, built so, with each of their foldings."""
    for model, layer in layers:
        for choice in choices(model, layer.onnx_node):
            if kind_of(layer).implementation(choice.implementation) is implementation:
                copy = type(layer.onnx_node)()
                copy.CopyFrom(layer.onnx_node)
                build_as(model, copy, choice)
                assert choice_of(getCustomOp(copy)) == choice
                yield model, getCustomOp(copy)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_kind_has_a_word_and_ways_to_build_it(kind: LayerKind) -> None:
    assert re.fullmatch("[a-z-]+", kind.word)  # it is the end of names, too
    names = [one.name for one in kind.implementations]
    assert names and len(names) == len(set(names))
    told_apart = [(one.operator, tuple(one.sets.items())) for one in kind.implementations]
    assert len(told_apart) == len(set(told_apart))


@pytest.mark.parametrize(("kind", "one"), IMPLEMENTATIONS, ids=[both(pair) for pair in IMPLEMENTATIONS])
def test_implementation_is_generated_by_a_backend_of_finns_or_of_ours(
    kind: LayerKind, one: Implementation
) -> None:
    backend = finn_rtl.custom_op[one.operator]
    assert (one.operator in OWN) == issubclass(backend, OwnRtl)
    if one.operator not in OWN:
        assert one.operator == f"{kind.finn}_rtl"
    assert one.sets.keys() <= backend.get_nodeattr_types(backend.__new__(backend)).keys()
    if issubclass(backend, OwnRtl):
        assert backend.modules and all((HDL / module).is_file() for module in backend.modules)
        assert {Path(module).stem for module in backend.modules} <= set(test_complete.MODULES)


@pytest.mark.parametrize(("kind", "one"), IMPLEMENTATIONS, ids=[both(pair) for pair in IMPLEMENTATIONS])
def test_implementation_answers_for_every_folding(
    kind: LayerKind, one: Implementation, layers: list[tuple[ModelWrapper, Any]]
) -> None:
    asked = 0
    with finn_session():
        for model, layer in choices_for(one, layers):
            attributes, cycles = layer_attributes(layer), int(layer.get_exp_cycles())
            for family in map(families.family_named, families.names()):
                weights = model.get_initializer(layer.onnx_node.input[1]) if kind.has_weights else None
                if one.fits(family):
                    amounts = one.resources(attributes, weights, family).row
                    assert np.isfinite(amounts).all() and min(amounts) >= 0 and sum(amounts) > 0
            if one.schedule is None:
                assert kind is FIFO
            else:
                assert isinstance(one.schedule(layer), Schedule)
            timing = one.timing(attributes, cycles)
            assert timing.cycles == cycles and 0 <= timing.share <= 1 and timing.delay > 0
            assert (one.words_before or kind.words_before)(attributes) >= 2
            counts = one.counts or kind.counts
            if counts is not None:
                assert counts(attributes) == (
                    cycles,
                    (layer.get_folded_input_shape()[-1],),
                    (layer.get_folded_output_shape()[-1],),
                )
            asked += 1
    assert asked, "no network of this test has such a layer"


def test_every_backend_is_of_a_kind() -> None:
    used = {one.operator for _, one in IMPLEMENTATIONS}
    assert used >= OWN
    assert {backend.__name__ for backend in REPLACES.values()} <= OWN
    possible = {f"{kind.finn}_rtl" for kind in KINDS} & finn_rtl.custom_op.keys()
    assert possible - used == VERSAL


def test_every_module_of_a_layer_is_of_a_kind() -> None:
    modules = {module for name in OWN for module in finn_rtl.custom_op[name].modules if module[:3] == "df_"}
    files = {path.name for path in HDL.glob("df_*.sv")}
    assert files == modules | {f"{name}.sv" for name in NOT_OF_A_KIND}


def test_every_operator_that_export_writes_becomes_layers() -> None:
    source = (ROOT / "fpga_flow" / "export" / "standard.py").read_text(encoding="utf-8")
    written = set(re.findall(r'(?:Standard|_constants)\(\s*"(\w+)"', source)) | {
        "MatMul",
        "MultiThreshold",
        *OPERATORS,
    }
    assert written == lowered().keys()
    assert all(defs.has(name) or is_custom_op("qonnx.custom_op.general", name) for name in written)


def test_an_operator_becomes_layers_in_one_way() -> None:
    operators = [*OTHERS, *(operator for kind in KINDS for operator in kind.lowers)]
    assert sorted(operators) == sorted(lowered())


def test_two_kinds_with_an_operator_are_refused_and_a_kind_can_be_taken_out() -> None:
    fifo = FIFO.implementations[0]
    other = LayerKind("other", "Other", (fifo, replace(fifo, operator="Other_rtl")))
    with pytest.raises(ValueError, match="StreamingFIFO_rtl is an operator of the kind fifo already"):
        base.register(other)
    mine = base.register(LayerKind("mine", "Mine", (replace(fifo, operator="Mine_rtl"),)))
    assert base.find_kind("Mine_rtl") is mine and list(kinds())[-1] is mine
    base.forget(mine)
    assert base.find_kind("Mine_rtl") is None is base.find_kind("Mine")
    assert list(kinds()) == KINDS
