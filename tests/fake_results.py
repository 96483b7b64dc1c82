"""Results as the stages return them, of builds that never were."""

from typing import Any

SNRS = tuple(range(-20, 31, 2))
DATA = {
    "name": "signals",
    "source": "generated radio signals",
    "generated": True,
    "classes": 24,
    "snr_db": list(SNRS),
    "length": 1024,
}
OUTPUT = {
    "shape": [24], "decides": True, "reason": "why", "behind": [], "scale": 0.25, "offset": 0.0,
}  # fmt: skip
LAYERS = [f"conv{i}" for i in range(10)]
CHECKS = {
    "network": {"frames": 256, "tensors": 3, "differences": 0},
    "float": {
        "against": "the Brevitas network",
        "frames": 6240,
        "values": 1_000_000,
        "differences": 0,
        "explained": 0,
        "rounded": 0,
        "differing_frames": 0,
        "largest_step": 0,
        "class_differences": 0,
        "class_ties": 0,
        "class_unexplained": 0,
        "logit_error": 0.0,
        "first": None,
        "layers": {},
        "unexplained": 0,
    },
    "original": None,
}
"""Of an export."""


def curve(top: float) -> dict[str, float]:
    """An accuracy against SNR that rises from chance to `top`."""
    return {str(snr): 1 / 24 + (top - 1 / 24) / (1 + 2.0 ** (-(snr - 2) / 3)) for snr in SNRS}


def resources(scale: int) -> dict[str, int]:
    return {"lut": 100 * scale, "ff": 150 * scale, "bram18": scale, "dsp": 2 * scale}


def estimated(scale: int) -> dict[str, Any]:
    amounts = resources(scale)
    return {**amounts, "ranges": {key: (amount - 1, amount + scale) for key, amount in amounts.items()}}


def counts(scale: int) -> dict[str, int]:
    return {**resources(scale), "lutram": 3 * scale, "srl": 0, "carry": 4 * scale}


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
        "implementation": "finn",
        "cycles": cycles,
        "pe": pe,
        "simd": simd,
        "weights": None if nonzero is None else 1000,
        "nonzero": nonzero,
        "lane_use": None if nonzero is None else nonzero / 1000,
        "costs": {} if nonzero is None else {"finn": 500.0, "other": 700.0},
    }


def difference(layer: str) -> dict[str, Any]:
    """What `verify` says of a layer that differs."""
    return {"layer": layer, "tensor": "act3", "frame": 9, "index": [7], "expected": 1, "found": 2}


def proof(layer: str, reason: str = "", example: dict[str, Any] | None = None) -> dict[str, Any]:
    """What `verify` says of the proof of a layer; `example`: an input for which it differs."""
    return {
        "layer": layer,
        "how": "netlist",
        "values": None,
        "reason": reason,
        "counterexample": example,
    }


EXAMPLE = {"inputs": {5: 1}, "output": 7, "expected": 3, "found": 0}


