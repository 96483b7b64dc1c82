"""Every module that reads a file ends a simulation, and stops synthesis, where that file is missing."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core.errors import ToolError
from fpga_flow.sim.simulator import Port, RtlError, Simulator
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.families import family_named
from tests.rtl.modules import HDL, Parameters

FILE = "nowhere.dat"
CHANNELS: Parameters = {"Channels": 4, "PE": 2, "InWidth": 4, "ConstWidth": 4, "OutWidth": 8}
PRODUCTS: Parameters = {"PE": 2, "SIMD": 2, "ActWidth": 2, "WeightWidth": 2, "OutWidth": 6}
HOUSE = (("data_i", "valid_i", "ready_o"), ("data_o", "valid_o", "ready_i"))
FINNS = (("idat", "ivld", "irdy"), ("odat", "ovld", "ordy"))


@dataclass(frozen=True)
class Reader:
    """A module and how it is told its file."""

    module: str
    parameters: Parameters
    bits_in: int
    bits_out: int
    file: str = FILE
    parameter: str = "InitFile"
    below: tuple[str, ...] = ()
    finns: bool = False
    """It has the ports of a module of FINN's."""


READERS = [
    Reader("df_channel_add", CHANNELS, 8, 16),
    Reader("df_channel_mul", CHANNELS, 8, 16),
    Reader("df_matrix_vector", {"MW": 4, "MH": 4, **PRODUCTS}, 4, 12, below=("df_dot",)),
    Reader("df_depthwise", {"Channels": 4, "Kernel": 4, **PRODUCTS}, 8, 12, below=("df_dot",)),
    Reader("df_sequence", {"Length": 4, "Width": 8}, 0, 8),
    Reader("memstream", {"DEPTH": 4, "WIDTH": 8}, 0, 8, parameter="INIT_FILE", finns=True),
    Reader(
        "thresholding",
        {"K": 4, "N": 3, "C": 2, "PE": 1, "USE_CONFIG": 0},
        4,
        2,
        file="nowhere_threshs_0_0.dat",
        parameter="THRESHOLDS_PATH",
        finns=True,
    ),
]


def test_these_are_all_modules_that_read_a_file() -> None:
    reading = {path.stem for path in HDL.glob("*.sv") if "$readmem" in path.read_text(encoding="utf-8")}
    assert reading == {reader.module for reader in READERS}


def told(reader: Reader) -> Parameters:
    file = reader.file.removesuffix("threshs_0_0.dat")
    return {**reader.parameters, reader.parameter: file}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.module)
def test_a_simulation_ends_where_the_file_is_missing(
    reader: Reader, simulators: Path, tmp_path: Path
) -> None:
    data_in, data_out = FINNS if reader.finns else HOUSE
    ties = {
        "memstream": ("config_ce", "config_we", "config_address", "config_d0", "sidx", "svld"),
        "thresholding": ("cfg_en", "cfg_we", "cfg_a", "cfg_d", "iset"),
    }.get(reader.module, ())
    simulator = Simulator.build(
        reader.module,
        [HDL / f"{module}.sv" for module in (*reader.below, reader.module)],
        inputs=[Port("in", reader.bits_in, data_in)] if reader.bits_in else [],
        outputs=[Port("out", reader.bits_out, data_out)],
        parameters=told(reader),
        ties=dict.fromkeys(ties, 0),
        clock="clk" if reader.finns else "clk_i",
        reset="rst" if reader.finns else "rst_ni",
        reset_active=int(reader.finns),
        cache=simulators,
    )
    with pytest.raises(RtlError, match=rf"{reader.module}: cannot read {re.escape(reader.file)}"):
        simulator.run({"in": np.zeros((8, 1), np.uint8)}, {"out": 2}, folder=tmp_path)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.module)
def test_synthesis_stops_where_the_file_is_missing(reader: Reader, tmp_path: Path) -> None:
    sources = [HDL / f"{module}.sv" for module in (*reader.below, reader.module)]
    with pytest.raises(ToolError, match=rf"failed to open file '{re.escape(reader.file)}'"):
        synthesise(reader.module, sources, tmp_path, family_named("xc7"), tmp_path / "log.txt", told(reader))
