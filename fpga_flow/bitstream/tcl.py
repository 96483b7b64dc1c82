"""The script that Vivado runs: block design, synthesis, implementation, bitstream, reports.

One command a line, no control structures: what it does is what stands there. For the block designs see
the vendor's UG994 (block designs), UG835 (Tcl commands), PG082 and PG201 (the two processor systems).

No board's preset is asked for, so no board files have to be installed. What a preset sets (the DDR's timing,
the pins of the processor, its clocks) is in the image's boot loader; a bitstream loaded later changes none of
it. Hence the clock in this script is a constraint for implementation only: the driver sets the real one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fpga_flow.bitstream.shell import TOP
from fpga_flow.core.errors import InputError
from fpga_flow.target.board import Board

PROJECT = "accelerator"
DESIGN = "system"
"""Of the block design; a module of that name is made, so the accelerator's would collide."""
MISSING_MEMORY = "Synth 8-4445"
"""Of the message that a file of a memory's contents cannot be opened; Vivado would go on without it."""
UTILISATION, TIMING = "utilisation.rpt", "timing.rpt"


@dataclass(frozen=True)
class Processor:
    """How a family's processor system is called, configured and connected."""

    ip: str
    settings: tuple[tuple[str, str], ...]
    """Of its ports; `{clock}` is the accelerator's in MHz."""
    clock: str
    """Pins of the cell."""
    reset: str
    control: str
    """Its master, which writes registers, and that one's clock."""
    control_clock: str
    memory: str
    """Its slave, which reaches the memory, and that one's clock."""
    memory_clock: str
    address_bits: int
    """Of the memory's addresses."""
    automation: str = ""
    """Configuration of the vendor's block automation, where the processor has pins of its own."""


ZYNQ = Processor(
    ip="processing_system7",
    settings=(
        ("CONFIG.PCW_USE_M_AXI_GP0", "1"),
        ("CONFIG.PCW_USE_S_AXI_HP0", "1"),
        ("CONFIG.PCW_S_AXI_HP0_DATA_WIDTH", "64"),
        ("CONFIG.PCW_EN_CLK0_PORT", "1"),
        ("CONFIG.PCW_EN_RST0_PORT", "1"),
        ("CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ", "{clock}"),
    ),
    clock="FCLK_CLK0",
    reset="FCLK_RESET0_N",
    control="M_AXI_GP0",
    control_clock="M_AXI_GP0_ACLK",
    memory="S_AXI_HP0",
    memory_clock="S_AXI_HP0_ACLK",
    address_bits=32,
    automation='make_external "FIXED_IO, DDR" apply_board_preset "0" Master "Disable" Slave "Disable"',
)
ZYNQ_ULTRASCALE = Processor(
    ip="zynq_ultra_ps_e",
    settings=(
        ("CONFIG.PSU__USE__M_AXI_GP0", "0"),
        ("CONFIG.PSU__USE__M_AXI_GP1", "0"),
        ("CONFIG.PSU__USE__M_AXI_GP2", "1"),
        ("CONFIG.PSU__USE__S_AXI_GP2", "1"),
        ("CONFIG.PSU__SAXIGP2__DATA_WIDTH", "64"),
        ("CONFIG.PSU__FPGA_PL0_ENABLE", "1"),
        ("CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ", "{clock}"),
    ),
    clock="pl_clk0",
    reset="pl_resetn0",
    control="M_AXI_HPM0_LPD",
    control_clock="maxihpm0_lpd_aclk",
    memory="S_AXI_HP0_FPD",
    memory_clock="saxihp0_fpd_aclk",
    address_bits=40,
)
PROCESSORS = {known.ip: known for known in (ZYNQ, ZYNQ_ULTRASCALE)}


def processor(board: Board) -> Processor:
    """Return the processor of `board`; raises `InputError` for a board that has none we know."""
    if board.processor in PROCESSORS:
        return PROCESSORS[board.processor]
    raise InputError(
        f"bitstream: board {board.name}: processor: must be {' or '.join(PROCESSORS)}, not "
        f"{board.processor!r}; take another board"
    )


def script(board: Board, clock_mhz: float, sources: Sequence[str], jobs: int) -> str:
    """Return the script; it runs in the folder that has `sources` and writes its results there."""
    ps = processor(board)
    rule = f"xilinx.com:bd_rule:{ps.ip} -config {{{ps.automation}}}"
    automation = f"apply_bd_automation -rule {rule} [get_bd_cells ps]\n" if ps.automation else ""
    settings = " ".join(f"{key} {{{value.format(clock=f'{clock_mhz:g}')}}}" for key, value in ps.settings)
    files = "\n".join(f"add_files -norecurse {{{source}}}" for source in sources)
    clocked = (
        f"ps/{ps.control_clock}",
        f"ps/{ps.memory_clock}",
        f"{TOP}_0/aclk",
        "control/aclk",
        "memory/aclk",
        "reset/slowest_sync_clk",
    )
    clocks = "\n".join(f"connect_bd_net [get_bd_pins ps/{ps.clock}] [get_bd_pins {pin}]" for pin in clocked)
    resets = "\n".join(
        f"connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins {pin}]"
        for pin in (f"{TOP}_0/aresetn", "control/aresetn", "memory/aresetn")
    )
    links = "\n".join(
        f"connect_bd_intf_net [get_bd_intf_pins {master}] [get_bd_intf_pins {slave}]"
        for master, slave in (
            (f"ps/{ps.control}", "control/S00_AXI"),
            ("control/M00_AXI", f"{TOP}_0/s_axi"),
            (f"{TOP}_0/m_axi", "memory/S00_AXI"),
            ("memory/M00_AXI", f"ps/{ps.memory}"),
        )
    )
    return f"""# Made by fpga_flow for {board.name} and Vivado 2022.2 to 2024.2.
# vivado -mode batch -source build.tcl
create_project {PROJECT} project -part {board.part} -force
set_msg_config -id {{{MISSING_MEMORY}}} -new_severity ERROR
{files}
set_property file_type SystemVerilog [get_files *.sv]
update_compile_order -fileset sources_1

create_bd_design {DESIGN}
create_bd_cell -type ip -vlnv xilinx.com:ip:{ps.ip} ps
{automation}set_property -dict [list {settings}] [get_bd_cells ps]
create_bd_cell -type module -reference {TOP} {TOP}_0
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect control
set_property -dict [list CONFIG.NUM_SI {{1}} CONFIG.NUM_MI {{1}}] [get_bd_cells control]
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect memory
set_property -dict [list CONFIG.NUM_SI {{1}} CONFIG.NUM_MI {{1}}] [get_bd_cells memory]
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
{clocks}
connect_bd_net [get_bd_pins ps/{ps.reset}] [get_bd_pins reset/ext_reset_in]
{resets}
{links}
assign_bd_address
validate_bd_design
save_bd_design
make_wrapper -files [get_files {DESIGN}.bd] -top -import
set_property top {DESIGN}_wrapper [current_fileset]
update_compile_order -fileset sources_1

launch_runs synth_1 -jobs {jobs}
wait_on_run synth_1
launch_runs impl_1 -to_step write_bitstream -jobs {jobs}
wait_on_run impl_1
open_run impl_1
report_utilization -file {UTILISATION}
report_timing_summary -file {TIMING}
file copy -force project/{PROJECT}.runs/impl_1/{DESIGN}_wrapper.bit {PROJECT}.bit
file copy -force project/{PROJECT}.gen/sources_1/bd/{DESIGN}/hw_handoff/{DESIGN}.hwh {PROJECT}.hwh
exit
"""
