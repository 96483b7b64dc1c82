"""How much of a network's weights is pruned away."""


def sparsity(weights: int, nonzero: int) -> float:
    """Return the share of `weights` that is 0; of none at all it is 0."""
    return 1 - nonzero / weights if weights else 0.0
