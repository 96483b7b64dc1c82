"""UltraScale+ (UG573, UG574, UG579)."""

from fpga_flow.target.families import xilinx
from fpga_flow.target.family import Family, LutMemory

BLOCK_RAMS = "RAMB18E2", "RAMB36E2"
FAMILY = Family(
    name="xcup",
    parts=("xczu", "xck2"),
    multiplier=(27, 18),
    dsp_product=9,
    block_ram=xilinx.BLOCK_RAM,
    lut_memory=LutMemory(rom_bits=64, luts=8, shapes=((14, 32), (7, 64)), cost=(0, 16)),  # RAM32M16, RAM64M8
    cells=xilinx.cells(dict(zip(BLOCK_RAMS, (1, 2), strict=True)), "DSP48E2", {"CARRY8": 2, "CARRY4": 1}),
    synthesis=xilinx.synthesis("xcup", BLOCK_RAMS, "DSP48E2", *BLOCK_RAMS),
    delays=True,
    files=xilinx.FILES,
    black_boxes={**xilinx.BLACK_BOXES, "DSP48E2": xilinx.HERE / "xcup_dsp.sv"},
)
