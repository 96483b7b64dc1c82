"""What a recipe says of a network from outside: nothing of its training, which is done."""

from collections.abc import Mapping
from typing import Any

from fpga_flow.core.recipe_parts.data import OWN

OF_TRAINING = ("seed", "model", "quant", "train", "prune", "surgery")
"""Parts of a recipe that such a network makes no use of; what they say of it are defaults."""
OF_DATA = ("name", "file")
"""Keys of `data` that it makes use of, and only where the frames are the user's own."""


def meant(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is meant of `recipe`, that of a network from outside: the parts it makes use of."""
    found = {key: value for key, value in recipe.items() if key not in (*OF_TRAINING, "data")}
    data = recipe.get("data")
    if isinstance(data, Mapping) and data.get("name") == OWN:
        found["data"] = {key: data.get(key) for key in OF_DATA}
    return found
