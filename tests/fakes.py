"""Stages that do no work, and results as the real ones return them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fpga_flow.core import artifact
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.pipeline import flow

SNRS = tuple(range(-20, 31, 2))
DATA = {"name": "signals", "generated": True, "classes": 24, "snr_db": list(SNRS)}
LAYERS = [f"MVAU_rtl_{i}" for i in range(10)]
EFFORT = {"verify": {"cycles_per_second": 9000.0}}


def curve(top: float) -> dict[str, float]:
    """An accuracy against SNR that rises from chance to `top`."""
    return {str(snr): 1 / 24 + (top - 1 / 24) / (1 + 2.0 ** (-(snr - 2) / 3)) for snr in SNRS}


def resources(scale: int) -> dict[str, int]:
    return {"lut": 100 * scale, "ff": 150 * scale, "bram18": scale, "dsp": 2 * scale}


def hardware_layer(
    name: str,
    op: str,
    kind: str,
    cycles: int,
    folding: tuple[int | None, int | None],
    nonzero: int | None = None,
) -> dict[str, Any]:
    pe, simd = folding
    return {
        "name": name,
        "op": op,
        "kind": kind,
        "cycles": cycles,
        "pe": pe,
        "simd": simd,
        "weights": None if nonzero is None else 1000,
        "nonzero": nonzero,
    }


def results() -> dict[str, dict[str, Any]]:
    """A whole build's results, by stage; fresh on every call."""
    hardware_layers = [
        hardware_layer(name, "MVAU_rtl", "matrix", 1000 * (i + 1), (2, 4), 50 * i)
        for i, name in enumerate(LAYERS)
    ]
    hardware_layers.append(
        hardware_layer("StreamingFIFO_rtl_0", "StreamingFIFO_rtl", "fifo", 64, (None, None))
    )
    total = resources(55)
    by_layer = {name: resources(i + 1) for i, name in enumerate(LAYERS)}
    return {
        "train": {
            "accuracy": {"float": 0.64, "quantised": 0.62},
            "samples": 6240,
            "by_snr": curve(0.95),
            "data": DATA,
        },
        "prune": {
            "accuracy": {"pruned": 0.615},
            "samples": 6240,
            "by_snr": curve(0.93),
            "layers": [
                {"name": f"conv{i}", "weights": 12288, "nonzero": 12288 // (i + 2)} for i in range(10)
            ],
            "data": DATA,
        },
        "export": {
            "accuracy": {"golden": 0.615},
            "samples": 6240,
            "by_snr": curve(0.93),
            "bits": 4,
            "cost": {
                "weights": 159_104,
                "nonzero": 17_018,
                "macs": 12_864_512,
                "nonzero_macs": 1_527_286,
                "bit_ops": 24_436_576,
                "weight_bits": 68_072,
                "itu_score": 0.0424668,
            },
            "scores": {
                "course_parameters": None,
                "course_operations": None,
                "micronet": None,
                "layers": [
                    {
                        "name": "conv0",
                        "weights": 384,
                        "nonzero": 96,
                        "sparsity": 0.75,
                        "bits": 4,
                        "act_bits": 8,
                        "macs": 393_216,
                        "nonzero_macs": 98_304,
                        "bit_ops": 3_145_728,
                        "weight_bits": 384,
                    },
                ],
            },
            "data": "generated radio signals",
        },
        "hardware": {
            "clock_mhz": 100.0,
            "cycles_per_frame": 10_000,
            "fps": 10_000.0,
            "target_fps": 10_000.0,
            "bottleneck": LAYERS[-1],
            "layers": hardware_layers,
            "fifos": {"method": "analytic", "bits_before": 11_292, "bits_after": 7_604},
        },
        "estimate": {**total, "layers": by_layer},
        "rtl": {},
        "verify": {
            "simulator": "verilator 5.48.0",
            "samples": 256,
            "mismatches": 0,
            "first_difference": None,
            "measured_cycles_per_frame": 10_000,
            "measured_latency_cycles": 25_000,
            "stalls": True,
            "sets": [{"stalls": stalls, "frames": 256, "mismatches": 0} for stalls in (False, True)],
            "layers_compared": LAYERS,
            "layers_not_reached": [],
            "accuracy": {"rtl": 0.6},
        },
        "synth": {
            "tool": "yosys 0.70",
            "part": "xc7z020clg400-1",
            **total,
            "fmax_mhz": None,
            "layers": by_layer,
            "fits": True,
            "over": {},
        },
        "bitstream": {
            "tool": "vivado 2022.2",
            "part": "xc7z020clg400-1",
            "file": "accelerator.bit",
            "digest": "0" * 64,
            "clock_mhz": 100.0,
            "slack_ns": 0.5,
            "fmax_mhz": 105.0,
            **total,
        },
    }


@dataclass(frozen=True)
class FakeStage(flow.Stage):
    """A stage that does `work` instead of its own."""

    work: Callable[[flow.Context], Mapping[str, Any]] | None = None

    def run(self, context: flow.Context) -> dict[str, Any]:
        assert self.work is not None
        if self.name in EFFORT:
            artifact.write_json(context.folder / artifact.EFFORT, EFFORT[self.name])
        return dict(self.work(context))


def stages(
    table: Mapping[str, Mapping[str, Any]] | None = None, **work: Callable[..., Any]
) -> tuple[FakeStage, ...]:
    """The real stages' order, inputs and recipe parts, returning `table`; `work` replaces single ones.

    They need no tools and depend on no code.
    """
    table = results() if table is None else table
    return tuple(
        FakeStage(
            **{
                **vars(replace(stage, tools=(), folders=())),
                "work": work.get(stage.name, lambda _, r=table[stage.name]: r),
            }
        )
        for stage in flow.STAGES
    )


BUILT = tuple(stage.name for stage in flow.STAGES if not stage.on_demand)
"""The stages of a plain build, in order."""


def recipe(**parts: Any) -> Recipe:
    """A recipe whose named files all exist."""
    return make_recipe({"name": "signals", **parts})


def run_of(folder: Path, **parts: Any) -> flow.Run:
    return flow.new_run(folder, recipe(**parts))
