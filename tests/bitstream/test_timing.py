"""Vivado's timing report: paths, levels of logic, the layer that each ends in, and what is refused."""

from pathlib import Path

import pytest

from fpga_flow.bitstream.timing import TimingPath, of_instances, paths
from fpga_flow.core.errors import InputError

# As Vivado 2022.2 writes it; names and numbers are made up.
HEAD = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
| Tool Version      : Vivado v.2022.2 (lin64) Build 3671981
| Command           : report_timing -max_paths 1000 -file timing.rpt

Max Delay Paths
--------------------------------------------------------------------------------------
"""
PATH = """Slack ({state}) :             {slack:.3f}ns  (required time - arrival time)
  Source:                 flow_i/accelerator/inst/{source}/core/a_q_reg[0]/C
                            (rising edge-triggered cell FDRE clocked by clk  {{rise@0.000ns fall@5.000ns period=10.000ns}})
  Destination:            flow_i/accelerator/inst/{destination}/core/b_q_reg[3]/D
                            (rising edge-triggered cell FDRE clocked by clk  {{rise@0.000ns fall@5.000ns period=10.000ns}})
  Path Group:             clk
  Path Type:              {kind}
  Requirement:            10.000ns  (clk rise@10.000ns - clk rise@0.000ns)
  Data Path Delay:        {delay:.3f}ns  (logic 2.100ns (40.000%)  route {route:.3f}ns (60.000%))
  Logic Levels:           5  (CARRY4=3 LUT2=1 LUT6=1)
  Clock Path Skew:        -0.012ns (DCD - SCD + CPR)

    Location             Delay type                Incr(ns)  Path(ns)    Netlist Resource(s)
  -------------------------------------------------------------------    -------------------
                         (clock clk rise edge)        0.000     0.000 r
    SLICE_X29Y123        FDRE                                         r  flow_i/a_q_reg[0]/C
  -------------------------------------------------------------------    -------------------
    SLICE_X29Y123        FDRE (Prop_fdre_C_Q)         0.456     0.456 f  flow_i/a_q_reg[0]/Q
                         net (fo=10, routed)          0.370     0.826    flow_i/a
    SLICE_X29Y112        LUT2 (Prop_lut2_I0_O)        0.124     0.950 r  flow_i/b/O
    SLICE_X17Y91         CARRY4 (Prop_carry4_S[1]_CO[3])
                                                      0.250     1.200 f  flow_i/carry/CO[3]
    SLICE_X17Y92         CARRY4 (Prop_carry4_CI_CO[3])
                                                      0.114     1.314 f  flow_i/carry_1/CO[3]
    SLICE_X17Y93         CARRY4 (Prop_carry4_CI_O[1])
                                                      0.334     1.648 f  flow_i/carry_2/O[1]
    SLICE_X16Y87         LUT6 (Prop_lut6_I4_O)        0.303     1.951 f  flow_i/c/O
    SLICE_X16Y87         MUXF7 (Prop_muxf7_I0_O)      0.212     2.163 f  flow_i/d/O
  -------------------------------------------------------------------    -------------------
    SLICE_X17Y93         FDRE (Setup_fdre_C_D)        0.027     2.190    flow_i/b_q_reg[3]

"""  # noqa: E501


def path(source: str, destination: str, slack: float, route: float, kind: str = "Setup (Max at Slow") -> str:
    return PATH.format(
        state="MET" if slack >= 0 else "VIOLATED",
        slack=slack,
        source=source,
        destination=destination,
        kind=f"{kind} Process Corner)",
        delay=2.1 + route,
        route=route,
    )


def test_a_carry_chain_is_one_level_and_a_multiplexer_of_a_slice_none(tmp_path: Path) -> None:
    (tmp_path / "t.rpt").write_text(HEAD + path("u_a", "u_b", -0.5, 3.0))
    ends = [f"flow_i/accelerator/inst/{end}" for end in ("u_a/core/a_q_reg[0]/C", "u_b/core/b_q_reg[3]/D")]
    assert paths(tmp_path / "t.rpt") == [TimingPath(*ends, -0.5, 2.1, 3.0, 3)]


def test_the_path_with_least_slack_that_ends_in_an_instance_is_its(tmp_path: Path) -> None:
    rows = [path("u_a", "u_b", 3.0, 2.0), path("u_b", "u_b", 1.5, 4.0), path("u_a", "u_c", 2.5, 1.0)]
    hold = path("u_a", "u_a", 0.1, 0.2, kind="Hold (Min at Fast")
    (tmp_path / "t.rpt").write_text("".join([HEAD, *rows, hold]))
    found = of_instances(paths(tmp_path / "t.rpt"), ["u_a", "u_b", "u_c"])
    assert {name: (one.slack_ns, one.delay_ns) for name, one in found.items()} == {
        "u_b": (1.5, pytest.approx(6.1)),
        "u_c": (2.5, pytest.approx(3.1)),
    }


def test_a_file_without_paths_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.rpt").write_text(HEAD)
    with pytest.raises(InputError, match="must be a timing report with paths, as text"):
        paths(tmp_path / "t.rpt")
