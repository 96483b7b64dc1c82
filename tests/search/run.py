"""Takes one described network the whole way: QONNX, integers, layers, RTL, simulation, and compares.

Returns what came of it; it never raises for what the network or the flow does.
"""

import contextlib
import io
import shutil
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from fpga_flow.core.artifact import read_json, read_result, write_result
from fpga_flow.core.errors import UnsupportedError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.export.brevitas_export import BrevitasReference, export_module
from fpga_flow.export.checks import check_float
from fpga_flow.export.frames import random_frames
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages import export as export
from fpga_flow.stages import hardware as hardware
from fpga_flow.stages import rtl as rtl
from fpga_flow.stages.verify import wanted
from fpga_flow.target.board import board
from fpga_flow.verify.accelerator import Accelerator, timing
from fpga_flow.verify.compare import first_layer
from tests.search import folding, qonnx_graph
from tests.search.describe import Network
from tests.search.refusals import reason_of

FRAMES = 12
"""Of a simulation; the second half shows the steady rate."""
EXPORTED = 32
"""Random frames that the export compares with the float network."""
RATE_TOLERANCE, RATE_CYCLES = 0.02, 2
"""The measured cycles per frame may differ from the prediction by this share and so many cycles."""


@dataclass(frozen=True)
class Outcome:
    """What came of a network."""

    verdict: str
    """passed, refused or failed."""
    stage: str
    """The last one reached."""
    reason: str = ""
    signature: str = ""
    """What failures of one cause have in common, about."""
    details: str = ""
    """A traceback."""
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class DiffersError(Exception):
    """The flow's result is wrong; `kind` is what such results have in common."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def run_network(network: Network, folder: Path, cache: Path) -> Outcome:
    """Run `network` in `folder` (emptied first); compiled simulators are kept in `cache`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begun = time.monotonic()
    way = Way(network, folder, cache)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            way.go()
    except UnsupportedError as error:
        reason = reason_of(error)
        verdict = "refused" if reason else "failed"
        signature = reason or f"{way.stage}: refused: {_plain(str(error))}"
        outcome = Outcome(verdict, way.stage, str(error), signature)
    except DiffersError as error:
        outcome = Outcome("failed", way.stage, str(error), f"{way.stage}: {error.kind}")
    except Exception as error:  # noqa: BLE001  any of them is a failure to report
        reason = f"{type(error).__name__}: {error}"
        outcome = Outcome(
            "failed", way.stage, reason, f"{way.stage}: {_plain(reason)}", traceback.format_exc()
        )
    else:
        outcome = Outcome("passed", way.stage)
    seconds = time.monotonic() - begun
    return Outcome(**{**vars(outcome), "figures": way.figures, "seconds": round(seconds, 1)})


def _plain(text: str) -> str:
    """Return the first words of a message without its names and numbers."""
    first = text.strip().partition("\n")[0]
    words = [w for w in first.split() if not any(c.isdigit() or c in "'\"/[_" for c in w)]
    return " ".join(words[:14])


