"""Stage `export`: a trained network, or one from outside, becomes integers.

Writes `model.onnx` (QONNX, brought up to date), `network.onnx` (integers, for the hardware),
`golden.onnx` and `golden_layers.onnx` (standard operators, for onnxruntime) and `vectors.npz`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import onnx
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar, say
from fpga_flow.core.recipe_parts.data import OWN
from fpga_flow.core.stage import Context
from fpga_flow.data.frames import Frames
from fpga_flow.export import host
from fpga_flow.export.checks import check_float, check_network, floats_and_codes
from fpga_flow.export.compare import Reference
from fpga_flow.export.cost import cost
from fpga_flow.export.frames import fitted, labels_fit, largest_magnitude, random_frames
from fpga_flow.export.golden import batch_size, write_golden
from fpga_flow.export.network import write_network
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.export.original import FRAMES, check_original
from fpga_flow.export.output import describe_output
from fpga_flow.export.reader import read
from fpga_flow.export.reference import FileReference
from fpga_flow.export.score import VECTORS, accuracy, check_vectors, write_vectors
from fpga_flow.export.values import QuantSpec
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden
from fpga_flow.results.export import Checks, ExportAccuracy, ExportResult, InputSpec, Logits, StandIn
from fpga_flow.scores.counts import for_report

STAND_IN = "a stand-in for this network's own data"
MODEL, NETWORK, GOLDEN, GOLDEN_LAYERS = "model.onnx", "network.onnx", "golden.onnx", "golden_layers.onnx"


def run(context: Context) -> ExportResult:
    """Export, compare and score."""
    recipe, folder = context.recipe.export, context.folder
    model, build_reference, label, source = _network(context)
    network = to_integers(model, _declared(context))
    check_vectors(recipe.vectors, network)
    reference = build_reference()  # only now: what cannot be mapped need not run in onnxruntime either
    integers, costs = write_network(network), cost(network.operations)
    spec = host.describe(network.host, network.input)
    brought = context.model_file is not None and context.recipe.data.name == OWN
    own = source is not None or brought
    output = describe_output(network, len(source.classes) if source is not None else None)
    classes = output.shape[0] if output.decides else 0
    if brought:
        frames = data.load(context.recipe.data, "test", context.cache / "data")
        source = fitted(frames, spec, classes, str(context.recipe.data.file))
        say(f"  data: {source.source}")
    if source is None:
        source = _outside_data(context, spec, classes)
    spec["steps"] = [*([kind, list(values)] for kind, values in source.steps), *spec["steps"]]
    model.save(str(folder / MODEL))
    integers.save(str(folder / NETWORK))
    onnx.save(write_golden(network), folder / GOLDEN)
    onnx.save(write_golden(network, layers=True), folder / GOLDEN_LAYERS)
    golden = Golden(folder / GOLDEN, folder / GOLDEN_LAYERS)

    batch = batch_size(network)
    fitting = output.decides and labels_fit(source, classes)
    chosen = source.sample(recipe.vectors, recipe.seed)
    codes = write_vectors(folder / VECTORS, golden, source, chosen, spec, fitting and own, batch)
    networks = check_network(integers, golden, codes, batch)
    compared = source.sample(recipe.compared, recipe.seed)
    floats = check_float(network, golden, reference, source, compared, spec, label)
    original = None
    if context.model_file is not None:
        some = floats_and_codes(source, compared[:FRAMES], spec)
        original = check_original(context.model_file, model, network, golden, output, *some)
    share: float | None = None
    samples: int | None = None
    by_snr: dict[str, float] = {}
    stand_in: StandIn | None = None
    if fitting:
        scored = (
            np.arange(len(source)) if recipe.scored is None else source.sample(recipe.scored, recipe.seed)
        )
        right, by_level = accuracy(golden, source, scored, spec, batch)
        of = "test frames" if own else f"frames of {STAND_IN}"
        say(f"  {100 * right:.2f} % of {len(scored):,} {of} right")
        if own:
            share, samples, by_snr = right, len(scored), by_level
        else:
            stand_in = StandIn(accuracy=right, samples=len(scored))
    return ExportResult(
        accuracy=ExportAccuracy(golden=share),
        samples=samples,
        by_snr=by_snr,
        stand_in=stand_in,
        output=output,
        cost=costs,
        scores=for_report(network),
        bits=_bits(network),
        input=InputSpec.model_validate(spec),
        logits=Logits(
            shape=network.output.shape[1:],
            scale=network.logit_scale,
            offset=network.logit_offset,
            error=network.logit_error,
        ),
        classes=tuple(source.classes) if fitting and own else tuple(str(i) for i in range(classes)),
        vectors=len(codes),
        data=source.source,
        checks=Checks(network=networks, float=floats, original=original),
    )


def _network(context: Context) -> tuple[ModelWrapper, Callable[[], Reference], str, Frames | None]:
    """Return the QONNX, what builds the float network to compare with, its name, and the data, if known."""
    if context.model_file is not None:
        model = read(context.model_file)
        return model, partial(FileReference, model), "the float network in onnxruntime", None
    with bar("loading PyTorch and Brevitas"):  # they are needed only here
        from fpga_flow.export.brevitas_export import BrevitasReference, export_module
        from fpga_flow.train.dataset import load_frames
        from fpga_flow.train.network import load_network
        from fpga_flow.train.requantise import final

    source = load_frames(context.recipe, "test", context.cache)
    module = load_network(final(context.recipe), context.inputs["prune"] / "checkpoint.pt")
    with bar("writing the trained network as QONNX"):
        exported = export_module(module, source.shape)
    return (
        exported,
        partial(BrevitasReference, module),
        "the Brevitas network",
        source,
    )


def _declared(context: Context) -> QuantSpec | None:
    """Return how the input is quantised by the recipe, None where it does not say so."""
    wanted = context.recipe.export.input
    if wanted is None:
        return None
    spec = QuantSpec(np.ones(()).astype(np.float32), wanted.bits, wanted.signed, False, "ROUND")
    scale = wanted.scale
    if scale is None:
        if context.recipe.data.name != OWN:
            raise InputError("export.input: give its scale, or your own frames (--data FILE.npz)")
        frames = data.load(context.recipe.data, "test", context.cache / "data")
        scale = largest_magnitude(frames) / spec.quantiser.high
        say(f"  the input's scale is {scale:g}, by the largest number of {frames.source}")
    return replace(spec, scale=np.array(scale, dtype=np.float32))


def _outside_data(context: Context, spec: dict[str, Any], classes: int) -> Frames:
    """Return frames in the place of a network's own: of a set of the same shape, or random ones."""
    part = data.for_shape(tuple(spec["frame_shape"]), classes)
    if part is None:
        wanted = max(context.recipe.export.vectors, context.recipe.export.compared)
        frames = random_frames(spec, wanted, context.recipe.export.seed)
    else:
        frames = data.load(part, "test", context.cache / "data")
        frames = replace(frames, source=f"{STAND_IN}: {frames.source}")
    say(f"  data: {frames.source}")
    return frames


def _bits(network: IntegerNetwork) -> int:
    """Return the bits of the widest activation behind the input, or of that where there is no other."""
    behind = [seen.tensor for seen in network.quantisers if seen.tensor is not network.input]
    return max(int(DataType[tensor.datatype].bitwidth()) for tensor in behind or [network.input])
