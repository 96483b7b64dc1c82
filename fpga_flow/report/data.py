"""Which data the report's numbers come from."""

from fpga_flow.results.run import RunResults
from fpga_flow.results.train import FrameSet


def data_note(found: RunResults) -> str:
    """Return in words what the stages say about their test frames; empty where no stage has used any."""
    trained = found.prune or found.train
    if trained is not None:
        return _words(trained.data)
    return found.export.data if found.export else ""


def _words(data: FrameSet) -> str:
    words = [f"{data.name} (generated)" if data.generated else data.name, f"{data.classes} classes"]
    if data.snr_db:
        words.append(f"{min(data.snr_db):g} to {max(data.snr_db):g} dB SNR")
    return ", ".join(words)
