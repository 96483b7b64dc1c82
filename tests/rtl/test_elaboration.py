"""Every module alone in two front ends, Verilator (all warnings) and Yosys' slang: legal parameters
elaborate, illegal ones stop with a message."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fpga_flow.core import toolchain
from fpga_flow.core.errors import ToolError
from fpga_flow.core.recipe import ROOT
from fpga_flow.core.toolchain import run_tool
from fpga_flow.sim.verilate import Sized, parameter_options
from fpga_flow.target.families import family_named, names
from tests.lint import lint
from tests.rtl.modules import HDL, Parameters, finn

FOREIGN = {
    "add_multi": finn("mvu/mvu_pkg.sv"),
    "mvu": finn("mvu/mvu_pkg.sv"),
    "mvu_vvu_axi": finn("mvu/mvu_pkg.sv", "mvu/replay_buffer.sv"),
}
DOT_SOURCES = [HDL / "df_dot.sv"]
SPARSE_SOURCES = [HDL / f"{name}.sv" for name in ("df_sequence", "df_sparse_product", "df_sparse_lane")]
OWN = {
    "df_matrix_vector": DOT_SOURCES,
    "df_depthwise": DOT_SOURCES,
    "df_register": [HDL / "fifo.sv"],
    "df_sparse_lane": SPARSE_SOURCES[1:2],
    "df_sparse_matrix": SPARSE_SOURCES,
    "mvu": [HDL / "add_multi.sv"],
    "mvu_vvu_axi": [HDL / "add_multi.sv", HDL / "mvu.sv"],
}
MVU: Parameters = {
    "IS_MVU": 1,
    "VERSION": 1,
    "MW": 12,
    "MH": 8,
    "PE": 4,
    "SIMD": 6,
    "ACTIVATION_WIDTH": 4,
    "WEIGHT_WIDTH": 4,
    "ACCU_WIDTH": 14,
    "NARROW_WEIGHTS": 1,
}
CORE: Parameters = {
    "PE": 4,
    "SIMD": 6,
    "WEIGHT_WIDTH": 4,
    "ACTIVATION_WIDTH": 4,
    "ACCU_WIDTH": 14,
    "NARROW_WEIGHTS": 1,
}
STREAM: Parameters = {"SETS": 1, "DEPTH": 12, "WIDTH": 9}
SELECT: Parameters = {"Labels": 24, "PE": 3, "Width": 14, "K": 1, "IndexWidth": 5}
ADD: Parameters = {"Channels": 8, "PE": 2, "InWidth": 9, "ConstWidth": 5, "OutWidth": 10}
MUL: Parameters = {"Channels": 8, "PE": 2, "InWidth": 9, "ConstWidth": 5, "OutWidth": 14}
SUM_OF_TWO: Parameters = {"PE": 3, "Width0": 4, "Width1": 7, "OutWidth": 9}
CONCAT: Parameters = {
    "Inputs": 3,
    "PE": 2,
    "Words": Sized.of([1, 4, 3]),
    "Widths": Sized.of([3, 4, 1]),
    "Signed": Sized.of([0, 1, 0], 1),
    "OutWidth": 4,
    "InBits": 16,
}
CONCAT_OF_ONE: Parameters = {
    "Inputs": 1,
    "PE": 1,
    "Words": Sized.of([1]),
    "Widths": Sized.of([1]),
    "OutWidth": 1,
    "InBits": 1,
}
SPLIT: Parameters = {"Outputs": 3, "Width": 5, "Words": Sized.of([1, 4, 3])}
GLOBAL: Parameters = {"Cols": 6, "Channels": 8, "PE": 2, "Width": 4, "OutWidth": 7}
DECIMATE: Parameters = {
    "Height": 7,
    "Width": 5,
    "Words": 2,
    "WordBits": 8,
    "RowKeep": 1,
    "RowStride": 3,
    "Rows": 3,
    "ColKeep": 2,
    "ColStride": 3,
    "Cols": 2,
}
POSITIONS: Parameters = {
    "Rows": 3,
    "Cols": 4,
    "Words": 2,
    "PE": 2,
    "InWidth": 5,
    "RowWidth": 2,
    "ColWidth": 3,
    "OutWidth": 9,
    "RowFactors": Sized.of([3, 2, 3], 2),
    "ColFactors": Sized.of([6, 4, 3, 6], 3),
}
REORDER: Parameters = {
    "Words": 24,
    "Width": 5,
    "Loops": 3,
    "Sizes": Sized.of([2, 3, 4]),
    "Strides": Sized.of([12, 1, 3]),
}
ZEROS: Parameters = {"Rows": 3, "Cols": 5, "Words": 2, "Width": 7, "RowStep": 2, "ColStep": 3}
UPSAMPLE: Parameters = {"Columns": 5, "Words": 3, "Width": 8, "ScaleX": 2, "ScaleY": 2}
POOL: Parameters = {"Window": 4, "PE": 3, "Width": 5}
OPERANDS: Parameters = {"ActWidth": 4, "WeightWidth": 3, "OutWidth": 12}
XNOR: Parameters = {"ActWidth": 1, "ActBipolar": 1, "WeightWidth": 1, "WeightSigned": 0, "WeightBipolar": 1}
KINDS: list[Parameters] = [
    *({**OPERANDS, "ActSigned": a, "WeightSigned": w} for a in (0, 1) for w in (0, 1)),
    *({**OPERANDS, "ActWidth": a, "WeightWidth": w, "OutWidth": 24} for a in (1, 8) for w in (1, 8)),
    {**OPERANDS, "ActWidth": 1, "ActBipolar": 1},
    {**OPERANDS, "WeightWidth": 1, "WeightSigned": 0, "WeightBipolar": 1},
    {**OPERANDS, **XNOR},
    {**OPERANDS, "OutWidth": 4},
    {**OPERANDS, **XNOR, "Popcount": 1},
]
DOT: Parameters = {"PE": 2, "Lanes": 6, "Fold": 3, **OPERANDS}
MATRIX: Parameters = {"MW": 12, "MH": 6, "SIMD": 4, "PE": 2, **OPERANDS}
DEPTHWISE: Parameters = {"Channels": 12, "Kernel": 6, "SIMD": 3, "PE": 2, **OPERANDS}
SEQUENCE: Parameters = {"Length": 5, "Width": 7}
PRODUCT: Parameters = {"ActWidth": 4, "WeightWidth": 4}
LANE: Parameters = {"Places": 4, **PRODUCT, "SumWidth": 12}
SPARSE: Parameters = {
    "MW": 12,
    "MH": 6,
    "SIMD": 2,
    "PE": 2,
    "Lanes": 8,
    "Steps": 7,
    "Places": 2,
    "SumWidth": 11,
    **OPERANDS,
}
CONSTANT_STEPS: Parameters = {
    "Lanes": 2,
    "Width": 4,
    "Steps": 3,
    "Thresholds": Sized.of([0, 3, 9, 2, 2, 16], 5),
}
DIGITS_IN: Parameters = {"Values": 12, "Lanes": 4, "Width": 4, "Digit": 2, "Interval": 6}
DIGITS_OUT: Parameters = {"Values": 12, "Lanes": 4, "Digit": 2, "Digits": 6, "Width": 12}
FIFO: Parameters = {"DEPTH": 2, "DATA_WIDTH": 8}
SUM: Parameters = {"N": 6, "DEPTH": 3, "ARG_WIDTH": 2, "ARG_LO": -1, "ARG_HI": 1}


def sources(module: str) -> list[Path]:
    """Return our sources of `module`."""
    return [*OWN.get(module, []), HDL / f"{module}.sv"]


STYLES = ("shift", "distributed", "block", "ultra")
LEGAL: dict[str, list[Parameters]] = {
    "fifo": [
        *({**FIFO, "DEPTH": depth} for depth in (1, 2, 3, 4, 5, 32, 33, 257, 258, 1025, 5000)),
        *({**FIFO, "DATA_WIDTH": bits, "DEPTH": 300} for bits in (1, 7, 64, 1000)),
        *({**FIFO, "DEPTH": 40, "RAM_STYLE": style} for style in STYLES),
    ],
    "add_multi": [
        *({**SUM, "N": n, "DEPTH": depth} for n in (1, 2, 3, 5, 8, 96) for depth in (0, 1, 3, 8)),
        *({**SUM, "ARG_WIDTH": bits, "ARG_LO": 0, "ARG_HI": 0} for bits in (1, 2, 17)),
    ],
    "memstream": [
        *({**STREAM, "DEPTH": depth} for depth in (1, 2, 3, 64, 1000)),
        *({**STREAM, "WIDTH": bits} for bits in (1, 8, 300)),
        *({**STREAM, "RAM_STYLE": style} for style in STYLES[1:]),
    ],
    "mvu": [
        *({**CORE, "PE": pe, "SIMD": simd} for pe in (1, 3, 9) for simd in (1, 2, 4, 8, 20)),
        *({**CORE, "WEIGHT_WIDTH": bits, "NARROW_WEIGHTS": bits % 2} for bits in (2, 5, 8, 25)),
        *({**CORE, "ACTIVATION_WIDTH": bits, "ACCU_WIDTH": 36} for bits in (2, 8, 16, 17)),
        *({**CORE, "VERSION": 2, "SIGNED_ACTIVATIONS": on, "FORCE_BEHAVIORAL": on} for on in (0, 1)),
        *({**CORE, "ACCU_WIDTH": bits} for bits in (2, 48)),
    ],
    "mvu_vvu_axi": [
        *({**MVU, "VERSION": 1, "PE": pe, "SIMD": simd} for pe in (1, 2, 8) for simd in (1, 3, 12)),
        *({**MVU, "VERSION": 2, "ACTIVATION_WIDTH": bits, "SIGNED_ACTIVATIONS": 1} for bits in (2, 6)),
    ],
    "df_pool": [
        *({**POOL, "Window": window, "Signed": signed} for window in (1, 2, 3, 9) for signed in (0, 1)),
        *({**POOL, "PE": pe, "Width": bits} for pe in (1, 64) for bits in (1, 8)),
        *({**POOL, "Function": "sum", "Shift": shift, "OutWidth": 7 - shift} for shift in (0, 2)),
    ],
    "df_label_select": [
        *({**SELECT, "PE": pe, "K": k, "Signed": 1} for pe in (1, 2, 24) for k in (1, 3)),
        {"Labels": 2, "PE": 1, "Width": 1, "K": 2, "IndexWidth": 8},
    ],
    "df_channel_add": [
        *({**ADD, "PE": pe, "InSigned": pe % 2} for pe in (1, 2, 8)),
        {**ADD, "ConstSigned": 0, "InWidth": 3, "OutWidth": 6},
        {**ADD, "Init": (1 << 40) - 1},
    ],
    "df_channel_mul": [
        *({**MUL, "PE": pe, "InSigned": pe % 2, "ConstSigned": pe // 8} for pe in (1, 2, 8)),
        {**MUL, "InWidth": 1, "ConstWidth": 1, "OutWidth": 1, "Channels": 1, "PE": 1},
        {**MUL, "InWidth": 24, "ConstWidth": 24, "OutWidth": 48},
        {**MUL, "Init": (1 << 40) - 1},
    ],
    "df_add": [
        *({**SUM_OF_TWO, "Signed0": a, "Signed1": b} for a in (0, 1) for b in (0, 1)),
        {"PE": 1, "Width0": 1, "Width1": 48, "OutWidth": 49},
    ],
    "df_mul": [
        *({**SUM_OF_TWO, "Signed0": a, "Signed1": b, "OutWidth": 11} for a in (0, 1) for b in (0, 1)),
        {"PE": 1, "Width0": 1, "Width1": 24, "OutWidth": 25},
        {"PE": 2, "Width0": 16, "Width1": 16, "OutWidth": 9},
    ],
    "df_fork": [{"Width": bits, "Outputs": count} for bits in (1, 8, 500) for count in (2, 3, 9)],
    "df_concat": [CONCAT, CONCAT_OF_ONE, {**CONCAT, "OutWidth": 40, "Signed": Sized.of([1, 1, 1], 1)}],
    "df_split": [SPLIT, {"Outputs": 1, "Width": 1, "Words": Sized.of([1])}],
    "df_block_pool": [
        *(
            {**GLOBAL, "PE": pe, "Signed": signed, "Function": function}
            for pe in (1, 8)
            for signed in (0, 1)
            for function in ("sum", "max")
        ),
        {**GLOBAL, "Cols": 1, "OutWidth": 4},
        *({**GLOBAL, "Rows": 2, "Blocks": blocks, "PE": pe} for blocks in (1, 5) for pe in (2, 8)),
        {**GLOBAL, "Cols": 4096, "Channels": 512, "PE": 1, "OutWidth": 16},
    ],
    "df_decimate": [
        *({**DECIMATE, "Words": words, "WordBits": bits} for words in (1, 7) for bits in (1, 64)),
        {**DECIMATE, "Width": 1, "ColKeep": 1, "ColStride": 1, "Cols": 1},
    ],
    "df_position_mul": [
        *({**POSITIONS, "InSigned": signed, "Words": words} for signed in (0, 1) for words in (1, 3)),
        {**POSITIONS, "Rows": 1, "RowWidth": 1, "RowFactors": Sized.of([1], 1), "OutWidth": 4},
    ],
    "df_reorder": [
        REORDER,
        {"Words": 2, "Width": 1, "Loops": 1, "Sizes": Sized.of([2]), "Strides": Sized.of([1])},
        {"Words": 1000, "Width": 9, "Loops": 2, "Sizes": Sized.of([100, 10]), "Strides": Sized.of([10, 1])},
    ],
    "df_insert_zeros": [
        *({**ZEROS, "RowStep": rows, "ColStep": cols} for rows in (1, 4) for cols in (1, 2)),
        {**ZEROS, "Rows": 1, "Cols": 1, "Words": 1},
    ],
    "df_upsample": [
        *({**UPSAMPLE, "ScaleX": x, "ScaleY": y} for x in (1, 2, 3) for y in (1, 2, 5)),
        *({**UPSAMPLE, "Columns": columns, "Words": words} for columns in (1, 64) for words in (1, 16)),
        {"Columns": 1, "Words": 1, "Width": 1, "ScaleX": 1, "ScaleY": 1},
    ],
    "df_dot": [
        *({**DOT, **kind} for kind in KINDS),
        *({**DOT, "Lanes": lanes, "Fold": fold} for lanes in (1, 4, 5, 33, 257) for fold in (1, 2)),
        *({**DOT, **XNOR, "Lanes": lanes, "Fold": fold} for lanes in (1, 5, 33) for fold in (1, 2)),
        *({**DOT, **kind, "Shared": 0} for kind in KINDS[-5:]),
        *({**DOT, "ActWidth": bits, "InLuts": 1, "ActSigned": bits % 2} for bits in (1, 3, 8)),
    ],
    "df_matrix_vector": [
        *({**MATRIX, "SIMD": simd, "PE": pe} for simd in (1, 4, 12) for pe in (1, 2, 6)),
        *({**MATRIX, "RamStyle": style} for style in ("block", "distributed")),
        {**MATRIX, **XNOR},
        {**MATRIX, "MW": 1, "MH": 1, "SIMD": 1, "PE": 1, "Init": Sized.of([5], 3)},
    ],
    "df_depthwise": [
        *({**DEPTHWISE, "SIMD": simd, "PE": pe} for simd in (1, 3, 6) for pe in (1, 12)),
        *({**DEPTHWISE, "RamStyle": style} for style in ("block", "distributed")),
        {**DEPTHWISE, **XNOR},
        {**DEPTHWISE, "Channels": 1, "Kernel": 1, "SIMD": 1, "PE": 1, "Init": Sized.of([5], 3)},
    ],
    "df_register": [{"DataWidth": bits} for bits in (1, 8, 500)],
    "df_sequence": [
        *({**SEQUENCE, "Length": length, "Width": bits} for length in (1, 2, 5, 100) for bits in (1, 70)),
        *({**SEQUENCE, "RamStyle": style} for style in ("block", "distributed")),
        {"Length": 2, "Width": 3, "Init": Sized.of([5, 2], 3)},
    ],
    "df_sparse_product": [
        *({"ActWidth": a, "WeightWidth": w} for a in (1, 3, 4, 5, 8) for w in (1, 2, 3, 5, 7, 8)),
        *({**PRODUCT, "ActSigned": a, "WeightSigned": w} for a in (0, 1) for w in (0, 1)),
        {**PRODUCT, "InLuts": 0},
    ],
    "df_sparse_lane": [
        *({**LANE, "Places": places} for places in (1, 2, 3, 16)),
        *({**LANE, "ActSigned": a, "WeightSigned": w, "SumWidth": 3} for a in (0, 1) for w in (0, 1)),
        {**LANE, "InLuts": 0},
    ],
    "df_sparse_matrix": [
        *(
            {**SPARSE, "SIMD": s, "PE": p, "Lanes": s * p * k}
            for s in (1, 3, 4)
            for p in (1, 3)
            for k in (1, 2)
        ),
        *({**SPARSE, "RamStyle": style} for style in ("block", "distributed")),
        *({**SPARSE, "ActSigned": a, "WeightSigned": w} for a in (0, 1) for w in (0, 1)),
        {**SPARSE, "Steps": 1, "Places": 1, "InLuts": 0},
        {**SPARSE, "MW": 34, "SIMD": 17, "PE": 1, "Lanes": 17},
        {**SPARSE, "MW": 1, "MH": 1, "SIMD": 1, "PE": 1, "Lanes": 1, "Steps": 1, "List": Sized.of([27], 5)},
    ],
    "df_constant_thresholds": [
        *({**CONSTANT_STEPS, "Packed": packed, "PerStage": 1 + packed} for packed in (0, 1)),
        {**CONSTANT_STEPS, "Signed": 1},
        *({"Lanes": 1, "Width": bits, "Steps": steps} for bits in (1, 12) for steps in (1, 2, 7, 31)),
    ],
    "df_clip": [
        *({"Lanes": 3, "Width": 12, "Signed": 1, "Shift": shift, "OutWidth": 4} for shift in (0, 8, 12)),
        {"Lanes": 1, "Width": 1, "OutWidth": 1},
        {"Lanes": 1, "Width": 4, "OutWidth": 8, "Offsets": Sized.of([31], 5)},
    ],
    "df_digit_adder": [
        {"Width": bits, "Subtract": bits % 2, "Packed": int(bits < 6)} for bits in range(1, 9)
    ],
    "df_digits_in": [
        *({**DIGITS_IN, "Digit": bits, "Signed": bits % 2} for bits in (1, 3, 4, 7)),
        *({**DIGITS_IN, "Lanes": lanes, "Interval": 1} for lanes in (1, 12)),
        *({**DIGITS_IN, "Width": 1, "Bipolar": 1, "Digit": bits} for bits in (1, 2, 3)),
        {"Values": 1, "Lanes": 1, "Width": 1, "Digit": 1, "Interval": 1},
    ],
    "df_digits_out": [
        *({**DIGITS_OUT, "Width": bits, "Signed": bits % 2} for bits in (1, 11, 12, 15)),
        *({**DIGITS_OUT, "Lanes": lanes, "Digits": 1} for lanes in (1, 12)),
        {"Values": 1, "Lanes": 1, "Digit": 1, "Digits": 1, "Width": 1},
    ],
    "df_tap": [{"Width": bits, "Name": "tap"} for bits in (1, 8, 500)],
}


@dataclass(frozen=True)
class Illegal:
    """Parameters that must be refused, and what the message must say."""

    module: str
    parameters: Parameters
    message: str


ILLEGAL = [
    Illegal("fifo", {**FIFO, "DEPTH": 0}, "DEPTH must be at least 1, not 0"),
    Illegal("fifo", {**FIFO, "RAM_STYLE": "paper"}, "RAM_STYLE must be .*, not paper"),
    Illegal("add_multi", {**SUM, "ARG_LO": 2, "ARG_HI": 1}, "ARG_LO must not be above ARG_HI, not 2 > 1"),
    Illegal("memstream", {**STREAM, "SETS": 2}, "SETS must be 1, not 2"),
    Illegal("memstream", {**STREAM, "DEPTH": 0}, "DEPTH must be at least 1, not 0"),
    Illegal("mvu", {**CORE, "VERSION": 3}, "VERSION must be 1 or 2, not 3"),
    Illegal("mvu", {**CORE, "WEIGHT_WIDTH": 1}, "WEIGHT_WIDTH must be 2 to 25, not 1"),
    Illegal("mvu", {**CORE, "ACTIVATION_WIDTH": 18}, "ACTIVATION_WIDTH must be 2 to 17, not 18"),
    Illegal("mvu", {**CORE, "ACCU_WIDTH": 49}, "ACCU_WIDTH must be 2 to 48, not 49"),
    Illegal("mvu_vvu_axi", {**MVU, "IS_MVU": 0}, "IS_MVU must be 1"),
    Illegal("mvu_vvu_axi", {**MVU, "VERSION": 3}, "VERSION must be 1 or 2, not 3"),
    Illegal("mvu_vvu_axi", {**MVU, "PUMPED_COMPUTE": 1}, "PUMPED_COMPUTE must be 0"),
    Illegal("mvu_vvu_axi", {**MVU, "SIMD": 5}, "MW must be a multiple of SIMD, not 12 and 5"),
    Illegal("df_pool", {**POOL, "Function": "min"}, "Function must be max or sum, not min"),
    Illegal("df_pool", {**POOL, "OutWidth": 4}, "max needs OutWidth = Width"),
    Illegal("df_label_select", {**SELECT, "PE": 5}, "Labels must be a multiple of PE, not 24 and 5"),
    Illegal("df_label_select", {**SELECT, "K": 25}, "K must be 1 to Labels .24., not 25"),
    Illegal("df_label_select", {**SELECT, "IndexWidth": 4}, "IndexWidth must hold 23, 4 bits do not"),
    Illegal("df_channel_add", {**ADD, "PE": 3}, "Channels must be a multiple of PE, not 8 and 3"),
    Illegal("df_channel_mul", {**MUL, "PE": 3}, "Channels must be a multiple of PE, not 8 and 3"),
    Illegal("df_add", {**SUM_OF_TWO, "OutWidth": 6}, "OutWidth must be at least .* not 6, 4 and 7"),
    Illegal("df_mul", {**SUM_OF_TWO, "OutWidth": 12}, "OutWidth must be 1 to 11, not 12"),
    Illegal("df_dot", {**DOT, "Fold": 0}, "PE, Lanes and Fold must be at least 1, not 2, 6 and 0"),
    Illegal("df_dot", {**DOT, "OutWidth": 0}, "widths must be at least 1, not 4, 3 and 0"),
    Illegal("df_dot", {**DOT, "ActBipolar": 1}, "bipolar operands must have 1 bit, not 4 and 3"),
    Illegal("df_dot", {**DOT, "Popcount": 1}, "Popcount needs bipolar activations and weights"),
    Illegal("df_dot", {**DOT, **XNOR, "OutWidth": 1}, "OutWidth must be at least 2"),
    Illegal("df_matrix_vector", {**MATRIX, "PE": 4}, "MH must be a multiple of PE, not 6 and 4"),
    Illegal("df_matrix_vector", {**MATRIX, "SIMD": 5}, "MW must be a multiple of SIMD, not 12 and 5"),
    Illegal("df_matrix_vector", {**MATRIX, "RamStyle": "ultra"}, "RamStyle must be .*, not ultra"),
    Illegal("df_depthwise", {**DEPTHWISE, "PE": 5}, "Channels must be a multiple of PE, not 12 and 5"),
    Illegal("df_depthwise", {**DEPTHWISE, "SIMD": 4}, "Kernel must be a multiple of SIMD, not 6 and 4"),
    Illegal("df_depthwise", {**DEPTHWISE, "RamStyle": "ultra"}, "RamStyle must be .*, not ultra"),
    Illegal("df_register", {"DataWidth": 0}, "DATA_WIDTH must be at least 1, not 0"),
    Illegal("df_sequence", {**SEQUENCE, "RamStyle": "ultra"}, "RamStyle must be .*, not ultra"),
    Illegal("df_sparse_product", {**PRODUCT, "ActWidth": 9}, "widths must be 1 to 8, not 9 and 4"),
    Illegal("df_sparse_lane", {**LANE, "Places": 0}, "Places must be at least 1, not 0"),
    Illegal("df_sparse_matrix", {**SPARSE, "PE": 4}, "MH must be a multiple of PE, not 6 and 4"),
    Illegal(
        "df_sparse_matrix", {**SPARSE, "SIMD": 5, "Lanes": 10}, "MW must be a multiple of SIMD, not 12 and 5"
    ),
    Illegal(
        "df_sparse_matrix", {**SPARSE, "Lanes": 6}, "Lanes must be a multiple of SIMD . PE, not 6 and 2 . 2"
    ),
    Illegal("df_sparse_matrix", {**SPARSE, "Steps": 0}, "Steps must be at least 1, not 0"),
    Illegal("df_constant_thresholds", {"Lanes": 1, "Width": 4, "Steps": 32}, "Steps must be 1 to 31, not 32"),
    Illegal(
        "df_constant_thresholds",
        {**CONSTANT_STEPS, "Thresholds": Sized.of([0, 9, 3, 2, 2, 16], 5)},
        "thresholds of lane 0 must ascend",
    ),
    Illegal("df_clip", {"Lanes": 0, "Width": 4, "OutWidth": 2}, "must be at least 1, not 0, 4 and 2"),
    Illegal("df_digit_adder", {"Width": 0}, "Width must be at least 1, not 0"),
    Illegal("df_digits_in", {**DIGITS_IN, "Lanes": 5}, "Values must be a multiple of Lanes, not 12 and 5"),
    Illegal("df_digits_in", {**DIGITS_IN, "Interval": 0}, "must be at least 1, not 4, 2 and 0"),
    Illegal("df_digits_in", {**DIGITS_IN, "Bipolar": 1}, "bipolar values must have 1 bit, not 4"),
    Illegal("df_digits_out", {**DIGITS_OUT, "Lanes": 5}, "Values must be a multiple of Lanes, not 12 and 5"),
    Illegal("df_fork", {"Width": 4, "Outputs": 1}, "Outputs must be at least 2, not 1"),
    Illegal("df_concat", {**CONCAT, "InBits": 15}, "InBits must be PE times the sum of Widths .16., not 15"),
    Illegal("df_concat", {**CONCAT, "OutWidth": 3}, "OutWidth must hold the 4 bits of input 1, not 3"),
    Illegal("df_concat", {**CONCAT, "Words": Sized.of([1, 4, 0])}, "input 2 must have at least 1 word"),
    Illegal("df_split", {**SPLIT, "Words": Sized.of([1, 0, 1])}, "output 1 must have at least 1 word"),
    Illegal("df_block_pool", {**GLOBAL, "Function": "mean"}, "Function must be max or sum, not mean"),
    Illegal("df_block_pool", {**GLOBAL, "Blocks": 0}, "must be at least 1, not 1, 6, 0"),
    Illegal("df_block_pool", {**GLOBAL, "OutWidth": 3}, "OutWidth must be at least Width"),
    Illegal("df_decimate", {**DECIMATE, "Rows": 4}, "4 times 1 of 3 rows must fit into 7"),
    Illegal("df_decimate", {**DECIMATE, "ColKeep": 4}, "2 times 4 of 3 columns must fit into 5"),
    Illegal("df_decimate", {**DECIMATE, "Words": 0}, "must be at least 1, not 7, 5, 0 and 8"),
    Illegal("df_position_mul", {**POSITIONS, "PE": 0}, "must be at least 1, not 3, 4, 2 and 0"),
    Illegal("df_reorder", {**REORDER, "Words": 25}, "each of 25 words once, not 24 words up to 23"),
    Illegal("df_insert_zeros", {**ZEROS, "ColStep": 0}, "must be at least 1, not 2 and 0"),
    Illegal("df_upsample", {**UPSAMPLE, "ScaleX": 0}, "must be at least 1, not 0 and 2"),
    Illegal("df_block_pool", {**GLOBAL, "PE": 3}, "Channels must be a multiple of PE, not 8 and 3"),
]


def yosys(commands: list[str], folder: Path) -> None:
    """Run Yosys commands in one process of its own."""
    script = folder / "script.ys"
    script.write_text("\n".join(commands) + "\n")
    tool = toolchain.yosys()
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    found = replace(tool, environment={**tool.environment, "PYTHONPATH": path})
    run_tool(found, [str(script)], folder, folder / "log.txt")


def slang(module: str, parameters: Parameters) -> str:
    """Return the Yosys command that elaborates `module`; vendor primitives stay empty."""
    ignored = "--ignore-assertions" if module == "mvu_vvu_axi" else ""  # FINN's replay_buffer has some
    boxes = [box for name in names() for box in family_named(name).black_boxes.items()]
    extra = " ".join(f"--blackboxed-module {name} {file}" for name, file in boxes)
    options = " ".join(parameter_options(parameters))
    files = " ".join(str(path) for path in (*FOREIGN.get(module, []), *sources(module)))
    return f"read_slang {ignored} {options} --top {module} {extra} {files}"


@pytest.mark.parametrize("module", LEGAL)
def test_module_is_clean_in_verilator_over_its_parameters(module: str) -> None:
    for parameters in LEGAL[module]:
        lint(module, sources(module), parameters, FOREIGN.get(module, []))


@pytest.mark.parametrize("module", LEGAL)
def test_module_elaborates_in_yosys_over_its_parameters(module: str, tmp_path: Path) -> None:
    # `check -assert`: no loops, no multiple drivers, nothing undriven.
    after = ["hierarchy -check", "proc", "check -assert"]
    commands = [["design -reset", slang(module, parameters), *after] for parameters in LEGAL[module]]
    yosys([command for group in commands for command in group], tmp_path)


@pytest.mark.parametrize("case", ILLEGAL, ids=lambda case: f"{case.module}: {case.message}")
def test_wrong_parameters_stop_the_elaboration(case: Illegal, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=case.message):
        lint(case.module, sources(case.module), case.parameters, FOREIGN.get(case.module, []))
    with pytest.raises(ToolError, match=case.message):
        yosys([slang(case.module, case.parameters)], tmp_path)
