"""What a stage's digest covers: its code, all that this imports, and what lies beside it."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from fpga_flow.core import digests, places, toolchain
from fpga_flow.core.artifact import digest_files
from fpga_flow.core.closure import PACKAGE, closure
from fpga_flow.core.digests import SOURCES, code_digest
from fpga_flow.pipeline.flow import STAGE_NAMES

CODE = places.CODE / PACKAGE
FILES = {
    "__init__.py": "",
    "unused.py": "",
    "late.py": "",
    "core/__init__.py": "",
    "core/errors.py": "",
    "stages/__init__.py": "",
    "stages/work.py": "from fpga_flow.core import errors\nfrom fpga_flow.tools import direct\n"
    "def run():\n    import fpga_flow.late\n",
    "stages/other.py": "",
    "tools/__init__.py": "",
    "tools/direct.py": "from fpga_flow.tools.indirect import name\nfrom . import neighbour\n",
    "tools/indirect.py": "from fpga_flow import kinds\nname = 1\n",
    "tools/neighbour.py": "",
    "tools/apart.py": "",
    "tools/boards/one.toml": "",
    "kinds/__init__.py": "import pkgutil\n",
    "kinds/one.py": "",
    "kinds/more/__init__.py": "",
    "kinds/hdl/one.sv": "",
    "kinds/hdl/README.md": "",
    "aside/__init__.py": "",
    "aside/two.sv": "",
}
"""A package with a stage `work`."""


def write(root: Path) -> Path:
    for name, text in FILES.items():
        path = root / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def digest(root: Path) -> str:
    return digest_files(root, closure(["fpga_flow.stages.work"], root=root))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("stages/work.py", id="the stage's own"),
        pytest.param("tools/direct.py", id="imported"),
        pytest.param("tools/indirect.py", id="imported by what is imported"),
        pytest.param("tools/neighbour.py", id="imported by a dot"),
        pytest.param("tools/__init__.py", id="of a package that a module is imported from"),
        pytest.param("late.py", id="imported in a function"),
        pytest.param("kinds/one.py", id="in a package that imports its modules by pkgutil"),
        pytest.param("kinds/more/__init__.py", id="a package in such a package"),
        pytest.param("kinds/hdl/one.sv", id="SystemVerilog in a folder beside"),
        pytest.param("tools/boards/one.toml", id="data in a folder beside"),
    ],
)
def test_a_change_of_what_a_stage_consists_of_changes_its_digest(tmp_path: Path, name: str) -> None:
    before = digest(write(tmp_path))
    with (tmp_path / PACKAGE / name).open("a") as stream:
        stream.write("# changed\n")
    assert digest(tmp_path) != before


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("core/errors.py", id="core"),
        pytest.param("unused.py", id="imported by nobody"),
        pytest.param("stages/other.py", id="another stage"),
        pytest.param("tools/apart.py", id="in the package of an imported module"),
        pytest.param("kinds/hdl/README.md", id="a page"),
        pytest.param("aside/two.sv", id="beside what is not imported"),
    ],
)
def test_a_change_elsewhere_keeps_the_digest(tmp_path: Path, name: str) -> None:
    before = digest(write(tmp_path))
    with (tmp_path / PACKAGE / name).open("a") as stream:
        stream.write("# changed\n")
    assert digest(tmp_path) == before


@pytest.mark.parametrize("name", ["kinds/new.py", "kinds/hdl/new.sv"])
def test_a_file_that_a_package_takes_up_by_itself_changes_the_digest(tmp_path: Path, name: str) -> None:
    before = digest(write(tmp_path / "before"))
    after = write(tmp_path / "after")
    (after / PACKAGE / name).write_text("")
    assert digest(after) != before


def test_what_a_file_from_elsewhere_imports_belongs_to_it(tmp_path: Path) -> None:
    root = write(tmp_path / "root")
    file = tmp_path / "net.py"
    file.write_text("import numpy\nfrom fpga_flow.tools.apart import x\n")
    assert closure([], [file], root) == [root / PACKAGE / "__init__.py"] + [
        root / PACKAGE / "tools" / name for name in ("__init__.py", "apart.py", "boards/one.toml")
    ]


@pytest.mark.parametrize("text", ["def (", "from . import beside\n", "x = '\0'\n"])
def test_a_file_that_cannot_be_loaded_imports_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(text)
    assert closure([], [file]) == []


@pytest.fixture()
def covered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The files of the last digest of code, by their names in the checkout."""
    found: set[str] = set()

    def noted(root: Path, files: Iterable[Path]) -> str:
        found.clear()
        found.update(path.relative_to(root).as_posix() for path in files)
        return ""

    monkeypatch.setattr(digests.artifact, "digest_files", noted)
    return found


