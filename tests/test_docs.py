"""The tables of docs/ say what the figures beside them say, its commands run, what pages name is there."""

import csv
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fpga_flow.core import recipe_table
from fpga_flow.core.digests import SOURCES
from fpga_flow.core.recipe import ROOT

DOCS = ROOT / "docs"
COLUMNS = {
    "accuracy": lambda row: f"{100 * float(row['accuracy_golden']):.2f} %",
    "weights not zero": lambda row: f"{int(row['nonzero']):,}",
    "bit operations": lambda row: f"{int(row['bit_ops']):,}",
    "weight bits": lambda row: f"{int(row['weight_bits']):,}",
    "score": lambda row: f"{float(row['itu_score']):.4f}",
}
"""Column of the page -> what stands in it for a row of the figures."""

PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in (
        *("*.md", "NOTICE", "Makefile", "docs/*.md", "fpga_flow/**/*.md", "models/**/*.md", "tests/**/*.md"),
        *(".ci/*", ".github/**/*.yml", "docker/*", "docker/**/*.md", "examples/**/*.yml"),
    )
    for path in ROOT.glob(pattern)
    if path.is_file()
)
PATH = re.compile(r"(?<![\w/.-])((?:fpga_flow|tests|docs|models|examples|docker|\.ci)/[\w./-]*\w)")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#]+)[^)]*\)")
MODULE = re.compile(r"(?<![\w/.])((?:fpga_flow|tests)(?:\.\w+)+)")


def figures(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("file", ["sweep.csv", "bits.csv"])
def test_every_row_of_the_comparison_is_a_row_of_its_figures(file: str) -> None:
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    section = next(part for part in page.split("\n## ") if f"(comparison/{file})" in part)
    header, _, *rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    names = header.split(" | ")
    wanted = {tuple(COLUMNS[name](row) for name in COLUMNS) for row in figures(DOCS / "comparison" / file)}
    assert len(rows) > 10
    for row in rows:
        cells = dict(zip(names, row.split(" | "), strict=True))
        assert tuple(cells[name] for name in COLUMNS) in wanted, row


def blocks(page: str) -> list[tuple[str, str]]:
    """The blocks of code in a page: language and text."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(1500)
def test_the_page_about_own_networks_runs_as_it_stands(tmp_path: Path) -> None:
    names = iter(("data.py", "net.py", "mine.toml"))
    for language, text in blocks("own-model.md"):
        if language != "sh":
            (tmp_path / next(names)).write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            program, *words = line.split()
            command = {"python": [sys.executable], "flow": [sys.executable, "-m", "fpga_flow.cli.main"]}[
                program
            ]
            done = subprocess.run(
                [*command, *words],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert next(names, None) is None
    with np.load(tmp_path / "classes.npz") as golden, np.load(tmp_path / "simulated.npz") as simulated:
        assert np.array_equal(golden["y"], simulated["y"])
        digits = load_digits().target[1500:1532]
        assert (golden["y"] == digits).mean() > 0.8
    table = json.loads((tmp_path / "run" / "report.json").read_text())
    assert table["verify"]["mismatches"] == 0
    assert table["accuracy"]["golden"] > 0.85
    assert table["cost"]["nonzero"] < 0.45 * table["cost"]["weights"]


def test_the_page_about_recipes_is_that_of_the_models_they_are_checked_by() -> None:
    made = recipe_table.page()
    assert (DOCS / "recipe.md").read_text(encoding="utf-8") == made, (
        "python -m fpga_flow.core.recipe_table makes it"
    )
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \| (.*) \| (.*) \|$", made, re.MULTILINE)
    assert len(rows) > 100
    assert [key for key, value, _, meaning in rows if not value or not meaning] == []


def test_every_key_of_the_recipes_of_the_project_is_in_the_page() -> None:
    keys = set(re.findall(r"^\| `([\w.]+)`", (DOCS / "recipe.md").read_text(encoding="utf-8"), re.MULTILINE))

    def named(table: dict[str, object], path: str = "") -> set[str]:
        found = set()
        for name, value in table.items():
            inside = isinstance(value, dict) and f"{path}{name}" not in keys
            found |= named(value, f"{path}{name}.") if inside else {f"{path}{name}"}
        return found

    for file in (ROOT / "build").glob("*.toml"):
        assert named(tomllib.loads(file.read_text(encoding="utf-8"))) <= keys, file


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_and_modules_that_a_page_names_are_there(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = {ROOT / name for name in PATH.findall(text)}
    paths |= {(ROOT / page).parent / name for name in LINK.findall(text)}
    missing = [str(path) for path in paths if not path.exists() and not path.stem.isupper()]
    assert missing == [], "a name in capitals is the reader's, all others must be there"
    assert [name for name in MODULE.findall(text) if not is_module(name)] == []


def test_files_and_modules_that_comments_of_the_code_name_are_there() -> None:
    missing = []
    for path in (ROOT / "fpga_flow").rglob("*.*"):
        if path.suffix in SOURCES:
            text = path.read_text(encoding="utf-8")
            wrong = [name for name in PATH.findall(text) if not (ROOT / name).exists()]
            wrong += [name for name in MODULE.findall(text) if not is_module(name)]
            missing += [f"{path.relative_to(ROOT)}: {name}" for name in wrong]
    assert missing == []


def is_module(name: str) -> bool:
    """Whether `name` is a module of the project, or something that one defines."""
    path = ROOT.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file() or path.is_dir():
        return True
    module = path.parent.with_suffix(".py")
    return module.is_file() and re.search(rf"\b{path.name}\b", module.read_text(encoding="utf-8")) is not None


def test_the_pages_name_many_files() -> None:
    assert len(PAGES) > 20
    assert len(PATH.findall((DOCS / "architecture.md").read_text(encoding="utf-8"))) > 40
