"""One package onto one board: copy, check, unpack, run, figures back. Nothing half-installed stays."""

import secrets
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from fpga_flow.core.digests import file_digest
from fpga_flow.core.errors import DifferenceError, InputError, ToolError
from fpga_flow.core.progress import bar, say, warn
from fpga_flow.deploy.package import NAME
from fpga_flow.deploy.transport import Done, Transport
from fpga_flow.results.board import Answer

BASE = PurePosixPath("fpga_flow")
"""Folder in the board's home."""
COMMAND_SECONDS = 60.0
RESULT = "result.json"
DIFFERENT = 3
"""Exit code of the package's test where outputs differ."""


def install(board: Transport, package: Path) -> PurePosixPath:
    """Copy `package` and unpack it; returns its folder on the board.

    The folder appears as a whole, under the package's digest, or not at all. Raises `ToolError`.
    """
    digest = file_digest(package)
    final = BASE / digest[:16]
    _checked(board.run(["mkdir", "-p", str(BASE)], PurePosixPath("."), COMMAND_SECONDS), board, "mkdir")
    if board.run(["test", "-d", final.name], BASE, COMMAND_SECONDS).code == 0:
        say(f"  {board.name} has this package already")
        return final
    old = ["find", ".", "-maxdepth", "1", "-name", "*.part", "-mmin", "+60", "-exec", "rm", "-rf", "{}", "+"]
    board.run(old, BASE, COMMAND_SECONDS)  # what a connection that broke has left
    mark = secrets.token_hex(4)
    archive, partial = BASE / f"{mark}.zip.part", BASE / f"{mark}.part"
    try:
        with bar(f"copying the package to {board.name}", package.stat().st_size, "bytes") as advance:
            board.put(package, archive, advance)
        found = _checked(board.run(["sha256sum", archive.name], BASE, COMMAND_SECONDS), board, "sha256sum")
        if found.out.split()[:1] != [digest]:
            raise ToolError(f"{board.name}: what arrived is not what was sent ({archive.name}); try again")
        words = ["python3", "-m", "zipfile", "-e", archive.name, partial.name]
        _checked(board.run(words, BASE, COMMAND_SECONDS), board, "unpacking")
        _checked(board.run(["mv", partial.name, final.name], BASE, COMMAND_SECONDS), board, "mv")
    finally:
        _clean(board, archive, partial)
    return final


def _clean(board: Transport, *paths: PurePosixPath) -> None:
    """Remove what an installation leaves; where the board is gone, the next one takes other names."""
    try:
        board.run(["rm", "-rf", *(path.name for path in paths)], BASE, COMMAND_SECONDS)
    except ToolError:
        warn(f"{board.name} does not answer: {paths[0].name} may be left in its folder {BASE}")


def _checked(done: Done, board: Transport, what: str) -> Done:
    if done.code:
        lines = (done.err or done.out).strip().splitlines()
        reason = lines[-1] if lines else f"exit code {done.code}"
        raise ToolError(f"{board.name}: {what} failed: {reason}")
    return done


def test(
    board: Transport, folder: PurePosixPath, frames: int | None, timeout: float | None, sudo: str | None
) -> Answer:
    """Run the package's test in `folder`; returns its figures.

    `sudo` is the password with which the board's user becomes root, as loading a bitstream wants; None
    where the user is root. Raises `ToolError` with what the driver says.
    """
    words = ["python3", "-m", NAME, "--test", "--json", RESULT]
    words += ["--frames", str(frames)] if frames else []
    words += ["--timeout", f"{timeout:g}"] if timeout else []
    if sudo is not None:
        # -i: pynq's own Python environment is set up by the login shell of root.
        script = 'cd "$0" && exec "$@"'
        home = board.run(["pwd"], folder, COMMAND_SECONDS).out.strip()
        words = ["sudo", "-S", "-p", "", "-i", "bash", "-c", script, home, *words]
    seconds = COMMAND_SECONDS + (timeout or 0.0) * 4
    done = board.run(words, folder, seconds, "" if sudo is None else f"{sudo}\n")
    for line in done.out.splitlines():
        say(f"  {line}")
    if done.code not in (0, DIFFERENT):
        lines = [line for line in done.err.strip().splitlines() if line.strip()]
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")] or lines[-1:]
        if sudo is not None and told and told[0].startswith("sudo: "):
            raise InputError(f"--sudo: {board.name} does not let its user become root ({told[0]})")
        raise ToolError(f"{board.name}: {told[0] if told else f'the test ended with exit code {done.code}'}")
    return _answer(board.read(folder / RESULT), board.name)


def _answer(text: bytes, board: str) -> Answer:
    """Return the figures that the driver wrote; raises `ToolError` where they are something else."""
    try:
        return Answer.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ToolError(
            f"{board}: its {RESULT} is not what the driver writes ({where or 'JSON'}: {first['msg']}); "
            "remove the folder fpga_flow on the board and try again"
        ) from None


def run_frames(board: Transport, folder: PurePosixPath, frames: str, out: str, timeout: float) -> None:
    """Run the package in `folder` on the file `frames` there, and leave its outputs in the file `out` there.

    A run that takes longer than `timeout` seconds is given up.

    Raises `ToolError` with what the driver says.
    """
    words = ["python3", "-m", NAME, "--run", frames, "--out", out, "--timeout", f"{timeout:g}"]
    _checked(board.run(words, folder, COMMAND_SECONDS + timeout), board, "running the frames")


def judge(result: Answer, board: str, digest: str) -> None:
    """Raise where the board did not do what the golden model does."""
    if result.digest != digest:
        raise InputError(
            f"{board}: the results are of the network {result.digest[:12]}..., not of this run's"
        )
    if result.mismatches:
        told = [
            f"; first: frame {first.frame}, expected {list(first.expected)}, found {list(first.found)}"
            for first in result.first_mismatches[:1]
        ]
        raise DifferenceError(
            f"{board}: {result.mismatches} of {result.samples} outputs differ from the golden model"
            + "".join(told)
        )
