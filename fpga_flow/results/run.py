"""The results of all stages of a run. No stage imports this, since it would depend on them all."""

from collections.abc import Mapping
from pathlib import Path

from fpga_flow.results.base import Record, Result, read, read_effort
from fpga_flow.results.bitstream import BitstreamResult
from fpga_flow.results.estimate import EstimateResult
from fpga_flow.results.export import ExportResult
from fpga_flow.results.hardware import HardwareResult
from fpga_flow.results.prune import PruneResult
from fpga_flow.results.rtl import RtlResult
from fpga_flow.results.synth import SynthResult
from fpga_flow.results.train import TrainResult
from fpga_flow.results.verify import VerifyEffort, VerifyResult

KINDS: dict[str, type[Result]] = {
    "train": TrainResult,
    "prune": PruneResult,
    "export": ExportResult,
    "hardware": HardwareResult,
    "estimate": EstimateResult,
    "rtl": RtlResult,
    "verify": VerifyResult,
    "synth": SynthResult,
    "bitstream": BitstreamResult,
}
"""By stage, what it returns."""


class RunResults(Record):
    """The results of the stages of a run that belong together; None where a stage does not stand."""

    train: TrainResult | None = None
    prune: PruneResult | None = None
    export: ExportResult | None = None
    hardware: HardwareResult | None = None
    estimate: EstimateResult | None = None
    rtl: RtlResult | None = None
    verify: VerifyResult | None = None
    verify_effort: VerifyEffort | None = None
    synth: SynthResult | None = None
    bitstream: BitstreamResult | None = None


def read_all(folders: Mapping[str, Path]) -> RunResults:
    """Return the results in `folders`, artifacts by stage name.

    Raises `InputError` that names run and stage where one is of another version of this project.
    """
    found: dict[str, Record] = {name: read(KINDS[name], folder) for name, folder in folders.items()}
    if "verify" in folders:
        found["verify_effort"] = read_effort(VerifyEffort, folders["verify"])
    return RunResults.model_validate(found)
