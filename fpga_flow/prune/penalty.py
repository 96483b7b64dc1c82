"""L1 penalties that training adds to the loss, so that weights or channels become small enough to go."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fpga_flow.core.recipe_parts.pruning import PruneRecipe
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.general import AnyNetwork

Penalty = Callable[[AnyNetwork], Tensor]


def penalty_of(settings: PruneRecipe) -> Penalty | None:
    """Return what the recipe adds to the loss, or None: |w|_1 for `l1`, |gamma|_1 for `slimming`."""
    on_weights = settings.l1 if settings.method == "l1" else 0.0
    slims = settings.uses("slimming")
    on_scales = settings.scale_l1 if slims else 0.0
    if not on_weights and not on_scales:
        return None

    def penalty(network: AnyNetwork) -> Tensor:
        parts = [on_weights * weight.abs().sum() for weight in weights(network) if on_weights]
        parts += [on_scales * scale.abs().sum() for scale in norm_scales(network) if on_scales]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    return penalty


def weights(network: AnyNetwork) -> list[nn.Parameter]:
    """Return the weights of all layers that can be pruned."""
    if isinstance(network, FastNetwork):
        return [block.weight for block in network.layers]
    return [layer.weight for layer in network.weights.values()]


def norm_scales(network: AnyNetwork) -> list[nn.Parameter]:
    """Return the scales of all batch norms."""
    if isinstance(network, FastNetwork):
        return [block.gamma for block in network.layers if not block.last]
    return [module.weight for module in network.network.modules() if isinstance(module, _BatchNorm)]
