"""The sources of an export: those of the stage `rtl`, with memory files that are found from any folder.

A generated module names its memory files by a path from the artifact's folder, "data/<file>". In an export
that path begins with a macro, which every file that uses it defines where the user has not.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fpga_flow.design.design import Design

SOURCES, DATA = "src", "src/data"
"""Folders of an export. The memory files stand below the sources: a tool may look from a source's folder."""
LIST = "files.f"
SPDX = "// SPDX-License-Identifier: BSD-3-Clause\n"
FINN = "Advanced Micro Devices, Inc."
"""In the head of each of FINN's files, and of what FINN generates from its templates."""
HEAD = 60
"""Lines that a licence's head is looked for in."""
Origin = Literal["fpga_flow", "FINN"]


@dataclass(frozen=True)
class Source:
    """A source of an export."""

    path: str
    """In the export."""
    origin: Origin


@dataclass(frozen=True)
class Written:
    """The sources of an export, in the order of compilation, and its memory files."""

    sources: tuple[Source, ...]
    data: tuple[str, ...]
    macro: str
    """It holds the path of the memory files, with a slash at its end, as a string."""

    def of(self, origin: Origin) -> list[str]:
        """Return the paths of the sources that come from `origin`."""
        return [source.path for source in self.sources if source.origin == origin]


def macro(design: Design) -> str:
    """Return the name of the macro with the path of the memory files."""
    return f"{design.top.upper()}_MEMORY_PATH"


def write_sources(design: Design, rtl: Path, folder: Path) -> Written:
    """Write the sources, the memory files and `files.f` of the artifact `rtl` into `folder`."""
    name = macro(design)
    prefixes = {Path(file).name for layer in design.layers for file in layer.data}
    (folder / DATA).mkdir(parents=True)
    written = []
    for source in design.sources:
        text, origin = licensed((rtl / source).read_text(encoding="utf-8"))
        path = f"{SOURCES}/{Path(source).name}"
        (folder / path).write_text(with_macro(text, prefixes, name), encoding="utf-8")
        written.append(Source(path, origin))
    data = []
    for file in sorted(prefixes):
        shutil.copyfile(rtl / "data" / file, folder / DATA / file)
        data.append(f"{DATA}/{file}")
    (folder / LIST).write_text("".join(f"{one.path}\n" for one in written), encoding="utf-8")
    return Written(tuple(written), tuple(data), name)


def licensed(text: str) -> tuple[str, Origin]:
    """Return a source with a licence in its head, and whose file it is.

    What has neither a licence identifier nor FINN's notice was generated here.
    """
    head = "\n".join(text.splitlines()[:HEAD])
    if "SPDX-License-Identifier" in head:
        return text, "fpga_flow"
    if FINN in head:
        return text, "FINN"
    return SPDX + text, "fpga_flow"


def with_macro(text: str, data: set[str], name: str) -> str:
    """Return a source in which the paths of memory files begin with the macro `name`.

    `data` are the files' names; a string that is a path of one of them, or the begin of such a path, is
    rewritten, and nothing else.
    """

    def rewritten(match: re.Match[str]) -> str:
        file = match[1]
        return f'{{`{name}, "{file}"}}' if any(one.startswith(file) for one in data) else match[0]

    found = re.sub(r'"data/([\w.]+)"', rewritten, text)
    if found == text:
        return text
    head, rest = (SPDX, found.removeprefix(SPDX)) if found.startswith(SPDX) else ("", found)
    return f'{head}`ifndef {name}\n`define {name} "data/"\n`endif\n{rest}'
