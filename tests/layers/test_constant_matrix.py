"""`ConstantMatrix_rtl`: a matrix unit of shared adders, against FINN's Python, its cycles, its schedule."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.fifos.tokens import Placed, Tokens
from fpga_flow.finn.backend import HDL
from fpga_flow.finn.session import finn_session
from fpga_flow.layers.constant.choice import (
    CONSTANT,
    attributes,
    graph_of,
    latency_of,
    tokens_of,
    unit_of,
)
from fpga_flow.layers.constant.proof import UnprovedError
from fpga_flow.layers.constant.unit import MODULES, Unit
from fpga_flow.layers.schedules import Pattern, Schedule
from fpga_flow.sim.simulator import Port, Simulator
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.families import family_named
from tests.layers.constant_units import Case, Weights
from tests.layers.one_layer import OneLayer, draw, run
from tests.rtl.operands import Operand


def layer(
    act: str, weight: str, shape: tuple[int, int, int, int, int], *, values: Any = None, **more: Any
) -> OneLayer:
    """Return a layer with a matrix of MW x MH, folded by SIMD, PE and Digit."""
    columns, rows, simd, pe, digit = shape
    if values is None:
        values = draw(np.random.default_rng(3), weight, (columns, rows))
    settings = {
        "MW": columns,
        "MH": rows,
        "SIMD": simd,
        "PE": pe,
        "Digit": digit,
        "inputDataType": act,
        "weightDataType": weight,
        "outputDataType": "INT32",
        "noActivation": 1,
        "numInputVectors": [1, 2, 3],
        **more,
    }
    return OneLayer("ConstantMatrix_rtl", [act], settings, constants=[(values, weight)])


@pytest.mark.parametrize(
    ("act", "weight", "shape"),
    [
        ("UINT4", "INT4", (12, 6, 4, 2, 2)),
        ("INT8", "UINT8", (6, 4, 6, 4, 32)),
        ("BIPOLAR", "BIPOLAR", (20, 6, 10, 2, 1)),
        ("TERNARY", "TERNARY", (6, 2, 6, 1, 3)),
    ],
)
def test_products(
    act: str, weight: str, shape: tuple[int, int, int, int, int], simulators: Path, tmp_path: Path
) -> None:
    ran = run(layer(act, weight, shape), simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


def test_a_network_of_other_weights_is_never_built(tmp_path: Path) -> None:
    case = layer(
        "UINT4",
        "INT4",
        (4, 2, 4, 2, 1),
        Network='{"inputs":[[0,1],[0,1],[0,1],[0,1]],"adders":[],"outputs":[[0,0],[1,0]]}',
    )
    model = case.model()
    op = getCustomOp(model.graph.node[0])
    with finn_session(), pytest.raises(UnprovedError, match="output 0 must take input"):
        op.instance(model, tmp_path)


def test_a_folding_that_does_not_divide_the_matrix_is_refused(tmp_path: Path) -> None:
    model = layer("UINT4", "INT4", (12, 6, 5, 2, 1)).model()
    with pytest.raises(UnsupportedError, match="SIMD=5 PE=2 TH=1; use a divisor of 12, one of 6"):
        getCustomOp(model.graph.node[0]).instance(model, tmp_path)


def test_foldings_are_all_numbers_of_cycles_with_words_that_keep_up() -> None:
    case = layer("UINT4", "INT4", (24, 8, 24, 8, 1), outputDataType="INT10")
    op = getCustomOp(case.model().graph.node[0])
    assert CONSTANT.foldings is not None
    found = [dict(folding) for folding in CONSTANT.foldings(op)]
    assert sorted({folding["Digit"] for folding in found}) == [1, 2, 3, 4, 5, 10]
    for folding in found:
        cycles = -(-10 // folding["Digit"])
        assert folding["Digit"] == 1 or max(24 // folding["SIMD"], 8 // folding["PE"]) <= cycles
    assert {"PE": 1, "SIMD": 1, "Digit": 1} in found


def test_the_estimate_is_near_what_yosys_counts(tmp_path: Path) -> None:
    family = family_named("xc7")
    weights = Weights(32, 48, Operand("INT4"), 0.8).draw()
    for digit in (1, 2, 32):
        case = layer("UINT4", "INT4", (48, 32, 48, 32, digit), values=weights.T, outputDataType="INT11")
        op = getCustomOp(case.model().graph.node[0])
        assert CONSTANT.derives is not None
        for name, value in CONSTANT.derives(weights.T.astype(np.float32)).items():
            op.set_nodeattr(name, value)
        a = attributes(op)
        source = tmp_path / "unit.sv"
        source.write_text(unit_of(a).modules("unit"))
        sources = [*(HDL / module for module in MODULES), source]
        counted = synthesise("unit", sources, tmp_path, family, tmp_path / "log.txt")
        guessed = CONSTANT.resources(a, None, family)
        assert 0.8 < guessed.lut / counted.lut < 1.2, (digit, guessed, counted)
        assert 0.7 < guessed.ff / counted.ff < 1.3, (digit, guessed, counted)


BETWEEN = """
module between (
  input logic clk_i, input logic rst_ni,
  input logic [{taken}-1:0] data_i, input logic valid_i, output logic ready_o,
  output logic [{given}-1:0] data_o, output logic valid_o, input logic ready_i
);
  logic [{taken}-1:0] x;
  logic [{given}-1:0] y;
  logic x_valid, x_ready, y_valid, y_ready;
  fifo #(.DEPTH(3), .DATA_WIDTH({taken})) fifo_in (
    .clk(clk_i), .rst(!rst_ni), .idat(data_i), .ivld(valid_i), .irdy(ready_o),
    .odat(x), .ovld(x_valid), .ordy(x_ready), .count(), .maxcount()
  );
  unit core (
    .clk_i, .rst_ni, .data_i(x), .valid_i(x_valid), .ready_o(x_ready),
    .data_o(y), .valid_o(y_valid), .ready_i(y_ready)
  );
  fifo #(.DEPTH(2), .DATA_WIDTH({given})) fifo_out (
    .clk(clk_i), .rst(!rst_ni), .idat(y), .ivld(y_valid), .irdy(y_ready),
    .odat(data_o), .ovld(valid_o), .ordy(ready_i), .count(), .maxcount()
  );
