"""The package installed apart from its checkout: everything is there, and a build works in any folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fpga_flow.core.recipe import ROOT, model_names, recipe_names

NAMES = ("fpga_flow", "models", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a copy of the checkout is installed into."""
    folder = tmp_path_factory.mktemp("install")
    source = folder / "source"
    source.mkdir()
    for name in NAMES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, source / name)
    (source / "build").mkdir()
    for path in (ROOT / "build").glob("*.toml"):
        shutil.copyfile(path, source / "build" / path.name)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--target", str(folder / "site"), str(source)]
    subprocess.run(command, check=True)
    assert {path.suffix for path in (source / "build").iterdir()} == {".toml"}, "left by the installation"
    return folder / "site"


def flow(site: Path, folder: Path, *arguments: str) -> str:
    """Run the installed `flow` in `folder`; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "fpga_flow.cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_package_is_installed(site: Path) -> None:
    files = [path for path in (ROOT / "fpga_flow").rglob("*") if path.is_file()]
    here = {path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts}
    assert {path for path in here if not (site / path).is_file()} == set()
    (about,) = site.glob("fpga_flow-*.dist-info")
    assert {path.name for path in about.rglob("*")} >= {"LICENSE", "NOTICE"}


def test_recipes_and_models_are_found_and_runs_go_to_the_folder_of_the_user(
    site: Path, tmp_path: Path
) -> None:
    assert f"{site})" in flow(site, tmp_path, "--version")
    listed = flow(site, tmp_path, "list")
    words = set(listed.split())
    assert words >= {*recipe_names(), *model_names()}
    assert f"Runs in {tmp_path / 'build' / 'out'}" in listed


def test_a_recipe_is_built_from_its_shipped_model_and_checkpoint(site: Path, tmp_path: Path) -> None:
    few = ("--set", "data.frames_per_block=4", "--set", "data.train_per_block=1")
    told = flow(site, tmp_path, "build", "signals", "--until", "train", *few)
    assert "signals: vgg10, 4 bit, pynq-z1" in told
    run = tmp_path / "build" / "out" / "signals-w4"
    shipped = site / "fpga_flow" / "shipped" / "models" / "vgg10" / "signals-w4a4.pt"
    assert (run / "train" / "result.json").is_file() and shipped.is_file()
    assert "signals-w4" in flow(site, tmp_path, "list")
    assert not list(site.rglob("out"))
