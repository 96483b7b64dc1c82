"""The files of an export that are made from templates, and what the host needs."""

import shutil
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from fpga_flow.core.artifact import write_json
from fpga_flow.handover.describe import Description
from fpga_flow.integer import quantise

TEMPLATES = {
    "README.md.j2": "README.md",
    "Makefile.j2": "Makefile",
    "bench.sv.j2": "tb/{top}_tb.sv",
    "constraints.xdc.j2": "constraints.xdc",
    "component.xml.j2": "component.xml",
    "lint.vlt.j2": "lint.vlt",
}
"""Template -> file of the export."""
HOST = "host"


def render(description: Description, folder: Path) -> None:
    """Write the file of every template into `folder`."""
    for template, path in TEMPLATES.items():
        environment = Environment(
            loader=PackageLoader("fpga_flow.handover", "templates"),
            autoescape=".xml." in template,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        text = environment.get_template(template).render(of=description)
        (folder / path.format(top=description.top)).write_text(text, encoding="utf-8")


def write_host(description: Description, folder: Path) -> None:
    """Write how a host makes the integers of a frame: the module that does it, and its numbers."""
    target = folder / HOST
    target.mkdir()
    shutil.copyfile(quantise.__file__, target / "quantise.py")
    write_json(target / "host.json", {"input": description.host, "output": description.numbers})
