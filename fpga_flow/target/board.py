"""The boards: part, default clock and what the part holds. Each is a TOML file, here or of the user's own."""

from dataclasses import dataclass, replace
from pathlib import Path

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import read_board
from fpga_flow.core.recipe_parts.board import BoardRecipe
from fpga_flow.target.families import family_named
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources

FLIP_FLOPS = 0.1
"""What all flip-flops of a part cost, where all of its LUTs cost one."""


@dataclass(frozen=True)
class Board:
    """One board."""

    name: str
    part: str
    """The vendor's part name, as FINN and Vivado spell it."""
    family: Family
    clock_mhz: float
    """Default clock of the accelerator."""
    capacity: Resources
    """What the part holds, by its data sheet."""
    processor: str | None = None
    """Vivado's IP of the processor beside the FPGA."""

    @property
    def prices(self) -> Resources:
        """The price of a unit of each resource in LUTs: a part's whole amount of any costs the same.

        Only flip-flops cost `FLIP_FLOPS` of that: a part has two beside each LUT, and designs are short of
        LUTs long before.
        """
        lut, ff, *others = (self.capacity.lut / amount for amount in self.capacity.row)
        return Resources(lut, FLIP_FLOPS * ff, *others)

    @property
    def digest(self) -> str:
        """Of all that is known of the board and its family."""
        return artifact.digest_json(
            {
                **vars(self),
                "family": self.family.digest,
                "capacity": self.capacity.row,
                "scales": self.family.scales,
                "level_ns": self.family.level_ns,
            }
        )


def of_recipe(recipe: BoardRecipe) -> Board:
    """Return the board that `recipe` describes; raises `InputError` for an unknown or another family."""
    try:
        family = family_named(recipe.family)
    except InputError as error:
        raise InputError(f"board {recipe.name}: {error}") from None
    if not recipe.part.lower().startswith(family.parts):
        raise InputError(
            f"board {recipe.name}: part: must begin with {' or '.join(family.parts)}, as those of the family "
            f"{family.name} do, not {recipe.part!r}"
        )
    scales = {operator: factors.model_dump(exclude_none=True) for operator, factors in recipe.scales.items()}
    if scales or recipe.level_ns:
        family = replace(family, scales=scales, level_ns=recipe.level_ns or family.level_ns)
    return Board(recipe.name, recipe.part, family, recipe.clock_mhz, Resources.of(recipe), recipe.processor)


BOARDS: dict[str, Board] = {
    path.stem: of_recipe(read_board(path))
    for path in sorted(Path(__file__).with_name("boards").glob("*.toml"))
}
"""Those that come with the project, by name."""


def board(wanted: str | BoardRecipe) -> Board:
    """Return the board that a recipe wants, by its name or as it describes it.

    Raises `InputError` for an unknown name or family.
    """
    if isinstance(wanted, BoardRecipe):
        return of_recipe(wanted)
    try:
        return BOARDS[wanted]
    except KeyError:
        raise InputError(
            f"board: must be one of {', '.join(BOARDS)}, or a TOML file, not {wanted!r}"
        ) from None
