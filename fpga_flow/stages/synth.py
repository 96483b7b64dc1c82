"""The stage `synth`: Yosys on every distinct layer of the RTL design, in parallel, cached and summed."""

import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from fpga_flow import results
from fpga_flow.core import artifact, toolchain
from fpga_flow.core.digests import code_digest
from fpga_flow.core.errors import FitError, ToolError
from fpga_flow.core.kept import read_table, write_table
from fpga_flow.core.progress import bar, say, warn
from fpga_flow.core.stage import Context
from fpga_flow.core.toolchain import CPU_COUNT
from fpga_flow.design.design import LayerRtl, load_design
from fpga_flow.results.estimate import EstimateResult
from fpga_flow.results.hardware import HardwareResult, WouldFit
from fpga_flow.results.synth import SynthResult
from fpga_flow.synth.synthesised import SynthesisedLayers
from fpga_flow.synth.usage import logic_ns
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.board import Board, board
from fpga_flow.target.family import Family
from fpga_flow.target.fit import Fit, cannot_fit
from fpga_flow.target.resources import Resources, total

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Synthesised:
    """A layer as Yosys made it."""

    taken: Resources
    logic_ns: float | None
    """Its longest path; see `synth.usage.logic_ns`."""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Synthesised":
        """Return the one that `as_dict` gave `table` for."""
        return cls(Resources(**{key: value for key, value in table.items() if key != LOGIC}), table[LOGIC])

    def as_dict(self) -> dict[str, float | None]:
        """Return all of it by key."""
        return {**self.taken.as_dict(), LOGIC: self.logic_ns}


LOGIC = "logic_ns"


def run(context: Context) -> SynthResult:
    """Synthesise the layers of the RTL design in `context.inputs["rtl"]` for the recipe's board.

    Raises `FitError` before that, where the estimate leaves no doubt that the board is too small.
    """
    folder = context.inputs["rtl"]
    target = board(context.recipe.board)
    instead = _check_estimate(context, target)
    layers = load_design(folder).layers
    found, distinct, cached = synthesise_layers(layers, folder, context.cache, target.family)
    usages = {name: one.taken for name, one in found.items()}
    _keep_for_folding(context, usages, target.family)
    paths = {name: one.logic_ns for name, one in found.items() if one.logic_ns is not None}
    slowest = max(paths, key=lambda name: paths[name], default=None)
    fit = Fit(total(usages.values()), target)
    artifact.write_json(context.folder / artifact.EFFORT, {"cached": cached})
    say(f"  {fit.words()} of {target.name}")
    if slowest is not None:
        say(f"  longest path {paths[slowest]:.1f} ns, logic alone, without wires: {slowest}")
    if fit.over:
        warn(f"the design does not fit {target.name}: {fit.excess()}")
    return SynthResult.model_validate(
        {
            "tool": f"yosys {toolchain.yosys().version}",
            "part": target.part,
            **fit.used.as_dict(),
            "fmax_mhz": None,
            "logic_ns": None if slowest is None else paths[slowest],
            "slowest": slowest,
            "layers": {name: one.as_dict() for name, one in found.items()},
            "fits": not fit.over,
            "over": fit.over,
            "board": {"name": target.name, **target.capacity.limited()},
            "would_fit": instead,
            "distinct": distinct,
        }
    )


def _check_estimate(context: Context, target: Board) -> WouldFit | None:
    """Return what would fit where the design is not expected to; raises `FitError` where it cannot."""
    if "estimate" not in context.inputs:
        return None
    expected = results.read(EstimateResult, context.inputs["estimate"])
    instead = results.read(HardwareResult, context.inputs["hardware"]).would_fit
    hopeless = cannot_fit(expected, instead, target)
    if hopeless is not None:
        raise FitError(f"synth: nothing was synthesised: {hopeless}")
    return instead


