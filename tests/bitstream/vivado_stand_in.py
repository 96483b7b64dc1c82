#!/usr/bin/env python3
"""A stand-in for Vivado: reads the script command by command and refuses what the real one would refuse.

Environment: STAND_IN_VERSION, STAND_IN_SLACK (ns), STAND_IN_FAIL (a module that synthesis does not find).
"""

import os
import re
import sys
from pathlib import Path

CELLS = {
    "processing_system7": {
        "FCLK_CLK0", "FCLK_RESET0_N", "M_AXI_GP0", "M_AXI_GP0_ACLK", "S_AXI_HP0", "S_AXI_HP0_ACLK",
    },
    "zynq_ultra_ps_e": {
        "pl_clk0", "pl_resetn0", "M_AXI_HPM0_LPD", "maxihpm0_lpd_aclk", "S_AXI_HP0_FPD", "saxihp0_fpd_aclk",
    },
    "smartconnect": {"aclk", "aresetn", "S00_AXI", "M00_AXI"},
    "proc_sys_reset": {"slowest_sync_clk", "ext_reset_in", "peripheral_aresetn"},
}  # fmt: skip
USED = """
+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| Slice LUTs                 | 13997 |     0 |          0 |     53200 | 26.31 |
|   LUT as Logic             | 12001 |     0 |          0 |     53200 | 22.56 |
| Slice Registers            | 15497 |     0 |          0 |    106400 | 14.56 |
+----------------------------+-------+-------+------------+-----------+-------+
| Block RAM Tile    | 22.5 |     0 |          0 |       140 | 16.07 |
|   RAMB36/FIFO*    |   10 |     0 |          0 |       140 |  7.14 |
| DSPs           |   92 |     0 |          0 |       220 | 41.82 |
"""
TIMING = """
| Design Timing Summary
| ---------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)
    -------      -------  ---------------------  -------------------      -------
      {slack}        0.000                      0                31234        0.012
"""


class Failure(Exception):
    pass


def words(line: str) -> list[str]:
    """Split a command: words, {braces} and [brackets]."""
    return re.findall(r"\{(?:[^{}]|\{[^{}]*\})*\}|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\S+", line)


