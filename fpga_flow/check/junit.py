"""The cases of a check as JUnit's XML, which GitHub's, GitLab's and Jenkins' test reports read."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from fpga_flow.check.found import Case, State

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, not even escaped."""
ELEMENTS = {State.FAILED: "failure", State.ERROR: "error", State.SKIPPED: "skipped"}
"""State of a case -> the element in it that says so."""


def junit(network: str, cases: Sequence[Case]) -> str:
    """Return the XML of one suite named after `network`; classes are the cases' groups."""
    name = printable(f"flow check {network}")
    counts = {"tests": len(cases), **{f"{_plural(state)}": _count(cases, state) for state in ELEMENTS}}
    seconds = f"{sum(case.seconds for case in cases):.3f}"
    numbers = {key: str(value) for key, value in counts.items()} | {"time": seconds}
    root = ElementTree.Element("testsuites", numbers)
    suite = ElementTree.SubElement(root, "testsuite", {"name": name} | numbers)
    for case in cases:
        described = {"classname": printable(f"{network}.{case.group}"), "name": printable(case.name)}
        element = ElementTree.SubElement(suite, "testcase", described | {"time": f"{case.seconds:.3f}"})
        if case.state in ELEMENTS:
            first, _, _ = case.text.partition("\n")
            why = ElementTree.SubElement(element, ELEMENTS[case.state], {"message": printable(first)})
            why.text = printable(case.text)
        elif case.text:
            ElementTree.SubElement(element, "system-out").text = printable(case.text)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _plural(state: State) -> str:
    return {State.FAILED: "failures", State.ERROR: "errors", State.SKIPPED: "skipped"}[state]


def _count(cases: Sequence[Case], state: State) -> int:
    return sum(case.state is state for case in cases)


def printable(text: str) -> str:
    """Return `text` with another character in the place of each that XML cannot hold."""
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
