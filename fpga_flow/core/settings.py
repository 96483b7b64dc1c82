"""Values that options of the command line set on top of a recipe."""

from collections.abc import Iterable
from pathlib import Path

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import BOARD, FILE_KEYS, Change, board_in, parse_setting
from fpga_flow.core.recipe_parts.data import OWN


def changes_of(settings: Iterable[str], bits: int | None = None) -> list[Change]:
    """Return what the `key=value` of `--set`, and then `--bits`, change.

    A file that is named is looked for in the working folder first, as the shell would.
    """
    changes = [from_here(parse_setting(text)) for text in settings]
    return changes if bits is None else changes + bits_changes(bits)


def own_data(file: Path, option: str = "--data") -> list[Change]:
    """Return what `option` sets: frames that the user brings."""
    if not file.is_file():
        raise InputError(f"{option}: must be an .npz file, not {str(file)!r}, which does not exist")
    path = str(file.expanduser().resolve())
    return [Change("data.name", OWN, option), Change("data.file", path, option)]


def hardware_changes(
    board: str | None,
    fps: float | None,
    latency: float | None = None,
    fit: bool = False,
    clock: float | None = None,
) -> list[Change]:
    """Return what the options about board, clock and folding set; the folding has at most one target."""
    changes = [] if board is None else [from_here(Change(BOARD, board, "--board"))]
    changes += [] if clock is None else [Change("hardware.clock_mhz", clock, "--clock")]
    return changes + _folding_target(fps, latency, fit)


def accuracy_changes(accuracy: float | None) -> list[Change]:
    """Return what `--accuracy` sets: pruning until the network fits, or this many per cent are missed."""
    if accuracy is None:
        return []
    if not 1 < accuracy < 100:
        raise InputError(f"--accuracy: must be per cent of the validation frames, 1 to 100, not {accuracy:g}")
    changes = {
        "prune.method": "fmp",
        "prune.until": "fits",
        "prune.target_is": "absolute",
        "prune.target": accuracy,
    }
    return [Change(key, value, "--accuracy") for key, value in changes.items()]


def _folding_target(fps: float | None, latency: float | None, fit: bool) -> list[Change]:
    given = [
        name
        for name, there in (("--fps", fps is not None), ("--latency", latency is not None), ("--fit", fit))
        if there
    ]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)}: hardware is folded for one target; give one of them")
    if fps is not None:
        changes = {"hardware.target": "fps", "hardware.fps": fps, "hardware.latency_us": None}
    elif latency is not None:
        changes = {"hardware.target": "latency", "hardware.latency_us": latency, "hardware.folding": None}
    elif fit:
        changes = {"hardware.target": "board", "hardware.latency_us": None, "hardware.folding": None}
    else:
        return []
    return [Change(key, value, given[0]) for key, value in changes.items()]


def bits_changes(bits: int) -> list[Change]:
    """Return what `--bits` sets: the bits of weights and of activations."""
    return [Change(key, bits, "--bits") for key in ("quant.weight_bits", "quant.act_bits")]


def from_here(change: Change) -> Change:
    """Return `change` with its file's name made absolute, from the working folder on; a board's is read."""
    if change.key == BOARD:
        return change._replace(value=board_in(change.value, Path.cwd()))
    if change.key in FILE_KEYS and isinstance(change.value, str):
        return change._replace(value=places.resolved(change.value, Path.cwd()))
    return change
