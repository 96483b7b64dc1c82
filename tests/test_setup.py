import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fpga_flow.core.recipe import ROOT

LINES = [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]
LOCK = {
    line.name: str(line.specifier).removeprefix("==")
    for line in LINES
    if line.marker is None or line.marker.evaluate()
}
NAME = r"[A-Za-z0-9_.-]+"
ON_BOARD = list(ROOT.glob("fpga_flow/deploy/board/**/*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_has_names_and_versions_only() -> None:
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*(; .+)?", line), line


def test_installed_packages_are_those_of_the_lock() -> None:
    # Only this folder: setuptools puts its own copies of packages on the path when it is imported.
    found_here = distributions(path=[sysconfig.get_path("purelib")])
    installed = {plain(d.metadata["Name"]): d.version.partition("+")[0] for d in found_here}
    found = {name: installed.get(plain(name)) for name in LOCK}
    assert found == LOCK


def test_every_declared_dependency_is_locked() -> None:
    declared = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    names = {plain(re.match(NAME, text)[0]) for text in declared}  # type: ignore[index]
    assert names <= {plain(line.name) for line in LINES}


def imported(paths: Iterable[Path]) -> set[str]:
    """Return the packages that the modules in `paths` import, less our own and Python's."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {"fpga_flow", "models"}


def test_the_driver_needs_what_a_board_has_and_nothing_else() -> None:
    assert imported(ON_BOARD) == {"numpy", "pynq"}


def test_every_imported_package_is_declared() -> None:
    here = {*ROOT.glob("fpga_flow/**/*.py"), *ROOT.glob("models/**/*.py")} - set(ON_BOARD)
    owners = packages_distributions()
    extras = [
        text for name, extra in PROJECT["optional-dependencies"].items() if name != "test" for text in extra
    ]
    declared = {plain(re.match(NAME, text)[0]) for text in [*PROJECT["dependencies"], *extras]}  # type: ignore[index]
    foreign = imported(here)
    undeclared = {name for name in foreign if not declared & {plain(owner) for owner in owners.get(name, [])}}
    assert undeclared == set()


@pytest.fixture
def system(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has a shell and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to(shutil.which("sh"))  # type: ignore[arg-type]
    return {"PATH": str(folder), "PYTHON": "python3"}


def need(what: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".ci" / "need"), what]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_missing_system_packages_are_named_with_the_command(system: dict[str, str]) -> None:
    assert need("packages", system).stdout.split() == ["make", "g++", "python3", "python3-venv"]
    failed = need("check", system)
    assert failed.returncode == 4
    assert failed.stderr.splitlines() == [
        "error: missing on this system: make g++ python3 python3-venv "
        "(Python must be 3.11 or later, with venv)",
        "  install with: apt-get install make g++ python3 python3-venv",
    ]


def test_nothing_is_missing_here() -> None:
    checked = need("check", dict(os.environ))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_python_without_venv_does_not_suit(system: dict[str, str], tmp_path: Path) -> None:
    old = tmp_path / "bin" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert need("python", system).stdout == ""
    assert need("python", {**system, "PYTHON": sys.executable}).stdout.strip() == sys.executable


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_in_a_container(folder: Path, home: str) -> dict[str, str]:
    """Variables that keep the container's entry from writing anything outside `folder`."""
    return {"HOME": str(folder / home), "FLOW_PASSWD": str(folder / "passwd")}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize(("owner", "runs_as"), [(1234, "1234"), (0, "1000")])
def test_container_runs_as_the_owner_of_the_runs_and_never_as_root(
    open_folder: Path, owner: int, runs_as: str
) -> None:
    (open_folder / "build").mkdir()
    os.chown(open_folder / "build", owner, owner)
    for code in (0, 3):
        work = f"id -u; id -G; echo x > build/out/made; echo x > $HOME/made; exit {code}"
        command = [str(ROOT / "docker" / "entrypoint"), "sh", "-c", work]
        environment = {**os.environ, **as_in_a_container(open_folder, "home")}
        done = subprocess.run(
            command, cwd=open_folder, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout.split(), done.stderr) == (code, [runs_as, runs_as], "")
        assert {path.stat().st_uid for path in (open_folder / "build").rglob("*")} == {owner}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_container_that_ends_leaves_the_runs_to_one_that_still_works(open_folder: Path) -> None:
    build = open_folder / "build"
    build.mkdir()
    os.mkfifo(open_folder / "go", 0o666)
    (open_folder / "go").chmod(0o666)

    def container(number: int, work: str) -> subprocess.Popen[str]:
        command = [str(ROOT / "docker" / "entrypoint"), "sh", "-c", work]
        environment = {**os.environ, **as_in_a_container(open_folder, f"home{number}")}
        return subprocess.Popen(command, cwd=open_folder, env=environment, text=True, stdout=subprocess.PIPE)

    long = container(1, "echo begun; read line <go; echo x >build/out/late")
    assert long.stdout is not None
    assert long.stdout.readline() == "begun\n"
    with container(2, "echo x >build/out/made") as short:
        assert short.wait(timeout=20) == 0
    assert (build / "out" / "made").stat().st_uid == 1000
    (open_folder / "go").write_text("on\n")
    with long:
        assert long.wait(timeout=20) == 0
    assert {path.stat().st_uid for path in build.rglob("*")} == {0}


def test_generated_files_are_ignored_by_git_and_docker() -> None:
    for name in (".gitignore", ".dockerignore"):
        lines = (ROOT / name).read_text().split()
        assert {".venv/", "build/out/"} <= {line.lstrip("/") for line in lines}, name
