"""Writes `report.json` and `report.html` into a run."""

from pathlib import Path

from fpga_flow.core import artifact
from fpga_flow.core.progress import bar
from fpga_flow.pipeline.flow import Run
from fpga_flow.report.assemble import assemble, results
from fpga_flow.report.learning import learning
from fpga_flow.report.schema import HTML, JSON


def write(run: Run) -> None:
    """Write both reports of `run`; the page is drawn anew only where what it shows has changed."""
    found = results(run)
    report = assemble(run, found)
    artifact.write_json(run.folder / JSON, report.model_dump(mode="json"))
    shown = report.model_dump(mode="json")
    for stage in shown["stages"]:
        del stage["cached"]
    kept = learning(run, found).model_dump(mode="json")
    version = artifact.digest_json([shown, found.model_dump(mode="json"), kept, _code()])
    page = run.folder / HTML
    if not (page.is_file() and f'content="{version}"' in page.read_text(encoding="utf-8")[:1000]):
        with bar("drawing the report"):
            from fpga_flow.report.page import render  # with matplotlib, which takes a second to import

            artifact.write_text(page, render(run, report, found, version))


def _code() -> str:
    """Return a digest of this package, so that a page of an older version is drawn anew."""
    folder = Path(__file__).parent
    return artifact.digest_files(folder, (p for p in folder.iterdir() if p.suffix in (".py", ".j2")))
