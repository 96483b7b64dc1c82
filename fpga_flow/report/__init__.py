"""What a run found out: `report.json`, one HTML page and a table on the terminal."""

from fpga_flow.report.assemble import assemble
from fpga_flow.report.schema import Report
from fpga_flow.report.table import show
from fpga_flow.report.write import write

__all__ = ["Report", "assemble", "show", "write"]
