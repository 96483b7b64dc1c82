"""What a check has found so far, and its cases: stages, layers, frame sets, limits."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from fpga_flow.check.expected import Compared
from fpga_flow.check.limits import Limit
from fpga_flow.core.errors import DifferenceError, FitError, FlowError
from fpga_flow.core.stage import Stage
from fpga_flow.design.design import load_design
from fpga_flow.pipeline import order
from fpga_flow.pipeline.flow import Run
from fpga_flow.pipeline.run import Outcome
from fpga_flow.report import Report, assemble
from fpga_flow.results.run import RunResults, read_all
from fpga_flow.results.verify import VerifyResult
from fpga_flow.target.board import board
from fpga_flow.target.fit import Fit
from fpga_flow.target.resources import Resources

NOT_REACHED = "not reached"


class State(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Case:
    """One thing that is checked."""

    group: str
    """stage, layer, frames or limit."""
    name: str
    state: State
    text: str = ""
    """Why it failed, or what was found."""
    seconds: float = 0.0


@dataclass
class Found:
    """What a check has found; it grows as the check goes on."""

    network: Path
    until: str
    """The last stage that is wanted."""
    limits: list[Limit] = field(default_factory=list)
    run: Run | None = None
    error: Exception | None = None
    """What ended the build, or came before it."""
    expects: bool = False
    """Whether the user brought expected outputs."""
    compared: Compared | None = None
    """How those compare with the golden model's."""
    refused: FlowError | None = None
    """Why they cannot be compared."""

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The stages that stand, by name."""
        return {outcome.name: outcome for outcome in self.run.outcomes} if self.run else {}

    def results(self) -> RunResults:
        """Return the results of these stages."""
        return read_all({name: self.run.folder / name for name in self.outcomes} if self.run else {})

    def report(self) -> Report | None:
        """Return the report of these stages, None where there is no run."""
        return assemble(self.run, self.results()) if self.run else None

    def judge(self) -> None:
        """Put into the limits what was found."""
        if (report := self.report()) is not None:
            self.limits = [limit.judged(report) for limit in self.limits]

    def cases(self) -> list[Case]:
        """Return all cases in the order in which they are checked."""
        results = self.results()
        return [
            *self._stages(),
            *self._layers(results),
            *_frames(results.verify),
            *self._expected(),
            *self._limits(results),
        ]

    def _stages(self) -> Iterator[Case]:
        outside = [stage for stage in order.STAGES if not stage.needs_training]
        names = [stage.name for stage in outside]
        made = self.outcomes
        blamed = None if self._judged(outside) or self.refused else self.error
        for name in names[: names.index(self.until) + 1]:
            if name in made:
                yield Case("stage", name, State.PASSED, seconds=made[name].seconds)
            elif blamed is not None:
                different = isinstance(blamed, FlowError) and blamed.exit_code == DifferenceError.exit_code
                yield Case("stage", name, State.FAILED if different else State.ERROR, explained(blamed))
                blamed = None
            else:
                yield Case("stage", name, State.SKIPPED, NOT_REACHED)

    def _judged(self, outside: list[Stage]) -> bool:
        """Whether the error is the verdict on a finished stage's result: the last one's, if it has one."""
        last = list(self.outcomes)[-1:]
        judged = any(stage.judge is not None for stage in outside if stage.name in last)
        return judged and isinstance(self.error, DifferenceError | FitError)

    def _layers(self, results: RunResults) -> Iterator[Case]:
        verify = results.verify
        if verify is None:
            if self.run and results.rtl:
                for layer in load_design(self.run.folder / "rtl").layers:
                    if layer.taps:
                        yield Case("layer", layer.name, State.SKIPPED, NOT_REACHED)
            return
        first = verify.first_difference
        refuted = {proof.layer: proof.words() for proof in verify.refuted}
        proved = {proof.layer for proof in verify.proofs if proof.proved}
        for name in verify.layers_compared:
            if first and first.layer == name:
                yield Case("layer", name, State.FAILED, f"different: {first.words()}")
            elif name in refuted:
                yield Case("layer", name, State.FAILED, f"different: {refuted[name]}")
            else:
                yield Case("layer", name, State.PASSED, "proved" if name in proved else "equal")
        for name in verify.layers_not_reached:
            yield Case("layer", name, State.SKIPPED, NOT_REACHED)

    def _expected(self) -> Iterator[Case]:
        name = "expected outputs"
        if self.refused:
            yield Case("frames", name, State.ERROR, explained(self.refused))
        elif self.compared:
            text = f"{self.compared.differing:,} of {self.compared.frames:,} frames differ"
            if self.compared.differing:
                yield Case("frames", name, State.FAILED, f"{text}; first: {self.compared.first}")
            else:
                yield Case("frames", name, State.PASSED, text)
        elif self.expects:
            yield Case("frames", name, State.SKIPPED, NOT_REACHED)

    def _limits(self, results: RunResults) -> Iterator[Case]:
        for limit in self.limits:
            if limit.found is None:
                yield Case("limit", limit.option, State.SKIPPED, NOT_REACHED)
            else:
                yield Case("limit", limit.option, State.PASSED if limit.met else State.FAILED, limit.words())
        synth = results.synth
        if synth is not None and self.run is not None:
            fit = Fit(Resources.of(synth), board(self.run.recipe.board))
            state = State.FAILED if fit.over else State.PASSED
            yield Case("limit", f"fits {fit.board.name}", state, fit.excess())


def _frames(verify: VerifyResult | None) -> Iterator[Case]:
    if verify is None:
        yield Case("frames", "RTL", State.SKIPPED, NOT_REACHED)
        return
    for each in verify.sets:
        name = f"RTL with{'' if each.stalls else 'out'} stalls"
        text = f"{each.mismatches:,} of {each.frames:,} frames differ from the golden model"
        yield Case("frames", name, State.FAILED if each.mismatches else State.PASSED, text)


def explained(error: Exception) -> str:
    """Return the message of `error`, with its notes."""
    what = str(error) if isinstance(error, FlowError) else f"a fault in flow: {type(error).__name__}: {error}"
    return "\n".join([what, *getattr(error, "__notes__", ())])
