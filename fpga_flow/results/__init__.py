"""What each stage measured and decided: one model a stage, written as `result.json`, read by all others.

This room stands below the stages, so that nobody who reads a result imports the stage that made it. A stage
depends on the results that it writes and reads and on no others; therefore nothing is imported here but what
all of them need.
"""

from fpga_flow.results.base import Record as Record
from fpga_flow.results.base import Result as Result
from fpga_flow.results.base import Share as Share
from fpga_flow.results.base import read as read
from fpga_flow.results.base import read_effort as read_effort