def synthesise_layers(
    layers: Sequence[LayerRtl], folder: Path, cache: Path, family: Family
) -> tuple[dict[str, Synthesised], int, int]:
    """Return each of `layers` synthesised by name, how many of them differ, and how many of those were known.

    `folder` holds their RTL, `cache` is what all runs share. Raises `ToolError` with the layer's name.
    """
    ours = family, toolchain.yosys().version, code_digest("fpga_flow.synth.yosys")
    keys = {layer.name: cache_key(layer, folder, *ours) for layer in layers}
    distinct = {keys[layer.name]: layer for layer in reversed(layers)}  # named after the first of them
    found, known = _synthesise_all(distinct, folder, cache / "synth", family)
    return {layer.name: found[keys[layer.name]] for layer in layers}, len(distinct), known


def _keep_for_folding(context: Context, usages: Mapping[str, Resources], family: Family) -> None:
    """Keep the counts of the layers under the keys that the stage `hardware` looks for when it folds."""
    hardware = context.inputs.get("hardware")
    if hardware is None:
        return
    entries = SynthesisedLayers(context.cache, family)
    for name, key in results.read(HardwareResult, hardware).layer_keys.items():
        if name in usages:
            entries.put(key, usages[name])


def cache_key(layer: LayerRtl, folder: Path, family: Family, version: str, code: str) -> str:
    """Return the digest of all that the counts of `layer` depend on, which its name is not part of.

    `version` is Yosys', `code` the digest of this package.
    """
    return artifact.digest_json(
        {
            "layer": artifact.digest_files(folder, [folder / path for path in (*layer.sources, *layer.data)]),
            "module": layer.module,
            "family": family.digest,
            "yosys": version,
            "code": code,
        }
    )


def _synthesise_all(
    distinct: Mapping[str, LayerRtl], folder: Path, cache: Path, family: Family
) -> tuple[dict[str, Synthesised], int]:
    cache.mkdir(parents=True, exist_ok=True)
    found: dict[str, Synthesised] = {}
    cached = 0
    # The largest first, so that none of them is left to run alone at the end.
    order = sorted(distinct, key=lambda key: _effort(distinct[key]), reverse=True)
    with (
        bar("synthesis of distinct layers", len(order), "layers") as advance,
        ThreadPoolExecutor(CPU_COUNT) as pool,
    ):
        jobs = {pool.submit(_cached, key, distinct[key], folder, cache, family): key for key in order}
        try:
            for job in as_completed(jobs):
                key = jobs[job]
                found[key], hit = job.result()
                cached += hit
                advance(1, distinct[key].name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found, cached


def _cached(key: str, layer: LayerRtl, folder: Path, cache: Path, family: Family) -> tuple[Synthesised, bool]:
    """Return `layer` synthesised, and whether it was known; another run's work on it is waited for."""
    path = cache / f"{key}.json"
    with FileLock(cache / f"{key}.lock"):
        kept = read_table(path)
        if kept is not None:
            known = Synthesised.of(kept)
            _logger.info("layer %s: %s, known (log: %s)", layer.name, known, path.with_suffix(".log"))
            return known, True
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"{key[:10]}-", dir=cache) as scratch:
            log = Path(scratch) / "yosys.log"
            sources = [Path(source) for source in layer.sources]
            try:
                made = Synthesised(synthesise(layer.module, sources, folder, family, log), logic_ns(log))
            except ToolError as error:
                failed = path.with_suffix(".failed.log")
                os.replace(log, failed)
                message = str(error).replace(str(log), str(failed))
                raise ToolError(f"synth: layer {layer.name} ({layer.op}): {message}") from None
            os.replace(log, path.with_suffix(".log"))
        write_table(path, made.as_dict())
        _logger.info("layer %s: %s in %.1f s", layer.name, made, time.monotonic() - start)
        return made, False


def _effort(layer: LayerRtl) -> tuple[bool, int]:
    """Return what grows with the time a layer's synthesis takes: those with weights first, then by width."""
    return layer.has_weights, layer.outputs[0].width
