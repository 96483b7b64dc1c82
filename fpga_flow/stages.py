"""The order of the stages, and what each depends on: the only file that knows it."""

from fpga_flow import verdict
from fpga_flow.stage import Stage

_TRAINING = ("fpga_flow/train", "fpga_flow/data", "fpga_flow/quantise.py", "models/{model}")
_TRAINING_TOOLS = ("torch", "brevitas", "numpy", "g++", "processor")
_SIMULATOR = tuple(
    f"fpga_flow/verify/{name}"
    for name in (
        "simulator.py",
        "compiled.py",
        "outcome.py",
        "verilate.py",
        "tuning.py",
        "cache.py",
        "harness.cpp",
        "harness.h",
        "runtime.cpp",
    )
)
"""What FIFO depths are simulated with."""
_EXPLAINING = tuple(
    f"fpga_flow/fifos/{name}.py" for name in ("explain", "deadlock", "simulated", "sizing", "tokens")
)
"""What a deadlock is explained with."""
_SYNTHESISED = ("fpga_flow/synthesised.py", "fpga_flow/digests.py", "fpga_flow/synth")
"""What synthesis found out of single layers, for folding."""
_SCORES = tuple(f"fpga_flow/scores/{name}.py" for name in ("counts", "cifar_course", "micronet", "sparsity"))
"""What a network costs, for the report."""
STAGES: tuple[Stage, ...] = (
    Stage(
        "train",
        "Train the quantised network.",
        (),
        ("seed", "data", "model", "quant", "train", "export.input"),
        _TRAINING,
        _TRAINING_TOOLS,
        files=("data.file", "model.file", "train.checkpoint", "train.distil.file"),
        needs_training=True,
    ),
    Stage(
        "prune",
        "Prune it in rounds, as far as its accuracy allows, and take out what does nothing.",
        ("train",),
        (
            "seed",
            "data",
            "model",
            "quant",
            "train.batch",
            "train.checkpoint",
            "train.rotate",
            "train.distil",
            "train.calibration",
            "prune",
            "surgery",
        ),  # fmt: skip
        ("fpga_flow/prune", "fpga_flow/surgery", *_TRAINING),
        _TRAINING_TOOLS,
        files=("data.file", "model.file", "train.distil.file"),
        needs_training=True,
    ),
    Stage(
        "export",
        "Make a QONNX graph and golden vectors of it, or take in a network from outside.",
        ("prune",),
        ("data", "model", "quant", "train.checkpoint", "prune.quantise", "export"),
        ("fpga_flow/export", "fpga_flow/golden.py", "fpga_flow/output.py", *_SCORES, *_TRAINING),
        ("torch", "brevitas", "qonnx", "onnx", "onnxruntime", "numpy", "processor"),
        files=("data.file", "model.file"),
    ),
    Stage(
        "hardware",
        "Turn the graph into folded dataflow layers.",
        ("export",),
        ("board", "hardware"),
        (
            "fpga_flow/hardware",
            "fpga_flow/output.py",
            "fpga_flow/quantise.py",
            "fpga_flow/fifos",
            "fpga_flow/finn_adapter",
            "fpga_flow/boards.py",
            *_SYNTHESISED,
            "fpga_flow/rtl",
            *_SIMULATOR,
            "fpga_flow/design.py",
        ),
        ("finn-plus", "qonnx", "onnx", "g++", "verilator"),
        files=("hardware.folding", "hardware.fifos.file"),
    ),
    Stage(
        "estimate",
        "Estimate the hardware's resources, before any tool runs.",
        ("hardware",),
        ("board",),
        (
            "fpga_flow/estimate",
            "fpga_flow/finn_adapter",
            "fpga_flow/boards.py",
        ),
        ("finn-plus", "qonnx"),
    ),
    Stage(
        "rtl",
        "Generate the accelerator's RTL.",
        ("hardware",),
        (),
        ("fpga_flow/rtl", "fpga_flow/finn_adapter", "fpga_flow/design.py"),
        ("finn-plus",),
    ),
    Stage(
        "verify",
        "Simulate the whole accelerator and compare it with onnxruntime.",
        ("rtl", "export"),
        ("verify",),
        ("fpga_flow/verify", *_EXPLAINING, "fpga_flow/design.py", "fpga_flow/golden.py"),
        ("verilator", "g++", "onnxruntime"),
        judge=verdict.verified,
    ),
    Stage(
        "synth",
        "Synthesise every layer and add up its resources.",
        ("rtl", "hardware"),
        ("board",),
        (*_SYNTHESISED, "fpga_flow/design.py", "fpga_flow/boards.py"),
        ("yosys",),
        judge=verdict.fits,
    ),
    Stage(
        "bitstream",
        "Make a bitstream of the verified design with Vivado.",
        ("rtl", "verify"),
        ("board",),
        ("fpga_flow/bitstream", "fpga_flow/deploy/results.py", "fpga_flow/design.py", "fpga_flow/boards.py"),
        ("vivado",),
        on_demand=True,
    ),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)
FILE_KEYS = frozenset(key for stage in STAGES for key in stage.files)
"""Keys of the recipe that name files."""