@pytest.mark.parametrize("stage", ["train", "prune", "export"])
def test_what_only_a_model_imports_is_in_its_stages_digests(stage: str, covered: set[str]) -> None:
    code_digest(f"fpga_flow.stages.{stage}", folders=["models/vgg10"])
    assert "models/vgg10/model.py" in covered and "fpga_flow/train/separable.py" not in covered
    code_digest(f"fpga_flow.stages.{stage}", folders=["models/sardine"])
    assert {"models/sardine/model.py", "fpga_flow/train/separable.py"} <= covered


def test_what_only_the_users_file_imports_is_in_the_digest(tmp_path: Path, covered: set[str]) -> None:
    file = tmp_path / "net.py"
    file.write_text("from fpga_flow.train.perceptron import perceptron\n")
    code_digest("fpga_flow.stages.train", files=[file])
    assert "fpga_flow/train/perceptron.py" in covered


def test_training_does_not_depend_on_what_comes_behind_it() -> None:
    rooms = {path.relative_to(CODE).parts[0] for path in closure(["fpga_flow.stages.train"])}
    assert "train" in rooms and "data" in rooms
    assert not rooms & {"export", "hardware", "layers", "surgery", "own_network.py", "pipeline"}


LOADED_BY_NAME = {
    "core/own_code.py": "the user's file: its content is among the files of a stage",
    "core/stage.py": "the stage, which its digest begins with",
    "core/toolchain.py": "Yosys in a process of its own: see below",
    "deploy/procedure.py": "no stage; runs on the board",
    "layers/__init__.py": "its own modules, by pkgutil",
    "target/families/__init__.py": "its own modules, by pkgutil",
    "sweep/guard.py": "no stage",
    "train/spec.py": "a model, which is among the folders of a stage",
}
"""Files that load code by a name, not by an import, and why no digest misses it."""


def test_code_that_is_loaded_by_name_is_covered_by_other_means() -> None:
    by_name = re.compile(r"import_module\(|spec_from_file_location\(|runpy|__import__\(|\"-m\"")
    found = {str(path.relative_to(CODE)) for path in CODE.rglob("*.py") if by_name.search(path.read_text())}
    assert len(found) > 5 and found <= set(LOADED_BY_NAME)


def test_the_program_that_runs_yosys_is_in_the_digest_of_synthesis() -> None:
    module = toolchain.yosys().command[-1]
    assert places.CODE / f"{module.replace('.', '/')}.py" in closure(["fpga_flow.stages.synth"])


READ_BY_PATH = {
    "bitstream/shell.py": "bitstream/hdl/shell.sv",
    "fifos/tokens.py": "fifos/tokens.cpp",
    "finn/backend.py": "layers/hdl/mvu.sv",
    "hardware/spread.py": "hardware/spread.csv",
    "sim/verilate.py": "sim/harness.cpp",
    "target/families/xilinx.py": "target/families/xilinx_shift_registers.v",
    "train/kernels.py": "train/kernels.cpp",
}
"""Modules of stages that read files by a path from their own, and one of these."""


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_files_that_a_stage_reads_by_their_path_are_in_its_digest(stage: str) -> None:
    files = closure([f"fpga_flow.stages.{stage}"])
    sources = [path for path in files if path.suffix == ".py"]
    reading = {str(path.relative_to(CODE)) for path in sources if "__file__" in path.read_text()}
    reading.discard("target/board.py")  # what the run's own board says is in the digest by value
    assert reading <= set(READ_BY_PATH)
    assert [name for name in reading if CODE / READ_BY_PATH[name] not in files] == []


def test_every_file_of_the_program_is_of_a_kind_that_digests_cover() -> None:
    files = [path for path in CODE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert len(files) > 300
    assert {path.suffix for path in files} <= SOURCES | {".md"}
