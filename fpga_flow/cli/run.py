"""The command `flow run`: a run's network on frames of the user's."""

from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.cli.arguments import Cache, Debug, RunArgument, find_run
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.pipeline import flow

ON = ("golden", "rtl", "virtual")


def run(
    run: RunArgument,
    frames: Annotated[
        Path, typer.Argument(metavar="FILE.npz", help="Frames x, (N, ...), as the network takes them.")
    ],
    on: Annotated[
        str,
        typer.Option(help="golden (onnxruntime), rtl (simulated) or virtual (the board's driver)."),
    ] = "golden",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="The outputs y; <frames>-out.npz.")
    ] = None,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Give a run's network frames of your own, and write what it gives for them.

    y are the classes, or the network's numbers; then `integers` are what comes out of the accelerator.

    \b
    flow run mine-w4 x.npz --out y.npz
    flow run mine-w4 x.npz --on rtl
    """
    if on not in ON:
        raise InputError(f"--on: must be one of {', '.join(ON)}, not {on!r}")
    if not frames.is_file():
        raise InputError(f"FILE: must be an .npz file, not {str(frames)!r}, which does not exist")
    target = out or Path(f"{frames.stem}-out.npz")
    if target.suffix != ".npz":
        raise InputError(f"--out: must end in .npz, not {target.name!r}")
    if target.resolve() == frames.resolve():
        raise InputError("--out: must be another file than the frames")
    opened = flow.open_run(find_run(run))
    import numpy as np  # heavy, as what follows

    from fpga_flow.cli.run_frames import outputs

    found = outputs(opened, frames.resolve(), on)
    scratch = target.with_suffix(".new.npz")
    np.savez(scratch, **found)  # type: ignore[arg-type]  # its stubs take the names for options
    scratch.replace(target)
    say("  " + ", ".join(f"{name} {values.dtype} {values.shape}" for name, values in found.items()))
    print(target)
