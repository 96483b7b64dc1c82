"""The command `flow cost`: what the network in a file costs, layer by layer, and its scores."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.arguments import Debug


def cost(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A QONNX network (.onnx) or a checkpoint (.pt).")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    debug: Debug = False,
) -> None:
    """Count what a network costs by layer: MACs, bit operations, weight bits, zeros; and score it.

    \b
    flow cost net.onnx
    flow cost build/out/signals-w4/prune/checkpoint.pt --json
    """
    from rich.console import Console  # and the packages that read networks are heavy

    from fpga_flow.scores import counts, source, table

    network = source.network_in(file)
    output = source.output_in(file, network)
    found = {**counts.as_json(network), "output": output.model_dump(mode="json")}
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        console = Console(highlight=False)
        table.show(found, console)
        console.print(f"Output           {output.words(output.top_k(None))}")
