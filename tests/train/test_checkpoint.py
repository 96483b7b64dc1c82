"""Checkpoints that are broken, of another network, or somewhere else."""

import pickle
from pathlib import Path

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.train.checkpoint import committed, load_checkpoint, save_state
from fpga_flow.train.network import build_network, load_network
from fpga_flow.train.spec import load_model
from fpga_flow.train.state import new_state
from tests.train.frames import small_recipe

CLASSES = ["a", "b", "c"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_state(tmp_path / "net.pt", new_state(small_recipe(), CLASSES, 2))
    return tmp_path / "net.pt"


def test_untrained_network_loads_as_brevitas_module(path: Path) -> None:
    network = load_network(small_recipe(), path)
    assert not network.training
    assert network(torch.zeros(5, 2, 128)).shape == (5, 3)


def test_wrong_file_is_no_checkpoint(tmp_path: Path) -> None:
    wrong = tmp_path / "net.pt"
    wrong.write_bytes(b"not a checkpoint at all")
    with pytest.raises(InputError, match="is no checkpoint of plain tensors"):
        load_checkpoint(wrong)
    with pytest.raises(InputError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent.pt")


def test_wrong_truncated_checkpoint(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="is no checkpoint of plain tensors"):
        load_checkpoint(path)


class Hostile:
    """Would make a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.target,))


def test_wrong_hostile_pickle_is_not_run(tmp_path: Path) -> None:
    wrong, target = tmp_path / "net.pt", tmp_path / "made"
    torch.save({"format": 1, "layers": Hostile(target)}, wrong)
    with pytest.raises(InputError):
        load_checkpoint(wrong)
    wrong.write_bytes(pickle.dumps(Hostile(target)))
    with pytest.raises(InputError):
        load_checkpoint(wrong)
    assert not target.exists()


def test_wrong_format_and_missing_entries(path: Path, tmp_path: Path) -> None:
    state = load_checkpoint(path)
    save_state(tmp_path / "other.pt", state | {"format": 7})
    with pytest.raises(InputError, match="format must be 1, not 7"):
        load_checkpoint(tmp_path / "other.pt")
    del state["classes"]
    save_state(tmp_path / "other.pt", state)
    with pytest.raises(InputError, match="misses classes, is no network"):
        load_checkpoint(tmp_path / "other.pt")


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("model", {"width": 32}, "width is 16, the recipe's is 32"),
        ("model", {"dense": 8}, "dense is 16, the recipe's is 8"),
        ("data", {"length": 256}, "length is 128, the recipe's is 256"),
        ("quant", {"weight_bits": 3}, "weight_bits is 4, the recipe's is 3"),
    ],
)
def test_wrong_network_for_the_recipe(path: Path, part: str, values: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_network(small_recipe(**{part: values}), path)
    assert "--from-scratch" in str(caught.value)


def test_wrong_shape_of_a_weight(path: Path) -> None:
    state = load_checkpoint(path)
    state["layers"]["conv2"]["weight"] = torch.zeros(16, 16, 5)
    save_state(path, state)
    with pytest.raises(InputError, match=r"weight of conv2 must have shape \(16, 16, 3\), not \(16, 16, 5\)"):
        load_network(small_recipe(), path)


@pytest.mark.parametrize(
    "name", ["../secret.pt", "/etc/passwd", "models/../../x.pt", "fpga_flow/x.pt", "models/vgg10/model.py"]
)
def test_wrong_place_of_a_committed_checkpoint(name: str) -> None:
    with pytest.raises(InputError, match="must be a .pt file below models/"):
        committed(name)


def test_wrong_name_of_a_committed_checkpoint() -> None:
    with pytest.raises(InputError, match="no file 'models/vgg10/absent.pt'.*--from-scratch"):
        committed("models/vgg10/absent.pt")


def test_wrong_model_name() -> None:
    with pytest.raises(InputError, match="model.name: must be one of .*vgg10.*, not 'vgg11'"):
        load_model("vgg11")


def test_wrong_length_for_vgg10() -> None:
    with pytest.raises(InputError, match="data.length: must be a multiple of 128 .*, not 1000"):
        build_network(small_recipe(data={"length": 1000}), 3, 2)


def test_wrong_single_bit_weights_in_the_fast_graph() -> None:
    recipe = small_recipe(quant={"weight_bits": 1})
    with pytest.raises(
        InputError, match="quant.weight_bits: must be 2 to 8 in the fast training graph, not 1"
    ):
        new_state(recipe, ["a", "b", "c"], 2)


def test_vgg10_has_the_published_size() -> None:
    recipe = small_recipe(data={"length": 1024}, model={"width": 64, "dense": 128})
    layers = load_model("vgg10").layers(recipe, 24, 2)
    network = build_network(recipe, 24, 2)
    weights = sum(block.linear.weight.numel() for block in network.blocks.values())  # type: ignore
    assert weights == 159_104
    assert [layer.name for layer in layers][-3:] == ["dense1", "dense2", "classes"]
