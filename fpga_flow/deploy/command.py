"""`flow package` and `flow deploy`: from a run to a board and back."""

import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from fpga_flow.core import places
from fpga_flow.core.errors import DifferenceError, InputError
from fpga_flow.core.progress import say
from fpga_flow.deploy import procedure, results
from fpga_flow.deploy.package import NAME, describe, vectors, write_package
from fpga_flow.deploy.transport import Ssh, Transport, Virtual
from fpga_flow.deploy.virtual.build import STAND_IN, virtual_board
from fpga_flow.design.design import Design, design_digest, load_design
from fpga_flow.pipeline.flow import Run, current
from fpga_flow.pipeline.standing import intact_stages
from fpga_flow.results import read
from fpga_flow.results.bitstream import BitstreamResult
from fpga_flow.results.board import BoardResult
from fpga_flow.results.export import ExportResult
from fpga_flow.results.verify import VerifyResult

FRAMES = 1000
"""Test frames in a package, at most."""
PACKAGES = "package"
"""Folder of the zips in the run."""
VIRTUAL = "virtual"
VIRTUAL_SECONDS = 600.0
"""After which a run of the virtual board, which is thousands of times slower than a board, is given up."""
NEEDED = ("export", "rtl", "verify")


def verified_folders(run: Run) -> dict[str, Path]:
    """Return the artifacts of `run`.

    Raises `InputError` where it is not verified to its present state, or a file was changed since.
    """
    advice = "only a verified design goes to a board: run 'flow verify' first"
    folders = intact_stages(run, NEEDED, advice)
    found = read(VerifyResult, folders["verify"])
    if fault := found.fault():
        raise DifferenceError(f"{run.folder}: {fault}; only a verified design goes to a board")
    return folders


def make_package(run: Run, virtual: bool = False) -> Path:
    """Write the package of `run` and return it; `virtual`: for the virtual board."""
    folders = verified_folders(run)
    design, digest = load_design(folders["rtl"]), design_digest(folders["rtl"])
    if virtual:
        hardware = _virtual_hardware(design, folders["rtl"], digest)
    else:
        hardware = _bitstream(run, folders, digest)
    exported = read(ExportResult, folders["export"])
    latency = read(VerifyResult, folders["verify"]).measured_latency_cycles
    (run.folder / PACKAGES).mkdir(exist_ok=True)
    path = run.folder / PACKAGES / f"{run.recipe.name}-{digest[:12]}{'-virtual' if virtual else ''}.zip"
    frames = vectors(folders["export"] / "vectors.npz", design.top_k, FRAMES)
    spec, numbers = exported.input.description(), exported.output.description()
    write_package(path, describe(design, digest, latency, spec, numbers), frames, hardware)
    return path


def _virtual_hardware(design: Design, rtl: Path, digest: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="virtual-board-") as scratch:
        program = virtual_board(design, rtl, digest, Path(scratch), places.cache() / "verilator")
        files = {f"{NAME}.bit": program.read_bytes()}
    return files | {f"data/{path.name}": path.read_bytes() for path in sorted((rtl / "data").glob("*"))}


def _bitstream(run: Run, folders: Mapping[str, Path], digest: str) -> dict[str, bytes]:
    if "bitstream" not in folders:
        raise InputError(
            f"{run.folder}: there is no bitstream of this design; run 'flow bitstream' first (it needs "
            "Vivado), or take the virtual board (--virtual, --host virtual)"
        )
    if read(BitstreamResult, folders["bitstream"]).digest != digest:
        raise InputError(f"{run.folder}: the bitstream is of another network; run 'flow bitstream' again")
    return {
        f"{NAME}.{kind}": (folders["bitstream"] / f"{NAME}.{kind}").read_bytes() for kind in ("bit", "hwh")
    }


def deploy(
    run: Run,
    host: str,
    *,
    key: Path | None = None,
    known_hosts: Path | None = None,
    password: str | None = None,
    sudo: bool = False,
    virtual: bool = False,
    frames: int | None = None,
    timeout: float | None = None,
) -> BoardResult:
    """Bring `run` to `host`, test it there, keep its figures in the run and return them.

    `virtual`: the host is a machine with the stand-in for pynq; so is the host called 'virtual', this one.
    """
    virtual = virtual or host == VIRTUAL
    package = make_package(run, virtual)
    digest = design_digest(current(run)["rtl"])
    say(f"package   {package} ({package.stat().st_size:,} bytes)")
    with tempfile.TemporaryDirectory(prefix="virtual-board-home-") as home:
        board: Transport = (
            Virtual(Path(home), STAND_IN) if host == VIRTUAL else Ssh(host, key, known_hosts, password)
        )
        with closing(board):
            folder = procedure.install(board, package)
            seconds = timeout or (VIRTUAL_SECONDS if virtual else None)
            answer = procedure.test(board, folder, frames, seconds, password if sudo else None)
    result = BoardResult(**dict(answer), host=host, virtual=virtual, package=package.name)
    results.keep(run, result)
    procedure.judge(result, board.name, digest)
    return result
