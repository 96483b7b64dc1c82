"""Values that options of the command line set on top of a recipe."""

from collections.abc import Iterable
from pathlib import Path

from fpga_flow import places
from fpga_flow.errors import InputError
from fpga_flow.recipe import Change, parse_setting
from fpga_flow.recipe_parts.data import OWN
from fpga_flow.stages import FILE_KEYS


def changes_of(settings: Iterable[str], bits: int | None = None) -> list[Change]:
    """Return what the `key=value` of `--set`, and then `--bits`, change.

    A file that is named is looked for in the working folder first, as the shell would.
    """
    changes = [from_here(parse_setting(text)) for text in settings]
    return changes if bits is None else changes + bits_changes(bits)


def own_data(file: Path) -> list[Change]:
    """Return what `--data` sets: frames that the user brings."""
    if not file.is_file():
        raise InputError(f"--data: must be an .npz file, not {str(file)!r}, which does not exist")
    path = str(file.expanduser().resolve())
    return [Change("data.name", OWN, "--data"), Change("data.file", path, "--data")]


def bits_changes(bits: int) -> list[Change]:
    """Return what `--bits` sets: the bits of weights and of activations."""
    return [Change(key, bits, "--bits") for key in ("quant.weight_bits", "quant.act_bits")]


def from_here(change: Change) -> Change:
    """Return `change` with the file that it names made absolute, from the working folder on."""
    if change.key in FILE_KEYS and isinstance(change.value, str):
        return change._replace(value=places.resolved(change.value, Path.cwd()))
    return change
