"""Which runs there are: those in `build/out`, and those made elsewhere with the same cache.

Every run that is made leaves a note in the cache: a file with its path, named by the digest of that.
"""

import logging
from pathlib import Path

from fpga_flow.core import artifact, places
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline.run import RECIPE

FOLDER = "runs"
"""Of the notes, in the cache."""


def note(run: Path) -> None:
    """Note that the folder `run` is a run; where the cache cannot be written, nothing is noted."""
    path = str(run.resolve())
    folder = places.cache() / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        artifact.write_json(folder / f"{artifact.digest_json(path)[:16]}.json", path)
    except OSError as error:
        logging.getLogger(__name__).warning("%s is not in the list of runs: %s", path, error)


def noted() -> list[Path]:
    """Return the folders of the runs that were noted and are still there; notes of others are removed."""
    found = []
    for file in sorted((places.cache() / FOLDER).glob("*.json")):
        try:
            run = Path(str(artifact.read_json(file)))
            if (run / RECIPE).is_file():
                found.append(run)
                continue
        except (
            InputError,
            OSError,
            ValueError,
        ):  # damaged, or no path at all
            pass
        file.unlink(missing_ok=True)
    return sorted(found)


def here() -> list[Path]:
    """Return the folders of the runs in `build/out`."""
    return sorted(path.parent for path in places.RUNS.glob(f"*/{RECIPE}"))


def elsewhere() -> list[Path]:
    """Return the folders of the runs that were made with this cache, but not below `build/out`."""
    below = places.RUNS.resolve()
    return [run for run in noted() if not run.is_relative_to(below)]
