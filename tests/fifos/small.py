"""Small networks of schedules that no hardware belongs to."""

from fpga_flow.fifos.network import Edge, Network, Placement
from fpga_flow.layers.schedules import Schedule, steps

HELD = 32
"""Words that the long branch of `residual` takes before it gives any."""
WORDS = 64
FORK = steps((1,), (3,))
JOIN = steps((3,), (1,))
THROUGH = steps((1,), (1,))
BLOCK = steps([1] * HELD + [0] * HELD, [0] * HELD + [1] * HELD)


def network(streams: dict[str, tuple[str, str]], layers: dict[str, Schedule], depth: int = 2) -> Network:
    """Return layers joined by `streams` (FIFO -> producer, consumer), all FIFOs of `depth` words."""
    edges = [Edge(name, *ends, f"{name}_words", 8, WORDS, depth) for name, ends in streams.items()]
    placements = [
        Placement(
            name,
            "Any",
            schedule,
            tuple(i for i, edge in enumerate(edges) if edge.consumer == name),
            tuple(i for i, edge in enumerate(edges) if edge.producer == name),
        )
        for name, schedule in layers.items()
    ]
    return Network(edges, placements)


def residual(depth: int = 2) -> Network:
    """A fork, one branch straight to the addition, the other through a layer that holds words back."""
    streams = {
        "first": ("input", "fork"),
        "skip": ("fork", "add"),
        "long": ("fork", "block"),
        "late": ("block", "add"),
        "last": ("add", "output"),
    }
    return network(streams, {"fork": FORK, "block": BLOCK, "add": JOIN}, depth)


def chain(*schedules: Schedule) -> Network:
    """Layers in a row."""
    names = ["input", *(f"layer_{i}" for i in range(len(schedules))), "output"]
    streams = {f"fifo_{i}": pair for i, pair in enumerate(zip(names, names[1:], strict=False))}
    return network(streams, dict(zip(names[1:-1], schedules, strict=True)))
