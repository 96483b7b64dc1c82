"""The folding file: written, edited, given back, and refused where it is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import InputError
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import fold, lower
from fpga_flow.hardware.fold.options import choices_of
from fpga_flow.target.board import board
from tests import networks

Table = dict[str, Any]


@pytest.fixture(scope="module")
def original() -> ModelWrapper:
    with finn_session():
        lowered = lower.lower(networks.vgg(), board("pynq-z1").part)
        return fold.fold_to_cycles(lowered, 200, weights="dense")


@pytest.fixture
def model(original: ModelWrapper) -> ModelWrapper:
    return ModelWrapper(original.model, make_deepcopy=True)


def edited(model: ModelWrapper, file: Path, edit: Callable[[Table], object]) -> Path:
    fold.write_folding(model, file)
    table = json.loads(file.read_text())
    edit(table)
    file.write_text(json.dumps(table))
    return file


def test_an_edited_file_is_taken(model: ModelWrapper, tmp_path: Path) -> None:
    file = edited(model, tmp_path / "f.json", lambda table: table["matmul_7"].update(PE=16, SIMD=8))
    assert dict(choices_of(fold.fold_from_file(model, file))["matmul_7"].folding) == {"PE": 16, "SIMD": 8}


def test_a_file_may_leave_attributes_as_they_are(model: ModelWrapper, tmp_path: Path) -> None:
    before = choices_of(model)
    file = edited(model, tmp_path / "f.json", lambda table: table["matmul_7"].clear())
    assert choices_of(fold.fold_from_file(model, file)) == before


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t["conv_0"].update(PE=3), r"conv_0\.PE = 3: must be one of 1, 2, 4, 8$"),
        (lambda t: t["conv_0"].update(PE=True), r"conv_0\.PE = True: must be one of 1, 2, 4, 8$"),
        (
            lambda t: t["conv_0"].update(PX=1),
            r"conv_0: must be one of implementation, PE, SIMD, ram_style, not 'PX'",
        ),
        (lambda t: t["conv_0"].update(ram_style="x"), r"ram_style = 'x': must be one of auto, block"),
        (
            lambda t: t["conv_3_window"].update(SIMD=4, parallel_window=1),
            r"SIMD = 4 and parallel_window = 1 do not go together; with SIMD = 4, parallel_window must",
        ),
        (lambda t: t.update(conv_0=3), r"conv_0: must be attributes and their values, not 3"),
        (lambda t: t.pop("conv_0"), r"differs in conv_0"),
        (lambda t: t.update(other={}), r"differs in other"),
    ],
)
def test_wrong_files_are_refused_with_what_they_must_be(
    model: ModelWrapper, tmp_path: Path, edit: Callable[[Table], object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fold.fold_from_file(model, edited(model, tmp_path / "f.json", edit))


def test_wrong_text_is_refused_with_its_place(model: ModelWrapper, tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('{"conv_0": ')
    with pytest.raises(InputError, match=r"hardware\.folding: .*f\.json: Expecting value: line 1"):
        fold.fold_from_file(model, file)


def test_a_depthwise_unit_that_cannot_read_its_windows_is_refused(tmp_path: Path) -> None:
    network = networks.Builder((4, 6, 1), "UINT3").depthwise(3).threshold(3).flatten().dense(3).build()
    with finn_session():
        model = lower.lower(network, board("pynq-z1").part)
    file = edited(model, tmp_path / "f.json", lambda t: t["conv_0_window"].update(SIMD=2))
    with pytest.raises(InputError, match=r"SIMD = 2: must be 1, the PE of conv_0"):
        fold.fold_from_file(model, file)
