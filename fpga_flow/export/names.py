"""What the tensors of a cleaned file are called in the file as it came."""

import json

from qonnx.core.modelwrapper import ModelWrapper

_TENSORS = "tensors"
"""Key of a file's metadata."""


def note_original_names(model: ModelWrapper, names: dict[str, str]) -> None:
    """Write into `model` what its tensors were called: name here -> name in the file."""
    model.set_metadata_prop(_TENSORS, json.dumps(names))


def original_names(model: ModelWrapper) -> dict[str, str]:
    """Return what `note_original_names` wrote into `model`."""
    found: dict[str, str] = json.loads(model.get_metadata_prop(_TENSORS) or "{}")
    return found
