"""`mvu.sv`: exact sums, and in every cycle those of FINN's own `mvu` and of Yosys' model of the DSP slice."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core import toolchain
from fpga_flow.sim.simulator import Port, Simulator
from tests.rtl.modules import HDL, Integers, finn, integers
from tests.words import pack_words, unpack_words

OURS = HDL / "mvu.sv"
PACKAGE, FINNS = finn("mvu/mvu_pkg.sv", "mvu/mvu.sv")
BENCH = """
// Three cores side by side: ours with the model of the DSP slice, ours with Yosys' DSP48E1, FINN's.
module bench #(
  parameter int unsigned VERSION, PE, SIMD, WEIGHT_WIDTH, ACTIVATION_WIDTH, ACCU_WIDTH,
  parameter bit SIGNED_ACTIVATIONS, NARROW_WEIGHTS
) (
  input logic clk_i, input logic rst_ni,
  input logic [1+SIMD*ACTIVATION_WIDTH+PE*SIMD*WEIGHT_WIDTH-1:0] data_i,
  input logic valid_i, output logic ready_o,
  output logic [PE*ACCU_WIDTH-1:0] data_o, output logic valid_o, input logic ready_i
);
  logic last, en;
  logic [SIMD-1:0][ACTIVATION_WIDTH-1:0] a;
  logic [PE-1:0][SIMD-1:0][WEIGHT_WIDTH-1:0] w;
  assign {last, a, w} = data_i;
  logic [PE*ACCU_WIDTH-1:0] p[3];
  logic vld[3];
  assign en = !vld[0] || ready_i;
  assign ready_o = en;
  assign valid_o = vld[0];
  assign data_o = p[0];
`define CORE(NAME, INDEX) NAME #( \\
    .VERSION(VERSION), .PE(PE), .SIMD(SIMD), .WEIGHT_WIDTH(WEIGHT_WIDTH), \\
    .ACTIVATION_WIDTH(ACTIVATION_WIDTH), .ACCU_WIDTH(ACCU_WIDTH), \\
    .SIGNED_ACTIVATIONS(SIGNED_ACTIVATIONS), .NARROW_WEIGHTS(NARROW_WEIGHTS) \\
  ) NAME``_core ( \\
    .clk(clk_i), .rst(!rst_ni), .en, .last(last && valid_i), .zero(!valid_i && en), .w, .a, \\
    .vld(vld[INDEX]), .p(p[INDEX]) \\
  );
  `CORE(mvu, 0)
  if (VERSION == 1) begin
    `CORE(mvu_dsp, 1)
  end else begin
    assign {vld[1], p[1]} = {vld[0], p[0]};
  end
  `CORE(mvu_finn, 2)
  always_ff @(posedge clk_i) for (int i = 1; i < 3; i++) begin
    assert (!rst_ni || vld[i] === vld[0]) else $error("vld of core %0d differs", i);
    assert (!rst_ni || !vld[0] || p[i] === p[0]) else $error("p of core %0d: %h, not %h", i, p[i], p[0]);
  end
