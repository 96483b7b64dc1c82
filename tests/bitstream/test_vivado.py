"""The Vivado project: its script word by word, its reports, its errors; with a stand-in for Vivado."""

import json
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fpga_flow import report
from fpga_flow.bitstream import reports, tcl
from fpga_flow.bitstream.shell import HDL, SOURCES, TOP, shell_text
from fpga_flow.core import toolchain
from fpga_flow.core.errors import InputError, ToolError
from fpga_flow.finn.backend import HDL as RTL
from fpga_flow.pipeline.flow import open_run
from fpga_flow.stages.bitstream import check_version
from fpga_flow.target.board import board
from tests.bitstream.cores import Core
from tests.digits_run import flow
from tests.made_otherwise import made_otherwise

HERE = Path(__file__).resolve().parent
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("board")]


@pytest.mark.parametrize("name", ["pynq-z1", "zcu104"])
def test_the_script_is_the_one_that_was_checked(name: str) -> None:
    golden = HERE / f"golden-{name}.tcl"
    assert (
        tcl.script(board(name), board(name).clock_mhz, ["fifo.sv", "fpga_flow_shell.v"], 2)
        == golden.read_text()
    )


@pytest.mark.parametrize("name", ["pynq-z1", "pynq-z2", "zcu104"])
def test_every_command_of_the_script_is_taken(name: str, tmp_path: Path) -> None:
    core = Core(1, "UINT8", 64, "pass")
    target = board(name)
    (tmp_path / "core.sv").write_text(core.text())
    bits = tcl.processor(target).address_bits
    (tmp_path / f"{TOP}.v").write_text(shell_text(core.design, "5eed" * 16, bits))
    for file in (RTL / "fifo.sv", *(HDL / source for source in SOURCES)):
        shutil.copyfile(file, tmp_path / file.name)
    files = ["fifo.sv", *SOURCES, "core.sv", f"{TOP}.v"]
    (tmp_path / "build.tcl").write_text(tcl.script(target, target.clock_mhz, files, 2))
    command = [sys.executable, str(HERE / "vivado_stand_in.py"), "-mode", "batch", "-source", "build.tcl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / f"{tcl.PROJECT}.bit").read_text() == "5eed" * 16
    assert (tmp_path / f"{tcl.PROJECT}.hwh").is_file()
    assert reports.utilisation(tmp_path / tcl.UTILISATION)["lut"] == 13997
    assert reports.slack_ns(tmp_path / tcl.TIMING) == 0.431


def test_a_missing_memory_file_fails_in_vivado_too(tmp_path: Path) -> None:
    (tmp_path / "core.sv").write_text('module core; initial $readmemh("data/gone.dat", memory); endmodule')
    (tmp_path / "build.tcl").write_text(tcl.script(board("pynq-z1"), 100, ["core.sv"], 2))
    command = [sys.executable, str(HERE / "vivado_stand_in.py"), "-mode", "batch", "-source", "build.tcl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "could not open $readmem data file 'data/gone.dat'" in done.stdout


def test_a_board_without_a_processor_that_vivado_knows_is_refused() -> None:
    alone = replace(board("pynq-z1"), name="mine", processor=None)
    wanted = "board mine: processor: must be processing_system7 or zynq_ultra_ps_e, not None"
    with pytest.raises(InputError, match=wanted):
        tcl.processor(alone)


@pytest.fixture
def vivado(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-in on PATH."""
    program = tmp_path / "vivado"
    program.write_text((HERE / "vivado_stand_in.py").read_text())
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert toolchain.vivado().version == "2022.2"


def test_a_bitstream_of_a_verified_design_carries_its_digest(digits_run: Path, vivado: None) -> None:
    done = flow("bitstream", str(digits_run))
    assert done.returncode == 0, done.stderr
    result = json.loads((digits_run / "bitstream" / "result.json").read_text())
    assert (digits_run / "bitstream" / "accelerator.bit").read_text() == result["digest"]
    assert len(result["digest"]) == 64
    table = json.loads((digits_run / "report.json").read_text())["bitstream"]
    assert (table["lut"], table["ff"], table["bram18"], table["dsp"]) == (13997, 15497, 45, 92)
    assert table["fmax_mhz"] == pytest.approx(1000 / (10 - 0.431), abs=1e-3)
    for step in ("synthesis", "placement", "routing"):
        assert f"vivado: {step}" in done.stderr
    packed = flow("package", str(digits_run))
    assert packed.returncode == 0, packed.stderr
    assert Path(packed.stdout.strip()).is_file()


def test_a_failed_run_shows_the_tools_own_error_lines(
    digits_run: Path, vivado: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_FAIL", "shell_pack")
    done = flow("bitstream", str(digits_run))
    assert done.returncode == 4
    assert "ERROR: [Synth 8-439] module 'shell_pack' not found" in done.stderr
    assert "INFO" not in done.stderr


def test_a_design_that_misses_its_clock_is_refused_with_the_clock_it_reaches(
    digits_run: Path, vivado: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_SLACK", "-2.5")
    done = flow("bitstream", str(digits_run))
    assert done.returncode == 5
    assert "hardware.clock_mhz to 80 or less" in done.stderr


def test_without_vivado_the_error_says_how_to_get_it(
    digits_run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = flow("bitstream", str(digits_run))
    assert done.returncode == 4
    assert "settings64.sh" in done.stderr


def test_an_unverified_design_gets_no_bitstream(digits_run: Path, vivado: None) -> None:
    verify = digits_run / "verify"
    result = json.loads((verify / "result.json").read_text()) | {"mismatches": 1}
    with made_otherwise(verify, "result.json", json.dumps(result)):
        done = flow("bitstream", str(digits_run))
    assert done.returncode == 3


@pytest.mark.parametrize("version", ["2022.2", "2023.1", "2024.2", "2023.2.1"])
def test_these_versions_are_taken(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["2022.1", "2025.1", "unknown"])
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(ToolError, match=r"must be 2022\.2 to 2024\.2"):
        check_version(version)


def test_reports_of_ultrascale_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "u.rpt"
    file.write_text(
        "| CLB LUTs*  | 1,0 |\n| CLB LUTs | 17 | 0 |\n| CLB Registers | 9 | 0 |\n"
        "| Block RAM Tile | 1.5 | 0 |\n| DSPs | 4 | 0 |\n"
    )
    assert reports.utilisation(file) == {"lut": 17, "ff": 9, "bram18": 3, "dsp": 4}


def test_wrong_reports_are_tool_errors(tmp_path: Path) -> None:
    file = tmp_path / "x.rpt"
    file.write_text("nothing")
    for read in (reports.utilisation, reports.slack_ns):
        with pytest.raises(ToolError, match=r"x\.rpt: no "):
            read(file)


def test_the_report_has_no_bitstream_where_none_was_made(digits_run: Path) -> None:
    shutil.rmtree(digits_run / "bitstream", ignore_errors=True)
    assert report.assemble(open_run(digits_run)).bitstream is None
