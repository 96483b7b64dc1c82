"""The rooms of the program have an order, and no import climbs it."""

from pathlib import Path

import pytest

from fpga_flow.core import places
from fpga_flow.core.closure import PACKAGE, closure
from fpga_flow.core.import_graph import circle, module_graph, room_graph, room_of

ROOMS = [
    ("fpga_flow", "the version; loaded with every module"),
    ("core", "stands on nothing"),
    ("integer", "quantises frames and runs the golden model: data, FIFOs and the board all take it"),
    ("results", "what every stage leaves behind, as models; knows values only"),
    ("target", "boards and families: facts, which nothing computes"),
    ("data", "frames; the board's are quantised the same way"),
    ("train", "needs frames"),
    ("surgery", "takes channels out of what train made"),
    ("prune", "masks and criteria; silences what surgery will take out"),
    ("export", "needs the trained network"),
    ("scores", "counts what export made"),
    ("finn", "below all layers: what FINN keeps to itself"),
    ("layers", "the kinds of hardware layers"),
    ("design", "layers as RTL, stitched"),
    ("sim", "simulates a design; below all that simulate"),
    ("hardware", "lowers and folds into layers"),
    ("fifos", "depths by the layers' schedules, or by simulation"),
    ("budget", "folds, sizes FIFOs, and estimates what all of it takes"),
    ("verify", "simulates, and asks the FIFOs' model why a design hangs"),
    ("synth", "counts cells"),
    ("prove", "reads netlists with Yosys, simulates layers alone"),
    ("bitstream", "a verified design in its shell"),
    ("until_fits", "lowers and folds what is being pruned; given to the stage by name"),
    ("own_network", "trains nothing, but tries the export before it is trained"),
    ("stages", "each puts the rooms above together; loaded by name"),
    ("pipeline", "knows the stages' order"),
    ("storage", "removes runs, and what running ones leave of the cache"),
    ("deploy", "takes a finished run to the board"),
    ("handover", "takes a finished design to a project of somebody's own"),
    ("report", "reads every stage's result, and the board's"),
    ("check", "judges a report"),
    ("bit_search", "measures trained networks; belongs to no run"),
    ("untrained", "exports what nobody trained; belongs to no run"),
    ("sweep", "many runs and their reports"),
    ("compare", "the rows and the plot of a sweep, for any runs"),
    ("cli", "a command for everything"),
]
"""Lowest first, with why each stands where it does; it imports those before it only."""
PLACE = {room: place for place, (room, _) in enumerate(ROOMS)}
MODULES = module_graph()


def test_every_room_has_a_place_in_the_order() -> None:
    assert set(room_graph(MODULES)) == set(PLACE)
    assert len(ROOMS) == len(PLACE)


def test_no_import_climbs() -> None:
    climbing = [
        f"{module} imports {name}"
        for module, imported in MODULES.items()
        for name in imported
        if PLACE[room_of(name)] > PLACE[room_of(module)]
    ]
    assert climbing == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(MODULES) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert circle(room_graph(MODULES)) == []


def test_a_circle_is_found_with_its_names() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) in (
        ["a", "b", "c", "a"],
        ["b", "c", "a", "b"],
        ["c", "a", "b", "c"],
    )


def test_imports_within_functions_and_of_packages_are_in_the_graph(tmp_path: Path) -> None:
    package = tmp_path / PACKAGE
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "room" / "__init__.py").write_text("import pkgutil\n")
    (package / "room" / "one.py").write_text("def late():\n    from fpga_flow.low import x\n")
    (package / "low.py").write_text("import os\n")
    modules = module_graph(tmp_path)
    assert modules == {
        "fpga_flow": set(),
        "fpga_flow.low": set(),
        "fpga_flow.room": {"fpga_flow.room.one"},
        "fpga_flow.room.one": {"fpga_flow.low"},
    }
    assert room_graph(modules) == {"fpga_flow": {}, "low": {}, "room": {"low": 1}}


def test_stages_do_not_import_each_other() -> None:
    stages = {name: MODULES[name] for name in MODULES if name.startswith("fpga_flow.stages.")}
    assert len(stages) >= 9
    assert [name for name, imported in stages.items() if any(room_of(i) == "stages" for i in imported)] == []


def test_stages_are_loaded_by_the_pipeline_alone() -> None:
    importing = [name for name, imported in MODULES.items() if any(room_of(i) == "stages" for i in imported)]
    assert [name for name in importing if room_of(name) != "stages"] == []
    code = places.CODE / PACKAGE
    naming = [path.relative_to(code) for path in code.rglob("*.py") if "fpga_flow.stages" in path.read_text()]
    assert {path.parts[0] for path in naming} == {"core", "pipeline"}
    assert [path.name for path in naming if path.parts[0] == "core"] == ["stage.py"], "what a stage is"


@pytest.mark.parametrize("room", ["fifos", "verify", "deploy", "hardware"])
def test_the_simulator_needs_nothing_of_those_that_simulate(room: str) -> None:
    simulator = [name for name in MODULES if room_of(name) == "sim"]
    assert len(simulator) > 5
    needed = {path.relative_to(places.CODE / PACKAGE).parts[0] for path in closure(simulator)}
    assert room not in needed
