"""All scores of a network as JSON, and as tables for the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

from fpga_flow.export.cost import LayerCost, cost, layer_costs
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.scores.cifar_course import course_score
from fpga_flow.scores.micronet import micronet_score


def as_json(network: IntegerNetwork) -> dict[str, Any]:
    """Return {"layers": [...], "total": as in `report.json`, "course": {...}, "micronet": {...}}."""
    layers = layer_costs(network)
    course, micronet = course_score(layers), micronet_score(network)
    total = cost(network)
    return {
        "layers": [_layer(layer) for layer in layers],
        "total": {**total, "sparsity": sparsity(total["weights"], total["nonzero"])},
        "course": {"parameters": course.parameters, "operations": course.operations},
        "micronet": {
            "score": micronet.score,
            "parameters": micronet.parameters,
            "multiplications": micronet.multiplications,
            "additions": micronet.additions,
        },
    }


def sparsity(weights: int, nonzero: int) -> float:
    """Return the share of weights that are 0; of none it is 0."""
    return 1 - nonzero / weights if weights else 0.0


def _layer(layer: LayerCost) -> dict[str, Any]:
    return {
        "name": layer.name,
        "weights": layer.weights,
        "nonzero": layer.nonzero,
        "sparsity": sparsity(layer.weights, layer.nonzero),
        "bits": layer.weight_bits_each,
        "act_bits": layer.act_bits,
        "macs": layer.macs,
        "nonzero_macs": layer.nonzero_macs,
        "bit_ops": layer.bit_ops,
        "weight_bits": layer.weight_bits,
    }


def show(found: dict[str, Any], console: Console) -> None:
    """Print what `as_json` returned."""
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
