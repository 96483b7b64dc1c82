"""Names of layers: the user's everywhere, and what RTL makes of them."""

import itertools
import re
from collections.abc import Iterable


def unused(name: str, taken: Iterable[str]) -> str:
    """Return `name`, or `name_2` and so on where RTL could not tell it from one of `taken`."""
    instances = {instance(other) for other in taken}
    names = (name if number == 1 else f"{name}_{number}" for number in itertools.count(1))
    return next(one for one in names if instance(one) not in instances)


def instance(name: str) -> str:
    """Return what the layer `name` is called in RTL, where names have letters, digits and `_` only."""
    return "u_" + re.sub(r"\W", "_", name, flags=re.ASCII)
