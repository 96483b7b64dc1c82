"""The order of the stages, and what each depends on: the only file that knows it."""

from fpga_flow.core.stage import Addition, Context, Stage
from fpga_flow.prune.verdict import fits_when_pruned
from fpga_flow.target.fit import fits
from fpga_flow.verify.verdict import verified


def _check_own_network(context: Context) -> None:
    from fpga_flow.own_network import check_frames  # torch takes a while to import

    check_frames(context)


_TRAINING_TOOLS = ("torch", "brevitas", "numpy", "g++", "processor")
_MODEL = ("models/{model}",)
_BOARD_IN_THE_LOOP = Addition(
    lambda recipe: recipe.prune.asks_hardware,
    "fpga_flow.until_fits",
    (
        "board",
        "hardware.clock_mhz",
        "hardware.fps",
        "hardware.implementation",
        "hardware.margin",
        "hardware.top_k",
        "export.input",
    ),
    ("finn-plus", "qonnx", "onnx", "adders"),
)
STAGES: tuple[Stage, ...] = (
    Stage(
        "train",
        "Train the quantised network.",
        (),
        ("seed", "data", "model", "quant", "train", "export.input"),
        _TRAINING_TOOLS,
        folders=_MODEL,
        files=("data.file", "model.file", "train.checkpoint", "train.distil.file"),
        needs_training=True,
        check=_check_own_network,
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
        _TRAINING_TOOLS,
        folders=_MODEL,
        files=("data.file", "model.file", "train.distil.file"),
        needs_training=True,
        judge=fits_when_pruned,
        addition=_BOARD_IN_THE_LOOP,
    ),
    Stage(
        "export",
        "Make a QONNX graph and golden vectors of it, or take in a network from outside.",
        ("prune",),
        ("data", "model", "quant", "train.checkpoint", "prune.quantise", "export"),
        ("torch", "brevitas", "qonnx", "onnx", "onnxruntime", "numpy", "processor"),
        folders=_MODEL,
        files=("data.file", "model.file"),
    ),
    Stage(
        "hardware",
        "Turn the graph into folded dataflow layers.",
        ("export",),
        ("board", "hardware"),
        ("finn-plus", "qonnx", "onnx", "g++", "verilator", "adders"),
        files=("hardware.folding", "hardware.fifos.file"),
    ),
    Stage(
        "estimate",
        "Estimate the hardware's resources, before any tool runs.",
        ("hardware",),
        ("board",),
        ("finn-plus", "qonnx"),
    ),
    Stage(
        "rtl",
        "Generate the accelerator's RTL.",
        ("hardware",),
        (),
        ("finn-plus",),
    ),
    Stage(
        "verify",
        "Simulate the whole accelerator and compare it with onnxruntime; prove layers for every input.",
        ("rtl", "export"),
        ("verify",),
        ("verilator", "g++", "onnxruntime", "yosys"),
        judge=verified,
    ),
    Stage(
        "synth",
        "Synthesise every layer and add up its resources.",
        ("rtl", "hardware", "estimate"),
        ("board",),
        ("yosys",),
        judge=fits,
    ),
    Stage(
        "bitstream",
        "Make a bitstream of the verified design with Vivado.",
        ("rtl", "verify"),
        ("board",),
        ("vivado",),
        on_demand=True,
    ),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)
