"""What a board holds, and what a unit of each resource is worth."""

from fpga_flow.target.board import Board
from fpga_flow.target.resources import Resources


def capacity(board: Board) -> Resources:
    """Return what the board's part holds."""
    return Resources(board.lut, board.ff, board.bram18, board.dsp)


def prices(board: Board) -> Resources:
    """Return the price of a unit of each resource in LUTs: a part's whole amount of any costs the same."""
    return Resources(*(board.lut / amount for amount in capacity(board)))
