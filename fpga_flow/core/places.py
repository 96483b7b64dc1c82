"""Where things stand: the code, the recipes and models that come with it, and the user's own files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CODE = Path(__file__).resolve().parents[2]
"""The folder that `fpga_flow/` stands in: a checkout, or where packages are installed."""
IN_CHECKOUT = (CODE / "pyproject.toml").is_file()
SHIPPED = CODE if IN_CHECKOUT else CODE / "fpga_flow" / "shipped"
"""Has `build/` with recipes and `models/`; an installed package carries a copy of them (`setup.py`)."""
HOME = CODE if IN_CHECKOUT else Path.cwd()
"""What relative names in a recipe start from; runs go to `build/out` in it. For an installed package
it is the folder that the program was started in."""
RUNS = HOME / "build" / "out"
"""Where runs go unless `--out` says otherwise."""
CACHE = "FLOW_CACHE"
"""Environment variable with the folder of the cache."""


def cache() -> Path:
    """Return the folder of what all runs share: the one that `CACHE` names, else `.cache` beside the runs."""
    name = os.environ.get(CACHE)
    return Path(name).expanduser().absolute() if name else RUNS / ".cache"


@contextmanager
def caching(folder: Path) -> Iterator[None]:
    """Have the cache in `folder` until this ends, also in processes that are started meanwhile."""
    before = os.environ.get(CACHE)
    os.environ[CACHE] = str(folder.expanduser().absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ[CACHE]
        else:
            os.environ[CACHE] = before


def named(name: str | Path) -> Path:
    """Return the file or folder that a recipe calls `name`: the user's, else one of those shipped."""
    own, shipped = HOME / name, SHIPPED / name
    return shipped if shipped.exists() and not own.exists() else own


def resolved(name: str, folder: Path) -> str:
    """Return the absolute path of the file that a recipe or an option in `folder` calls `name`.

    Where nothing is there, but `named` finds a file, the name stays as it is.
    """
    own = folder / Path(name).expanduser()
    return name if not own.exists() and named(name).exists() else str(own.resolve())
