"""The 7 series (UG473, UG474, UG479)."""

from fpga_flow.target.families import xilinx
from fpga_flow.target.family import Family, LutMemory

FAMILY = Family(
    name="xc7",
    parts=("xc7",),
    multiplier=(25, 18),
    dsp_product=9,
    block_ram=xilinx.BLOCK_RAM,
    lut_memory=LutMemory(rom_bits=64, luts=4, shapes=((6, 32), (3, 64)), cost=(1, 7)),  # RAM32M, RAM64M
    cells=xilinx.cells(
        {"RAMB18E1": 1, "RAMB36E1": 2, "FIFO18E1": 1, "FIFO36E1": 2}, "DSP48E1", {"CARRY4": 1}
    ),
    synthesis=xilinx.synthesis("xc7", ("RAMB18E1", "RAMB36E1")),
    delays=True,
    files=xilinx.FILES,
    black_boxes={**xilinx.BLACK_BOXES, "DSP48E1": xilinx.HERE / "xc7_dsp.sv"},
)
