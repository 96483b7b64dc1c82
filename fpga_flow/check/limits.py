"""Limits that the user sets: the most LUTs, the least frames per second."""

from dataclasses import dataclass, replace
from math import isfinite

from fpga_flow.core.errors import FitError, InputError
from fpga_flow.core.format import amount
from fpga_flow.report import Report
from fpga_flow.report.columns import COLUMNS


@dataclass(frozen=True)
class Limit:
    """One limit, and what was found; None where the check did not get that far."""

    key: str
    """Of the column of what is counted."""
    unit: str
    option: str
    bound: float
    most: bool
    """Whether the bound is the largest that may be found; else it is the least."""
    remedy: str
    found: float | None = None

    def judged(self, report: Report) -> "Limit":
        """Return the limit with what stands in `report`."""
        value = COLUMNS[self.key].value(report)
        return replace(self, found=None if value is None else float(value))

    @property
    def met(self) -> bool:
        """Whether what was found is within the limit."""
        if self.found is None:
            return False
        return self.found <= self.bound if self.most else self.found >= self.bound

    def words(self) -> str:
        """Return what was found against the limit."""
        wanted = f"{'at most' if self.most else 'at least'} {amount(self.bound)} wanted"
        return f"{amount(self.found)} {self.unit}, {wanted}"


def wanted(max_lut: float | None, min_fps: float | None) -> list[Limit]:
    """Return the limits that the options set; raises `InputError` for one that is no number above 0."""
    limits = []
    for option, bound in (("--max-lut", max_lut), ("--min-fps", min_fps)):
        if bound is None:
            continue
        if not (isfinite(bound) and bound > 0):
            raise InputError(f"{option}: must be a number above 0, not {bound:g}")
        if option == "--max-lut":
            remedy = "lower --fps, prune more, or raise the limit"
            limits.append(Limit("lut", "LUT", option, bound, True, remedy))
        else:
            remedy = "raise --fps, or lower the limit"
            limits.append(Limit("fps_rtl", "frames/s", option, bound, False, remedy))
    return limits


def passed(limits: list[Limit]) -> FitError | None:
    """Return the error that names every limit that is not met."""
    judged = [limit for limit in limits if limit.found is not None]
    over = [f"{limit.option}: {limit.words()}; {limit.remedy}" for limit in judged if not limit.met]
    return FitError("\n  ".join(over)) if over else None