endmodule
"""
FRAMES = 12


def between_fifos(unit: Unit, folder: Path, cache: Path) -> Simulator:
    """Compile `unit` between two FIFOs."""
    taken, given = unit.words.simd * unit.words.in_bits, unit.words.pe * unit.words.out_bits
    source = folder / "between.sv"
    source.write_text(unit.modules("unit") + BETWEEN.format(taken=taken, given=given))
    return Simulator.build(
        "between",
        [*(HDL / module for module in ("fifo.sv", *MODULES)), source],
        inputs=[Port("in", taken, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", given, ("data_o", "valid_o", "ready_i"))],
        clock="clk_i",
        reset="rst_ni",
        cache=cache,
    )


@pytest.mark.parametrize(("simd", "pe", "digit"), [(12, 6, 32), (4, 3, 2), (1, 6, 1), (12, 1, 3)])
def test_results_come_in_the_cycles_of_the_schedule(
    simd: int, pe: int, digit: int, simulators: Path, tmp_path: Path
) -> None:
    unit = Case.of(Weights(6, 12, Operand("INT3"), 0.3), Operand("UINT3"), digit, simd=simd, pe=pe).unit
    simulator = between_fifos(unit, tmp_path, simulators)
    tokens = Tokens(
        2,
        [
            Placed(Schedule(Pattern.SOURCE, (unit.words_in,)), (), (0,)),
            Placed(tokens_of(unit), (0,), (1,)),
            Placed(Schedule(Pattern.SINK, (unit.words_out,)), (1,), ()),
        ],
    )
    words = np.zeros((FRAMES * unit.words_in, (unit.words.simd * 3 + 7) // 8), np.uint8)
    for period in (0, unit.interval + 3, 3 * unit.interval):
        pace = (unit.words_in, period) if period else None
        result = simulator.run({"in": words}, {"out": FRAMES * unit.words_out}, pace=pace)
        found = result.output_cycles["out"][unit.words_out - 1 :: unit.words_out].tolist()
        assert tokens.run([3, 2], FRAMES, period=period).ends[0].tolist() == found


def test_latency_and_network_are_those_of_the_attributes() -> None:
    case = layer("INT4", "INT4", (8, 4, 8, 4, 2), outputDataType="INT12")
    op = getCustomOp(case.model().graph.node[0])
    assert CONSTANT.derives is not None
    for name, value in CONSTANT.derives(np.asarray(case.constants[0][0], np.float32)).items():
        op.set_nodeattr(name, value)
    a = attributes(op)
    assert latency_of(a) == unit_of(a).latency
    assert {held.low for held in graph_of(a["Network"], "INT4").inputs} == {-8}
    assert op.get_nodeattr("Solver").split()[0] in ("alkaid", "csd")
