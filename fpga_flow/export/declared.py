"""How a network's input is quantised where only the recipe says so."""

import numpy as np

from fpga_flow.core.recipe_parts.hardware import InputRecipe
from fpga_flow.export.values import QuantSpec


def declared_input(wanted: InputRecipe | None) -> QuantSpec | None:
    """Return it, None where the recipe says nothing; without a scale the input is from -1 to 1.

    The scale matters to what the network gives, not to what it takes.
    """
    if wanted is None:
        return None
    scale = wanted.scale or 2.0 ** (wanted.signed - wanted.bits)
    return QuantSpec(np.array(scale, dtype=np.float32), wanted.bits, wanted.signed, False, "ROUND")
