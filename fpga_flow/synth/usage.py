"""What a synthesised module is made of: Yosys' cell counts, and what of a family's resources they take."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fpga_flow.core.errors import ToolError
from fpga_flow.target.family import Cells
from fpga_flow.target.resources import Resources

TIMING = ".sta"
"""Ending of what `sta` writes, beside the log."""
NO_HARDWARE = {"$scopeinfo"}
"""What Yosys counts among the cells and is none."""


def resources_of(counts: Mapping[str, int], cells: Cells) -> Resources:
    """Return what the cells of `counts` (count by cell type) take; `cells` are those of the family.

    Raises `ToolError` for a type that is not among them: the module was not mapped completely, or it
    instantiates a module that is not there, and its counts would be too small.
    """
    weights = {
        "lut": cells.lut,
        "lutram": cells.lutram,
        "srl": cells.srl,
        "ff": cells.ff,
        "bram18": cells.bram18,
        "dsp": cells.dsp,
        "carry": cells.carry,
    }
    unknown = sorted(counts.keys() - NO_HARDWARE - set(cells.free) - set().union(*weights.values()))
    if unknown:
        raise ToolError(f"yosys: cells that are not mapped to the device: {', '.join(unknown)}")
    count = Counter(counts)
    amounts = {
        key: sum(weight * count[name] for name, weight in table.items()) for key, table in weights.items()
    }
    amounts["lut"] += amounts["lutram"] + amounts["srl"]
    return Resources(**amounts)


def logic_ns(log: Path) -> float | None:
    """Return the longest path of the module that was synthesised with `log`: logic alone, without wires.

    By the delays that Yosys has for the cells; None where the family has none, or the module no path.
    """
    file = log.with_suffix(TIMING)
    if not file.is_file():
        return None
    found = re.search(
        r"^Latest arrival time in '.*' is (\d+):", file.read_text(encoding="utf-8"), re.MULTILINE
    )
    return None if found is None else int(found[1]) / 1000


def read_statistics(path: Path) -> dict[str, int]:
    """Return the cell counts in `path`, as `stat -json` of Yosys writes them for a flat design."""
    try:
        table: Any = json.loads(path.read_text(encoding="utf-8"))
        cells = table["design"]["num_cells_by_type"]
        return {str(name): int(count) for name, count in cells.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"yosys: no cell counts in {path}: {error!r}") from None