class Session:
    def __init__(self) -> None:
        self.cells: dict[str, set[str]] = {}
        self.files: list[str] = []
        self.connected: set[str] = set()
        self.done: set[str] = set()

    def must(self, condition: bool, message: str) -> None:
        if not condition:
            raise Failure(message)

    def pins(self, text: str, command: str) -> None:
        for name in re.findall(rf"\[{command} (\S+)\]", text):
            cell, _, pin = name.partition("/")
            self.must(cell in self.cells, f"[BD 5-106] no cell {cell}")
            self.must(pin in self.cells[cell], f"[BD 41-1356] no pin {name}")
            self.connected.add(name)

    def run(self, line: str) -> None:
        name, *rest = words(line)
        method = getattr(self, f"do_{name}", None)
        self.must(method is not None, f'[Common 17-170] invalid command name "{name}"')
        method(rest, line)

    def do_create_project(self, rest: list[str], line: str) -> None:
        self.must(rest[2] == "-part" and rest[3].startswith("xc"), "[Project 1-586] no part")
        Path(rest[1]).mkdir()
        self.ultrascale = rest[3].startswith("xczu")
        self.done.add("project")

    def do_set_msg_config(self, rest: list[str], line: str) -> None:
        options = ["-id", "{Synth 8-4445}", "-new_severity", "ERROR"]
        self.must("project" in self.done and rest == options, "[Common 17-161] bad option")
        self.done.add("missing memories are errors")

    def do_add_files(self, rest: list[str], line: str) -> None:
        path = rest[-1].strip("{}")
        self.must(Path(path).is_file(), f"[Vivado 12-172] File or Directory '{path}' does not exist")
        for memory in re.findall(r'"((?:\./)?data/[^"]+\.dat)"', Path(path).read_text()):
            there = Path(memory).is_file() or "missing memories are errors" not in self.done
            self.must(there, f"[Synth 8-4445] could not open $readmem data file '{memory}'")
        self.files.append(path)

    def do_set_property(self, rest: list[str], line: str) -> None:
        if rest[0] == "-dict":
            cell = re.search(r"\[get_bd_cells (\w+)\]", line)
            self.must(cell is not None and cell.group(1) in self.cells, "[Common 17-55] no cell")
            self.must(bool(re.fullmatch(r"\[list (CONFIG\.\w+ \{[^{}]+\} ?)+\]", rest[1])), "bad list")

    def do_update_compile_order(self, rest: list[str], line: str) -> None:
        self.must(rest == ["-fileset", "sources_1"], "[Common 17-161] bad option")

    def do_create_bd_design(self, rest: list[str], line: str) -> None:
        clash = [file for file in self.files if f"module {rest[0]} " in Path(file).read_text()]
        self.must(not clash, f"[BD 41-1665] a module {rest[0]} is there already: {clash}")
        self.done.add("design")

    def do_create_bd_cell(self, rest: list[str], line: str) -> None:
        self.must("design" in self.done, "[BD 5-2] no open design")
        if rest[1] == "ip":
            kind = rest[3].split(":")[2]
            self.must(kind in CELLS, f"[BD 5-390] IP definition not found for VLNV: {rest[3]}")
            self.cells[rest[4]] = CELLS[kind]
            return
        module = rest[3]
        text = next((Path(f).read_text() for f in self.files if Path(f).stem == module), "")
        self.must(f"module {module} (" in text, f"[filemgmt 56-195] module '{module}' not found")
        names = set(re.findall(r"(?:in|out)put\s+wire\s+(?:\[[^\]]*\]\s*)?(\w+)", text))
        for told in ("ASSOCIATED_BUSIF s_axi:m_axi", "ASSOCIATED_RESET aresetn", "POLARITY ACTIVE_LOW"):
            self.must(told in text, f"[BD 41-967] the module's clock or reset does not say {told}")
        for bus in ("s_axi", "m_axi"):
            need = {f"{bus}_{s}" for s in ("awaddr", "wdata", "bresp", "araddr", "rdata", "rvalid", "rready")}
            self.must(need <= names, f"[IP_Flow 19-1] no interface {bus}")
        self.cells[rest[4]] = {*names, "s_axi", "m_axi"}

    def do_apply_bd_automation(self, rest: list[str], line: str) -> None:
        self.must(rest[:2] == ["-rule", "xilinx.com:bd_rule:processing_system7"], "[BD 5-105] no such rule")
        self.must(rest[2] == "-config" and "[get_bd_cells ps]" in line, "[BD 41-1272] no cell")
        self.must('make_external "FIXED_IO, DDR"' in rest[3], "[BD 41-1273] bad configuration")
        self.done.add("external")

    def do_connect_bd_net(self, rest: list[str], line: str) -> None:
        self.pins(line, "get_bd_pins")

    def do_connect_bd_intf_net(self, rest: list[str], line: str) -> None:
        self.pins(line, "get_bd_intf_pins")

    def do_assign_bd_address(self, rest: list[str], line: str) -> None:
        self.done.add("address")

    def do_validate_bd_design(self, rest: list[str], line: str) -> None:
        self.must("address" in self.done, "[BD 41-1051] addresses are not assigned")
        zynq = CELLS["processing_system7"] in self.cells.values()
        self.must(not zynq or "external" in self.done, "[BD 41-758] DDR and FIXED_IO are not connected")
        for cell, pins in self.cells.items():
            for pin in pins:
                clock_or_reset = pin.lower().endswith(
                    ("aclk", "aresetn", "clk0", "_axi", "gp0", "hp0", "clk")
                )
                self.must(
                    not clock_or_reset
                    or f"{cell}/{pin}" in self.connected
                    or pin.startswith(("s_axi_", "m_axi_")),
                    f"[BD 41-758] {cell}/{pin} is not connected",
                )

    def do_save_bd_design(self, rest: list[str], line: str) -> None:
        self.done.add("saved")

    def do_make_wrapper(self, rest: list[str], line: str) -> None:
        self.must("saved" in self.done and "-import" in rest, "[Vivado 12-818] no files given")
        self.done.add("wrapper")

    def do_launch_runs(self, rest: list[str], line: str) -> None:
        self.must("wrapper" in self.done, "[Common 17-69] no top module")
        run, missing = rest[0], os.environ.get("STAND_IN_FAIL")
        folder = Path(f"project/accelerator.runs/{run}")
        folder.mkdir(parents=True)
        if run == "synth_1":
            print("Starting synth_design", flush=True)
            if missing:
                (folder / "runme.log").write_text(
                    "INFO: [Synth 8-6157] synthesizing module\n"
                    f"ERROR: [Synth 8-439] module '{missing}' not found [/x/shell.sv:12]\n"
                    + "INFO: more\n"
                    * 500
                )
                self.failed = True
        else:
            print("Starting Placer Task\nStarting Routing Task\nWriting bitstream", flush=True)
            digest = re.search(r"256'h(\w+)", "".join(Path(f).read_text() for f in self.files))
            (folder / "system_wrapper.bit").write_text(digest.group(1) if digest else "")
            handoff = Path("project/accelerator.gen/sources_1/bd/system/hw_handoff")
            handoff.mkdir(parents=True)
            (handoff / "system.hwh").write_text("<EDKSYSTEM/>")
        self.done.add(run)

    def do_wait_on_run(self, rest: list[str], line: str) -> None:
        self.must(rest[0] in self.done, f"[Vivado 12-1] run {rest[0]} was not launched")
        self.must(not getattr(self, "failed", False), "[Common 17-69] Command failed: Run 'synth_1' failed")

    def do_open_run(self, rest: list[str], line: str) -> None:
        self.must(rest[0] in self.done, "[Project 1-1] no such run")
        self.done.add("open")

    def do_report_utilization(self, rest: list[str], line: str) -> None:
        self.must("open" in self.done, "[Common 17-53] no open design")
        Path(rest[1]).write_text(USED.replace("Slice", "CLB") if self.ultrascale else USED)

    def do_report_timing_summary(self, rest: list[str], line: str) -> None:
        self.must("open" in self.done, "[Common 17-53] no open design")
        Path(rest[1]).write_text(TIMING.format(slack=os.environ.get("STAND_IN_SLACK", "0.431")))

    def do_file(self, rest: list[str], line: str) -> None:
        self.must(rest[:2] == ["copy", "-force"], "bad option")
        source = Path(rest[2])
        self.must(source.is_file(), f'error copying "{source}": no such file or directory')
        Path(rest[3]).write_bytes(source.read_bytes())

    def do_exit(self, rest: list[str], line: str) -> None:
        sys.exit(0)


def main() -> int:
    version = os.environ.get("STAND_IN_VERSION", "2022.2")
    if sys.argv[1:] == ["-version"]:
        print(f"Vivado v{version} (64-bit)\nSW Build 3671981")
        return 0
    assert sys.argv[1:4] == ["-mode", "batch", "-source"], sys.argv
    session = Session()
    for number, line in enumerate(Path(sys.argv[4]).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            session.run(line)
        except Failure as failure:
            print(
                f"INFO: [Common 17-344] 'source' was cancelled at line {number}\nERROR: {failure}", flush=True
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
