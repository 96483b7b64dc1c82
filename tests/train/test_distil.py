"""Distillation: the loss by hand, every teacher, and what none of them can be."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.prune import rounds as rounds_of_pruning
from fpga_flow.stages import prune as prune_stage
from fpga_flow.stages import train as train_stage
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.distil import Distillation, labels_only, loss_of
from fpga_flow.train.fast import FastNetwork
from tests.train.frames import small_recipe
from tests.train.test_fast import make
from tests.train.test_stage import run, trained_recipe


def test_loss_by_hand() -> None:
    teacher = torch.nn.Identity()
    codes, logits = torch.tensor([[2 * math.log(3), 0.0]]), torch.zeros(1, 2)
    loss = Distillation(teacher, temperature=2.0, weight=0.25)(codes, logits, torch.tensor([0]))
    # Softened by 2 the teacher says 3/4 and 1/4, the student 1/2 and 1/2.
    apart = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert float(loss) == pytest.approx(0.75 * math.log(2) + 0.25 * 4 * apart, rel=1e-6)


def test_a_student_that_agrees_with_its_teacher_has_only_the_labels_to_learn() -> None:
    logits = torch.randn(5, 3)
    loss = Distillation(torch.nn.Identity(), 3.0, 1.0)(logits, logits.clone(), torch.zeros(5).long())
    assert float(loss) == pytest.approx(0.0, abs=1e-6)


@pytest.fixture
def tones(frames: dict[str, Codes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)
    for stage in (train_stage, prune_stage):
        monkeypatch.setattr(stage, "load_codes", lambda recipe, split, cache: frames[split])


@pytest.mark.usefixtures("tones")
def test_teachers_of_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[str, Any]] = []

    def note(stage: Any, name: str) -> None:
        fit = stage.fit

        def noted(*arguments: Any, **named: Any) -> Any:
            used.append((name, named["loss"]))
            return fit(*arguments, **named)

        monkeypatch.setattr(stage, "fit", noted)

    note(train_stage, "train")
    note(rounds_of_pruning, "prune")
    distil = {"teacher": "float", "temperature": 2.0, "weight": 0.7}
    prune = {"method": "imp", "rounds": 1, "target": 10.0, "epochs": 2}
    recipe = trained_recipe(train={"float_epochs": 3, "distil": distil}, prune=prune)
    result = run(train_stage, recipe, tmp_path / "train")
    assert result["accuracy"]["quantised"] > 0.9
    run(prune_stage, recipe, tmp_path / "prune", train=tmp_path / "train")
    assert [name for name, _ in used] == ["train", "train", "prune"]
    assert used[0][1] is labels_only
    for _, loss in used[1:]:
        assert isinstance(loss, Distillation) and isinstance(loss.teacher, FastNetwork)
        assert (loss.temperature, loss.weight, loss.teacher.rounded) == (2.0, 0.7, False)
    used.clear()
    unpruned = trained_recipe(train={"distil": {"teacher": "unpruned"}}, prune=prune)
    run(train_stage, unpruned, tmp_path / "again")
    run(prune_stage, unpruned, tmp_path / "pruned", train=tmp_path / "again")
    assert used[0][1] is labels_only
    taught = used[1][1]
    assert isinstance(taught, Distillation) and isinstance(taught.teacher, FastNetwork)
    weight = load_checkpoint(tmp_path / "again" / CHECKPOINT)["layers"]["conv1"]["weight"]
    assert torch.equal(taught.teacher.layers[0].weight, weight)


def test_teacher_from_a_file_of_another_width_and_bits(tmp_path: Path) -> None:
    wide = small_recipe(model={"width": 24}, quant={"weight_bits": 8, "act_bits": 8})
    save_state(tmp_path / "wide.pt", make(wide).state())
    distil = {"teacher": "file", "file": str(tmp_path / "wide.pt")}
    loss = loss_of(small_recipe(train={"distil": distil}), make(small_recipe()))
    assert isinstance(loss, Distillation) and isinstance(loss.teacher, FastNetwork)
    assert loss.teacher.layers[0].weight.shape[0] == 24
    assert loss.teacher.layers[0].quant.weight_bits == 8


def test_wrong_teachers(tmp_path: Path) -> None:
    student = make(small_recipe())
    with pytest.raises(InputError, match=r"train.distil.teacher: float must .* train.float_epochs"):
        loss_of(small_recipe(train={"distil": {"teacher": "float"}}), student, tmp_path / "float.pt")
    with pytest.raises(InputError, match=r"train.distil.file: must name"):
        loss_of(small_recipe(train={"distil": {"teacher": "file"}}), student)
    save_state(tmp_path / "other.pt", make(small_recipe(quant={"input_bits": 6})).state())
    distil = {"teacher": "file", "file": str(tmp_path / "other.pt")}
    with pytest.raises(InputError, match=r"same input codes \(step 0.015625, .* not step 0.0625"):
        loss_of(small_recipe(train={"distil": distil}), student)
