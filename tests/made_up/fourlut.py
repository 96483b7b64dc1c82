"""A device family: logic of four inputs and flip-flops, nothing else. This file is all there is of it."""

from fpga_flow.target.family import BlockRam, Cells, Family, LutMemory

FAMILY = Family(
    name="fourlut",
    parts=("fourlut",),
    multiplier=(0, 0),
    dsp_product=1_000,  # none
    block_ram=BlockRam(()),  # none
    lut_memory=LutMemory(rom_bits=16, luts=1, shapes=((1, 1),), cost=(1, 0)),
    cells=Cells(
        lut={"$lut": 1},
        lutram={},
        ff={"$_DFF_P_": 1},
        bram18={},
        dsp={},
        carry={},
    ),
    synthesis=(
        "hierarchy -check -top {top}",
        "synth -flatten -top {top}",
        "dfflegalize -cell $_DFF_P_ 01",
        "abc -lut 4",
        "clean -purge",
    ),
)
