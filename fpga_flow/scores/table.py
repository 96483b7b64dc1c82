"""All scores of a network as tables for the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show(found: dict[str, Any], console: Console) -> None:
    """Print what `fpga_flow.scores.counts.as_json` returned."""
    table = Table(box=None)
    table.add_column("layer", overflow="fold")
    for head in ("bits w/a", "weights", "zeros", "MACs", "bit operations", "weight bits"):
        table.add_column(head, justify="right", no_wrap=True)
    total = found["total"]
    for row in (*found["layers"], {**total, "name": "all", "bits": None}):
        table.add_row(
            row["name"],
            "" if row["bits"] is None else f"{row['bits']}/{row['act_bits']}",
            f"{row['weights']:,}",
            f"{row['sparsity']:.1%}",
            f"{row['macs']:,}",
            f"{row['bit_ops']:,}",
            f"{row['weight_bits']:,}",
        )
    console.print(table)
    course, micronet = found["course"], found["micronet"]
    console.print(
        f"\nITU challenge    {total['itu_score']:.6f}\n"
        f"CIFAR course     parameters {course['parameters']:.6f}, operations {course['operations']:.6f}\n"
        f"MicroNet 2019    {micronet['score']:.6f} (of 32 bits: {micronet['parameters']:,.0f} parameters, "
        f"{micronet['multiplications']:,.0f} multiplications, {micronet['additions']:,.0f} additions)"
    )
