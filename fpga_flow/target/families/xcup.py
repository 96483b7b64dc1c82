"""UltraScale+ (UG573, UG574, UG579)."""

from fpga_flow.target.families import xilinx
from fpga_flow.target.family import Family, LutMemory

FAMILY = Family(
    name="xcup",
    parts=("xczu", "xck2"),
    multiplier=(27, 18),
    dsp_product=9,
    block_ram=xilinx.BLOCK_RAM,
    lut_memory=LutMemory(rom_bits=64, luts=8, shapes=((14, 32), (7, 64)), cost=(0, 16)),  # RAM32M16, RAM64M8
    cells=xilinx.cells({"RAMB18E2": 1, "RAMB36E2": 2}, "DSP48E2", {"CARRY8": 2, "CARRY4": 1}),
    synthesis=xilinx.synthesis("xcup", "DSP48E2", "RAMB18E2", "RAMB36E2"),
    delays=True,
    files=xilinx.FILES,
    black_boxes={**xilinx.BLACK_BOXES, "DSP48E2": xilinx.HERE / "xcup_dsp.sv"},
)