class Way:
    """One network on its way through the stages."""

    def __init__(self, network: Network, folder: Path, cache: Path) -> None:
        self.network, self.folder, self.cache = network, folder, cache
        self.stage = "describe"
        self.figures: dict[str, Any] = {}

    def go(self) -> None:
        """Take all stages in order."""
        self.export()
        self.hardware()
        self.run_stage("rtl", rtl.run, self.recipe())
        self.verify()

    def recipe(self, **settings: Any) -> Recipe:
        table = {"top_k": self.network.top_k, "fifos": {"seconds": 1.0}, **settings}
        counts = {"vectors": EXPORTED, "compared": EXPORTED}
        return make_recipe(
            {
                "name": "search",
                "board": self.network.board,
                "export": counts,
                "hardware": table,
            }
        )

    def run_stage(self, name: str, run: Any, recipe: Recipe, model: Path | None = None) -> dict[str, Any]:
        """Run a stage of the flow; returns its result."""
        self.stage = name
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        inputs = {stage: self.folder / stage for stage in ("export", "hardware", "rtl")}
        write_result(folder, run(Context(recipe, folder, inputs, self.cache, model)))
        return read_result(folder)

    def export(self) -> None:
        """Write the file and take it in, as one from outside; its checks compare it with onnxruntime."""
        model = self.folder / "model.onnx"
        if self.network.way == "brevitas":
            from tests.search import torch_module  # torch is slow to import

            module = torch_module.build(self.network)
            self.stage = "brevitas"
            exported = export_module(module, self.network.shape)
            exported.save(str(model))
        else:
            onnx.save(qonnx_graph.write(self.network), model)
        result = self.run_stage("export", export.run, self.recipe(), model)
        self.figures["explained"] = result["checks"]["float"]["explained"]
        if self.network.way == "brevitas":
            self.stage = "brevitas"
            spec = result["input"]
            golden = self.golden()
            frames = random_frames(spec, EXPORTED, 1)
            check_float(
                to_integers(exported),
                golden,
                BrevitasReference(module),
                frames,
                np.arange(EXPORTED),
                spec,
                "the Brevitas network",
            )

    def golden(self) -> Golden:
        """Return the golden model."""
        return Golden(*(self.folder / "export" / name for name in (export.GOLDEN, export.GOLDEN_LAYERS)))

    def hardware(self) -> None:
        """Lower and fold."""
        wish = self.network.folding
        clock = 100.0
        target = {"clock_mhz": clock, "fps": clock * 1e6 / (wish.cycles or 100_000)}
        self.run_stage("hardware", hardware.run, self.recipe(**target))
        if wish.cycles is not None:
            return
        file, part = self.folder / "folding.json", board(self.network.board).part
        folding.write(self.folder / "export" / "network.onnx", part, self.network.top_k, wish.seed, file)
        self.run_stage("hardware", hardware.run, self.recipe(clock_mhz=clock, folding=str(file)))

    def verify(self) -> None:
        """Simulate: at full speed and with every stream written down, then with stalls."""
        self.stage = "compile"
        accelerator = Accelerator(
            self.folder / "rtl", self.cache / "verilator", self.folder / "verilator.log"
        )
        design = accelerator.design
        golden = self.golden()
        codes = self.codes()
        logits = golden.run(codes)[0]
        expected = wanted(logits, design.top_k)
        self.stage = "simulate"
        taps = self.folder / "taps"
        taps.mkdir()
        found, measured = accelerator.run(codes, taps=taps)
        self.compare(accelerator, taps, golden, codes, found, expected)
        self.stage = "stalls"
        again, _ = accelerator.run(codes, stall=self.network.stall, seed=self.network.seed)
        if not np.array_equal(again, expected):
            frame = int(np.flatnonzero((again != expected).any(axis=1))[0])
            raise DiffersError(
                "the output is wrong", f"frame {frame}: {again[frame]} instead of {expected[frame]}"
            )
        self.stage = "rate"
        per_frame, latency = timing(measured, design)
        predicted = design.cycles_per_frame
        self.figures |= {"measured": per_frame, "latency": latency, "predicted": predicted}
        self.figures |= {"layers": len(design.layers), "bottleneck": design.bottleneck}
        if abs(per_frame - predicted) > RATE_TOLERANCE * predicted + RATE_CYCLES:
            side = "slower" if per_frame > predicted else "faster"
            raise DiffersError(f"{side} than predicted", f"{per_frame} cycles per frame, not {predicted}")

    def codes(self) -> NDArray[Any]:
        """Return frames of codes: the export's random ones, and the two ends of the range."""
        vectors: NDArray[Any] = np.load(self.folder / "export" / "vectors.npz")["x"][:FRAMES].copy()
        spec = read_json(self.folder / "export" / "result.json")["input"]
        vectors[0], vectors[1] = spec["low"], spec["high"]
        return vectors

    def compare(
        self, accelerator: Accelerator, taps: Path, golden: Golden, codes: Any, found: Any, expected: Any
    ) -> None:
        """Compare every layer's stream and the output with the golden model."""
        difference, compared = first_layer(accelerator.design, taps, golden.layers(codes))
        self.figures["compared"] = len(compared)
        if difference is not None:
            layer = next(one for one in accelerator.design.layers if one.name == difference.layer)
            raise DiffersError(
                f"{layer.op} is wrong",
                f"{difference.layer}, tensor {difference.tensor!r}, frame {difference.frame}, index "
                f"{difference.index}: {difference.found}, not {difference.expected}",
            )
        if found.shape != expected.shape or not np.array_equal(found, expected):
            raise DiffersError("the output is wrong", f"{found[:1]} instead of {expected[:1]}")
