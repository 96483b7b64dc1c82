"""`docs/architecture.md`: its pictures and its list of rooms are those of the code."""

import re
from pathlib import Path

import pytest

from fpga_flow.core import places
from fpga_flow.core.closure import closure
from fpga_flow.pipeline.flow import STAGE_NAMES
from tests import architecture
from tests.architecture import DOCS, FILES, PAGE, PICTURES, content, edges

AGAIN = "python -m tests.architecture draws it anew"


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_shows_what_is_in_the_code(name: str) -> None:
    assert content((DOCS / name).read_text(encoding="utf-8")) == content(PICTURES[name]()), AGAIN


def test_a_picture_is_the_same_file_each_time() -> None:
    assert architecture.data_picture() == architecture.data_picture()


def test_every_input_of_a_stage_is_an_arrow_between_two_boxes() -> None:
    names, texts = content(architecture.data_picture())
    arrows = {f"{source}-{stage}" for source, stage in edges()}
    assert len(arrows) >= 10
    assert names == arrows | set(STAGE_NAMES) | {"begin-train", "outside-export"}
    assert set(STAGE_NAMES) <= set(texts)


def test_an_import_between_two_rooms_is_a_dot() -> None:
    names, _ = content(architecture.rooms_picture())
    assert {"data-core", "fifos-sim", "cli-sweep"} <= names
    assert not {"core-data", "sim-fifos", "train-export"} & names


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_the_files_that_a_box_names_are_written_by_its_stage(stage: str) -> None:
    sources = [path for path in closure([f"fpga_flow.stages.{stage}"]) if path.suffix == ".py"]
    sources.append(places.CODE / "fpga_flow" / "core" / "artifact.py")
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    for name in FILES[stage]:
        assert re.search(rf'["}}]/?{re.escape(Path(name).name)}"|"{Path(name).stem}"', text), name


def test_the_page_lists_the_rooms_as_they_say_of_themselves() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert architecture.with_rooms(page) == page, AGAIN
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    assert [room for room, _ in rows] == [room for room, _ in architecture.ROOMS[1:]]
    assert [room for room, summary in rows if not summary.endswith(".")] == []
