"""The stage `synth`: Yosys on every distinct layer of the RTL design, in parallel, cached and summed."""

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from fpga_flow import artifact, toolchain
from fpga_flow.boards import Board, board
from fpga_flow.errors import InputError, ToolError
from fpga_flow.flow import Context
from fpga_flow.progress import bar, say
from fpga_flow.synth.usage import Usage, total
from fpga_flow.synth.yosys import PRIMITIVES, SHIFT_REGISTERS, make_script, synthesise
from fpga_flow.verdict import RESOURCES

DESIGN = "design.json"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layer:
    """One layer of the RTL design, as the stage `rtl` describes it."""

    name: str
    op: str
    module: str
    sources: tuple[Path, ...]
    key: str
    parameters: Mapping[str, Any]
    """What the layer was generated with, for people; the module is elaborated as it stands."""


def run(context: Context) -> dict[str, Any]:
    """Synthesise the layers of the RTL design in `context.inputs["rtl"]` for the recipe's board."""
    folder = context.inputs["rtl"]
    target = board(context.recipe.board)
    layers = read_layers(folder)
    tool = toolchain.yosys()
    distinct: dict[str, Layer] = {}
    for layer in layers:
        distinct.setdefault(cache_key(layer, target.yosys_family, tool.version), layer)
    found, cached = _synthesise_all(distinct, folder, context, target)
    keys = {layer.name: cache_key(layer, target.yosys_family, tool.version) for layer in layers}
    usages = {name: found[key] for name, key in keys.items()}
    whole = total(usages.values())
    over = excess(whole, target)
    for line in _verdict(whole, target, over):
        say(line)
    return {
        "tool": f"yosys {tool.version}",
        "part": target.part,
        **whole.as_dict(),
        "fmax_mhz": None,
        "layers": {name: usage.as_dict() for name, usage in usages.items()},
        "fits": not over,
        "over": over,
        "board": {"name": target.name, **{key: getattr(target, key) for key in RESOURCES}},
        "distinct": len(distinct),
        "cached": cached,
    }


def read_layers(folder: Path) -> list[Layer]:
    """Return the layers in the RTL artifact `folder`; raises `InputError` where it describes none."""
    path = folder / DESIGN
    design = artifact.read_json(path)
    try:
        layers = [
            Layer(
                name=layer["name"],
                op=layer["op"],
                module=layer["module"],
                sources=tuple(Path(source) for source in layer["sources"]),
                key=layer["key"],
                parameters=layer.get("parameters", {}),
            )
            for layer in design["layers"]
        ]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: layers: {error!r}; make it again with 'flow rtl RUN'") from None
    if not layers:
        raise InputError(f"{path}: layers: must name at least one; make it again with 'flow rtl RUN'")
    return layers


def cache_key(layer: Layer, family: str, version: str) -> str:
    """Return the digest of all that the counts of `layer` depend on, which its name is not part of."""
    script = make_script("top", [], {}, family, Path("statistics"))
    return artifact.digest_json(
        {
            "layer": layer.key,
            "yosys": version,
            "script": script.replace(str(PRIMITIVES.parent), ""),
            "support": artifact.digest_files(PRIMITIVES.parent, [PRIMITIVES, SHIFT_REGISTERS]),
        }
    )


def excess(usage: Usage, target: Board) -> dict[str, int]:
    """Return by how much `usage` exceeds what `target` holds; a resource that fits is left out."""
    counts = usage.as_dict()
    over = {key: counts[key] - getattr(target, key) for key in RESOURCES}
    return {key: count for key, count in over.items() if count > 0}


def _synthesise_all(
    distinct: Mapping[str, Layer], folder: Path, context: Context, target: Board
) -> tuple[dict[str, Usage], int]:
    cache = context.cache / "synth"
    cache.mkdir(parents=True, exist_ok=True)
    found: dict[str, Usage] = {}
    cached = 0
    # The largest first, so that none of them is left to run alone at the end.
    order = sorted(distinct, key=lambda key: _weight(distinct[key], folder), reverse=True)
    with bar("synthesis", len(order)) as advance, ThreadPoolExecutor(toolchain.CPU_COUNT) as pool:
        jobs = {
            pool.submit(_cached, key, distinct[key], folder, cache, target.yosys_family): key for key in order
        }
        try:
            for job in as_completed(jobs):
                usage, hit = job.result()
                found[jobs[job]] = usage
                cached += hit
                advance(1, distinct[jobs[job]].name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found, cached


def _cached(key: str, layer: Layer, folder: Path, cache: Path, family: str) -> tuple[Usage, bool]:
    """Return the usage of `layer` and whether it was known; another run's work on it is waited for."""
    path = cache / f"{key}.json"
    with FileLock(cache / f"{key}.lock"):
        known = _read_cached(path)
        if known is not None:
            return known, True
        with tempfile.TemporaryDirectory(prefix=f"{key}.", dir=cache) as scratch:
            log = Path(scratch) / "yosys.log"
            try:
                usage = synthesise(layer.module, layer.sources, {}, folder, family, log)
            except ToolError as error:
                kept = cache / f"{key}.failed.log"
                if log.is_file():
                    os.replace(log, kept)
                raise ToolError(
                    f"synth: layer {layer.name} ({layer.op}): {str(error).replace(str(log), str(kept))}"
                ) from None
            os.replace(log, cache / f"{key}.log")
        artifact.write_json(path, usage.as_dict())
        _logger.info("layer %s: %s (log: %s)", layer.name, usage, cache / f"{key}.log")
        return usage, False


def _read_cached(path: Path) -> Usage | None:
    try:
        return Usage(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _weight(layer: Layer, folder: Path) -> int:
    """Return a figure that grows with the time a layer's synthesis takes: the generated text and data.

    FINN's library files are the same for all layers of one kind, so the kinds are told apart by name.
    """
    rank = 2 if layer.op.startswith(("MVAU", "VVAU")) else 1 if layer.op.startswith("Thresholding") else 0
    product = 1
    for name in ("PE", "SIMD"):
        value = layer.parameters.get(name, 1)
        product *= value if isinstance(value, int) else 1
    return rank * 1_000_000 + product


def _verdict(whole: Usage, target: Board, over: Mapping[str, int]) -> list[str]:
    counts = whole.as_dict()
    used = ", ".join(
        f"{counts[key]:,} {word} ({100 * counts[key] / getattr(target, key):.0f} %)"
        for key, word in RESOURCES.items()
    )
    lines = [f"  {used} of {target.name}"]
    if over:
        too_much = ", ".join(f"{count:,} {RESOURCES[key]} too many" for key, count in over.items())
        lines.append(f"  warning: the design does not fit {target.name}: {too_much}")
    return lines
