"""The networks that the estimate is judged by, built as far as `rtl`: judged_networks.toml."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpga_flow import untrained
from fpga_flow.cli.main import main as flow_command
from fpga_flow.core import places
from fpga_flow.core.recipe import find_recipe, load_recipe
from tests.trained_elsewhere import ZOO

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Judged:
    """A network, as judged_networks.toml says it."""

    name: str
    seen: bool = False
    recipe: str = ""
    untrained: str = ""
    file: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Its folder's name."""
        return re.sub(r"\W+", "-", self.name.lower()).strip("-")


def judged_networks() -> list[Judged]:
    """Return all of them."""
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))["network"]
    return [Judged(**{**table, "options": tuple(table.get("options", ()))}) for table in tables]


def built(network: Judged, folder: Path) -> Path | None:
    """Return the run of `network` in `folder`, built as far as `rtl`; None where its file is not here.

    Raises `RuntimeError` where the build fails.
    """
    run = folder / network.slug
    if network.recipe:
        source = [network.recipe]
    elif network.untrained:
        file = folder / f"{network.slug}.onnx"
        if not file.exists():
            recipe = load_recipe(find_recipe(network.untrained), network.values.items())
            untrained.export(recipe, file, places.cache() / "data")
        source = ["--model", str(file)]
    else:
        if not (ZOO / network.file).is_file():
            return None
        source = ["--model", str(ZOO / network.file)]
    if flow_command(["build", *source, *network.options, "--again", "--until", "rtl", "--out", str(run)]):
        raise RuntimeError(f"{network.name}: flow build failed")
    return run