endmodule
"""


@dataclass(frozen=True)
class Case:
    """Parameters of the core, and how many steps a row takes."""

    pe: int
    simd: int
    steps: int
    weight_bits: int = 4
    act_bits: int = 4
    signed: bool = False
    narrow: bool = True
    version: int = 1
    same: bool = False
    """All operands are the extreme ones: the sums get as large as they can."""

    @property
    def sum_bits(self) -> int:
        return self.weight_bits + self.act_bits + (self.steps * self.simd - 1).bit_length()

    def data(self, rows: int) -> tuple[Integers, Integers, Integers]:
        """Return activations (words, SIMD), weights (words, PE, SIMD) and sums (rows, PE)."""
        words = rows * self.steps
        act = integers(1, self.act_bits, (words, self.simd), signed=self.signed)
        weights = integers(2, self.weight_bits, (words, self.pe, self.simd), signed=True)
        if self.narrow:
            weights = np.maximum(weights, 1 - (1 << (self.weight_bits - 1)))
        if self.same:
            act[:] = act.max()
            weights[:] = np.where(np.arange(self.pe) % 2, weights.min(), weights.max())[:, None]
        sums = np.einsum("ws,wps->wp", act, weights).reshape(rows, self.steps, self.pe).sum(axis=1)
        return act, weights, sums


CASES = [
    Case(pe=5, simd=5, steps=4),
    Case(pe=1, simd=1, steps=7),
    Case(pe=8, simd=2, steps=1, signed=True),
    Case(pe=9, simd=9, steps=5, weight_bits=2, act_bits=2, narrow=False),
    Case(pe=2, simd=12, steps=9, weight_bits=8, act_bits=8, narrow=False, signed=True),
    Case(pe=4, simd=4, steps=3, weight_bits=5, act_bits=6, version=2, signed=True),
    Case(pe=4, simd=3, steps=40, same=True),
    Case(pe=3, simd=4, steps=30, weight_bits=3, act_bits=3, version=2, narrow=False, same=True),
    Case(pe=2, simd=2, steps=500, act_bits=16, same=True),  # the highest lane overflows
]


def sources(folder: Path) -> list[Path]:
    """Return the bench's sources: the three cores under names of their own."""
    library = Path(toolchain.yosys().environment.get("YOSYS_DATDIR", "")) / "xilinx" / "cells_sim.v"
    if not library.is_file():
        import pyosys

        library = Path(pyosys.__file__).parent / "share" / "xilinx" / "cells_sim.v"
    slice_model = re.search(r"^module DSP48E1 .*?^endmodule", library.read_text(), re.MULTILINE | re.DOTALL)
    assert slice_model
    texts = {
        "dsp48e1.v": slice_model[0],
        "mvu_finn.sv": re.sub(r"\bmvu\b(?= #\(| *$)", "mvu_finn", FINNS.read_text(), flags=re.MULTILINE),
        "mvu_dsp.sv": "`define DF_PRIMITIVES\n" + OURS.read_text().replace("module mvu ", "module mvu_dsp "),
        "bench.sv": BENCH,
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    # Ours first, before the macro is defined.
    return [PACKAGE, HDL / "add_multi.sv", OURS, *(folder / name for name in texts)]


def _bits(values: Integers, width: int) -> Integers:
    """Return the bits of all values (words, ...), lowest first, side by side."""
    return ((values[..., None] >> np.arange(width)) & 1).reshape(len(values), -1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_are_exact_and_those_of_finns_core_in_every_cycle(
    case: Case, simulators: Path, tmp_path: Path
) -> None:
    act, weights, sums = case.data(20 if case.steps > 100 else 150)
    last = np.arange(len(act)) % case.steps == case.steps - 1
    flat = [_bits(weights, case.weight_bits), _bits(act, case.act_bits), last[:, None].astype(np.int64)]
    words = np.concatenate(flat, axis=1)
    simulator = Simulator.build(
        "bench",
        sources(tmp_path),
        inputs=[Port("in", words.shape[1], ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", case.pe * case.sum_bits, ("data_o", "valid_o", "ready_i"))],
        parameters={
            "VERSION": case.version,
            "PE": case.pe,
            "SIMD": case.simd,
            "WEIGHT_WIDTH": case.weight_bits,
            "ACTIVATION_WIDTH": case.act_bits,
            "ACCU_WIDTH": case.sum_bits,
            "SIGNED_ACTIVATIONS": int(case.signed),
            "NARROW_WEIGHTS": int(case.narrow),
        },
        clock="clk_i",
        reset="rst_ni",
        effort="quick",
        cache=simulators,
    )
    for seed, (stall_in, stall_out) in enumerate(((0.0, 0.0), (0.4, 0.0), (0.3, 0.6))):
        result = simulator.run(
            {"in": pack_words(words, 1)},
            {"out": len(sums)},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=seed,
        )
        found = unpack_words(result.outputs["out"], case.sum_bits, case.pe, signed=True)
        np.testing.assert_array_equal(found, sums)
        if not stall_in and not stall_out:
            assert set(np.diff(result.output_cycles["out"].astype(int))) <= {case.steps}
            stages = 4 + (case.simd - 1).bit_length() + (case.simd == 1)
            assert result.output_cycles["out"][0] == case.steps - 1 + stages
