"""Designs of one layer, as they are built, for the proofs of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fpga_flow.design.build import build_design
from fpga_flow.design.design import Design
from fpga_flow.prove.layers import Prover
from fpga_flow.results.hardware import Predicted
from fpga_flow.results.verify import LayerProof
from tests.layers.one_layer import PART, OneLayer

HARDWARE = Predicted(
    part=PART, clock_mhz=100, top_k=0, cycles_per_frame=1, latency_cycles=1, bottleneck="none"
)


@dataclass(frozen=True)
class Built:
    """A design and where it stands."""

    design: Design
    folder: Path
    cache: Path

    @classmethod
    def of(cls, case: OneLayer, folder: Path, cache: Path) -> "Built":
        """Return the design of `case` in `folder`; `cache` has compiled simulators."""
        return cls(build_design(case.model(), HARDWARE, folder / "rtl"), folder / "rtl", cache)

    @property
    def prover(self) -> Prover:
        return Prover(self.design, self.folder, self.cache, self.folder.parent / "proofs.log")

    def proof(self) -> LayerProof:
        """Return the proof of the only layer that has one."""
        (found,) = self.prover.prove_all(lambda step, name: None)
        return found

    def file(self, ending: str) -> Path:
        """Return the only file of the design whose name ends so."""
        (found,) = self.folder.glob(f"*/*{ending}")
        return found

    def change(self, ending: str, change: Callable[[str], str]) -> None:
        """Change the text of a file, which must make it another one."""
        path = self.file(ending)
        before = path.read_text()
        after = change(before)
        assert after != before
        path.write_text(after)


def replaced(pattern: str, by: str, place: int = 0) -> Callable[[str], str]:
    """Return what replaces the match number `place` of `pattern`."""

    def change(text: str) -> str:
        found = list(re.finditer(pattern, text))[place]
        return text[: found.start()] + found.expand(by) + text[found.end() :]

    return change
