"""What each layer of a network loses with fewer bits, measured one layer at a time after training."""

from collections.abc import Sequence

from fpga_flow.progress import bar
from fpga_flow.recipe_parts import CalibrationRecipe, LayerQuant, Recipe
from fpga_flow.train.calibrate import calibrate_chain
from fpga_flow.train.checkpoint import State
from fpga_flow.train.dataset import Codes
from fpga_flow.train.evaluate import Score, evaluate
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.general import GeneralNetwork
from fpga_flow.train.spec import Layer, Quant

SEED = 1
"""Of the choice of training frames that scales are calibrated on."""
HIGHEST = 8
"""Bits of all layers but the one that is measured."""


class Sensitivity:
    """Losses of a trained chain, quantised without training, on some validation frames."""

    def __init__(
        self,
        layers: Sequence[Layer],
        state: State,
        input_bits: int,
        calibration: tuple[Codes, CalibrationRecipe],
        validation: Codes,
    ) -> None:
        self.layers, self.state, self.input_bits = layers, state, input_bits
        frames, settings = calibration
        self.some = frames.some(settings.frames, SEED).codes
        self.settings, self.validation = settings, validation

    def score(self, own: dict[str, LayerQuant]) -> Score:
        """Return loss and accuracy with the bits `own` of single layers, and `HIGHEST` elsewhere."""
        network = FastNetwork(self.layers, Quant(HIGHEST, HIGHEST, self.input_bits, own), self.state)
        calibrate_chain(network, self.some, self.settings.method, self.settings.quantile)
        return evaluate(network, self.validation)

    def measure(self, bits: Sequence[int]) -> tuple[list[dict[int, float]], list[dict[int, float]]]:
        """Return (losses of weights, losses of activations), each by layer and bits, above that of `HIGHEST`.

        The last layer has no activation and an empty dictionary.
        """
        base = self.score({}).loss
        weights: list[dict[int, float]] = []
        acts: list[dict[int, float]] = []
        count = (2 * len(self.layers) - 1) * len(bits)
        with bar("sensitivity of the layers", count) as advance:
            for index, layer in enumerate(self.layers):
                last = index == len(self.layers) - 1
                weights.append({})
                acts.append({})
                for b in bits:
                    score = self.score({layer.name: LayerQuant(weight_bits=b)})
                    weights[-1][b] = score.loss - base
                    advance(1)
                    if not last:
                        score = self.score({layer.name: LayerQuant(act_bits=b)})
                        acts[-1][b] = score.loss - base
                        advance(1)
        return weights, acts


class ModuleSensitivity:
    """The same of a module, whose activations keep the recipe's bits: only its weights' bits are measured."""

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        calibration: tuple[Codes, CalibrationRecipe],
        validation: Codes,
    ) -> None:
        quant = recipe.quant.model_copy(update={"weight_bits": HIGHEST})
        self.recipe, self.state = recipe.model_copy(update={"quant": quant}), state
        frames, self.settings = calibration
        self.some, self.validation = frames.some(self.settings.frames, SEED).codes, validation

    def network(self, own: dict[str, LayerQuant]) -> GeneralNetwork:
        """Return the calibrated network with the bits `own` of single layers, and `HIGHEST` elsewhere."""
        quant = self.recipe.quant.model_copy(update={"layers": own})
        network = GeneralNetwork(self.recipe.model_copy(update={"quant": quant}), self.state)
        network.calibrate(self.some, self.settings)
        return network

    def score(self, own: dict[str, LayerQuant]) -> Score:
        """Return loss and accuracy of `network(own)`."""
        return evaluate(self.network(own), self.validation)

    def order(self) -> list[str]:
        """Return the names of the layers as they run; one that runs twice is there twice."""
        network, ran = self.network({}), list[str]()
        for name, layer in network.weights.items():
            layer.register_forward_hook(lambda _m, _i, _o, name=name: ran.append(name))
        network(self.some[:1])
        return ran

    def measure(self, bits: Sequence[int]) -> dict[str, dict[int, float]]:
        """Return the losses of the weights by layer and bits, above that of `HIGHEST`."""
        base = self.score({}).loss
        found: dict[str, dict[int, float]] = {}
        with bar("sensitivity of the layers", len(self.state["layers"]) * len(bits)) as advance:
            for name in self.state["layers"]:
                found[name] = {}
                for b in bits:
                    found[name][b] = self.score({name: LayerQuant(weight_bits=b)}).loss - base
                    advance(1)
        return found