def results() -> dict[str, dict[str, Any]]:
    """A whole build's results, by stage; fresh on every call."""
    hardware_layers = [
        hardware_layer(name, "MVAU_rtl", "matrix", 1000 * (i + 1), (2, 4), 50 * i)
        for i, name in enumerate(LAYERS)
    ]
    hardware_layers.append(hardware_layer("conv9_fifo", "StreamingFIFO_rtl", "fifo", 64, (None, None)))
    total = resources(55)
    evaluation = {
        "samples": 6240,
        "validation_samples": 8112,
        "by_class": {"OOK": 0.6, "4ASK": 0.7},
        "data": DATA,
    }
    return {
        "train": {
            **evaluation,
            "accuracy": {"float": 0.64, "quantised": 0.62},
            "by_snr": curve(0.95),
            "classes": ["OOK", "4ASK"],
            "origin": "trained from scratch",
            "epochs": {"quantised": 3},
        },
        "prune": {
            **evaluation,
            "accuracy": {"pruned": 0.615},
            "by_snr": curve(0.93),
            "method": "fmp",
            "target": 0.6,
            "weights": 122_880,
            "left": 20_000,
            "nonzero": 19_000,
            "layers": [
                {"name": f"conv{i}", "weights": 12288, "left": 12288 // (i + 1), "nonzero": 12288 // (i + 2)}
                for i in range(10)
            ],
            "rounds": [
                {"round": 1, "rate": 0.8, "density": 0.2, "accuracy": 0.61, "epochs": 2, "passed": True}
            ],
            "surgery": None,
            "taken": None,
            "instead": None,
        },
        "export": {
            "accuracy": {"golden": 0.615},
            "samples": 6240,
            "by_snr": curve(0.93),
            "stand_in": None,
            "output": OUTPUT,
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
            "input": {
                "datatype": "INT8",
                "shape": [2, 1024, 1],
                "frame_shape": [2, 1024],
                "steps": [],
                "scale": 0.015625,
                "zero": 0,
                "shift": 0,
                "edges": [],
                "declared": False,
                "low": -128,
                "high": 127,
                "rounding": "ROUND",
            },
            "logits": {"shape": [24], "scale": 0.25, "offset": 0.0, "error": 0.0},
            "classes": ["OOK", "4ASK"],
            "vectors": 256,
            "data": "generated radio signals",
            "checks": CHECKS,
        },
        "hardware": {
            "part": "xc7z020clg400-1",
            "clock_mhz": 100.0,
            "top_k": 1,
            "cycles_per_frame": 10_000,
            "latency_cycles": 25_000,
            "fps": 10_000.0,
            "target_fps": 10_000.0,
            "target_met": True,
            "bottleneck": LAYERS[-1],
            "layers": hardware_layers,
            "layer_keys": {name: name * 4 for name in LAYERS},
            "folding": {
                "target": "fps",
                "resources": total,
                "width_converters": {"count": 0, "uneven": 0, "lut": 0, "ff": 0},
                "synthesised_layers": {},
                "exact": True,
            },
            "fifos": {
                "method": "analytic",
                "bits_before": 11_292,
                "bits_after": 7_604,
                "finished": True,
                "cycles_per_frame": 10_000,
                "fastest_cycles_per_frame": 10_000,
                "latency_cycles": 25_000,
                "bottleneck": LAYERS[-1],
                "layer_cycles": {layer["name"]: layer["cycles"] for layer in hardware_layers},
                "simulated": None,
                "edges": [
                    {
                        "fifo": "conv9_fifo",
                        "producer": LAYERS[0],
                        "consumer": LAYERS[1],
                        "tensor": "act0",
                        "bits": 8,
                        "depth": 2,
                        "depth_before": 9,
                    }
                ],
            },
            "would_fit": None,
        },
        "estimate": {
            **estimated(55),
            "layers": {name: estimated(i + 1) for i, name in enumerate(LAYERS)},
            "finn": {
                **total,
                "layers": {name: {**resources(i + 1), "ff": None} for i, name in enumerate(LAYERS)},
                "missing": dict.fromkeys(total, 1),
            },
        },
        "rtl": {"layers": 11, "distinct": 11, "top": "accelerator"},
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
            "layer_frames": 4,
            "values_compared": dict.fromkeys(LAYERS, 4096),
            "proofs": [proof("conv1")],
            "accuracy": {"rtl": 0.6},
            "activity": {
                "first_cycle": 60_000,
                "part_cycles": 2_500,
                "streams": [
                    {
                        "layer": name,
                        "tensor": name,
                        "moves": [0, 500, 0, 5],
                        "waits": [2_500, 2_000, 0, 0],
                        "starves": [0, 0, 2_500, 2_495],
                    }
                    for name in LAYERS
                ],
            },
        },
        "synth": {
            "tool": "yosys 0.70",
            "part": "xc7z020clg400-1",
            **counts(55),
            "fmax_mhz": None,
            "logic_ns": 3.25,
            "slowest": LAYERS[3],
            "layers": {name: {**counts(i + 1), "logic_ns": 2.5} for i, name in enumerate(LAYERS)},
            "fits": True,
            "over": {},
            "board": {"name": "pynq-z1", "lut": 53_200, "ff": 106_400, "bram18": 280, "dsp": 220},
            "would_fit": None,
            "distinct": 11,
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
