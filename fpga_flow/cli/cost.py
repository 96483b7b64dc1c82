"""The command `flow cost`: what the network in a file costs, layer by layer, and its scores."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.cli.arguments import Debug


def cost(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A QONNX network (.onnx) or a checkpoint (.pt).")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    debug: Debug = False,
) -> None:
    """Count what a network costs by layer: MACs, bit operations, weight bits, zeros; and score it.

    What hardware refuses is counted too, as far as it can be.

    \b
    flow cost net.onnx
    flow cost build/out/signals-w4/prune/checkpoint.pt --json
    """
    from rich.console import Console  # and the packages that read networks are heavy

    from fpga_flow.scores import counts, source, table

    counted = source.counted_in(file)
    output = counted.output
    found = {
        **counts.as_json(counted.operations),
        "output": output and output.model_dump(mode="json"),
        "left_out": counted.left_out,
    }
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console = Console(highlight=False)
    table.show(found, console)
    if output is not None:
        console.print(f"Output           {output.words(output.top_k(None))}")
    if counted.left_out:
        console.print("\nHardware cannot do this; it is counted as far as it can be:")
        for reason in counted.left_out:
            console.print(f"  {reason}", markup=False, soft_wrap=True)
