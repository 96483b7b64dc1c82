"""What goes wrong between this machine and a board: each is told, and nothing half-installed stays."""

import json
import os
import stat
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core.errors import FlowError, InputError, ToolError
from fpga_flow.deploy import procedure, transport
from fpga_flow.deploy.transport import Ssh
from fpga_flow.results.board import Answer
from tests.deploy.troubled_server import PASSWORD, Troubles, served

RESULT = {
    "digest": "0" * 64,
    "samples": 3,
    "mismatches": 0,
    "first_mismatches": [],
    "accuracy": None,
    "agreement": 1.0,
    "cycles_per_frame": 12.0,
    "latency_cycles": 30,
    "latency_us": 9.5,
    "fps": 1000.0,
    "accelerator_fps": 9000.0,
    "power_w": None,
    "in_waits": 0,
    "out_waits": 0,
}
ANSWER = Answer.model_validate(RESULT)
TEST = f"""
import json, pathlib
pathlib.Path("result.json").write_text(json.dumps({RESULT}))
print("accuracy 100 %")
"""
SUDO = f"""#!/bin/sh
read -r password
if [ "$password" != {PASSWORD} ]; then
    echo "Sorry, try again." >&2
    echo "sudo: 1 incorrect password attempt" >&2
    exit 1
fi
[ "$1 $2 $3 $4" = "-S -p  -i" ] || exit 9
shift 4
exec "$@"
"""


@dataclass
class Board:
    host: str
    known_hosts: Path
    home: Path
    commands: Path
    package: Path
    troubles: Troubles

    def connect(self, password: str = PASSWORD) -> Ssh:
        return Ssh(self.host, None, self.known_hosts, password)

    def command(self, name: str, text: str) -> None:
        path = self.commands / name
        path.write_text(text)
        path.chmod(stat.S_IRWXU)

    def left(self) -> list[str]:
        """Return what is in the folder of packages."""
        return sorted(path.name for path in (self.home / "fpga_flow").glob("*"))


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(procedure, "COMMAND_SECONDS", 2.0)
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("accelerator/__init__.py", "")
        archive.writestr("accelerator/__main__.py", TEST)
        archive.writestr("accelerator/accelerator.bit", np.random.default_rng(1).bytes(300_000))
    troubles = Troubles()
    with served(tmp_path, troubles) as (host, known_hosts, home):
        found = Board(host, known_hosts, home, tmp_path / "commands", package, troubles)
        found.command("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        yield found


def deploy(board: Board, sudo: str | None = None) -> Answer:
    with closing(board.connect()) as ssh:
        folder = procedure.install(ssh, board.package)
        return procedure.test(ssh, folder, None, None, sudo)


def test_without_trouble_the_package_is_whole_and_runs(board: Board) -> None:
    assert deploy(board) == ANSWER
    (folder,) = board.left()
    installed = board.home / "fpga_flow" / folder / "accelerator" / "accelerator.bit"
    assert installed.stat().st_size == 300_000


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("{}", "digest: Field required"),
        ("[1, 2", "JSON: Invalid JSON: .*"),
        ("null", "JSON: Input should be an object"),
        (json.dumps({**RESULT, "mismatches": "many"}), "mismatches: Input should be a valid integer.*"),
    ],
)
def test_an_answer_that_is_none_is_told(board: Board, answer: str, reason: str) -> None:
    board.command(
        "python3",
        f"""#!/bin/sh
case "$*" in *accelerator*) printf '%s' '{answer}' > result.json ;; *) exec {sys.executable} "$@" ;; esac
""",
    )
    with pytest.raises(ToolError, match=rf"its result\.json is not what the driver writes \({reason}\)"):
        deploy(board)


def test_a_wrong_password_is_told(board: Board) -> None:
    with pytest.raises(InputError, match=r"does not let xilinx in with the password"):
        board.connect("wrong")
    assert board.left() == []


def test_an_interrupted_copy_is_told_and_taken_up_by_the_next(board: Board) -> None:
    board.troubles.cut_after = 100_000
    with pytest.raises(ToolError, match=r"copying package\.zip broke off .*; try again"):
        deploy(board)
    assert all(name.endswith(".part") for name in board.left())
    for name in board.left():
        os.utime(board.home / "fpga_flow" / name, (0, 0))
    board.troubles.cut_after = None
    assert deploy(board) == ANSWER
    assert len(board.left()) == 1


def test_a_full_disk_is_told_and_nothing_stays(board: Board) -> None:
    board.troubles.full_after = 200_000
    board.command("df", "#!/bin/sh\necho 'Filesystem'\necho '/dev/mmcblk0p2 100 100 7 99% /'\n")
    size = board.package.stat().st_size
    with pytest.raises(ToolError, match=rf"its disk is full: 7,168 bytes are free, {size:,} are needed"):
        deploy(board)
    assert board.left() == []


def test_a_disk_that_fills_up_while_unpacking_is_told_and_nothing_stays(board: Board) -> None:
    board.command("python3", "#!/bin/sh\nmkdir -p $5\necho 'OSError: No space left on device' >&2\nexit 1\n")
    with pytest.raises(ToolError, match=r"unpacking failed: OSError: No space left on device"):
        deploy(board)
    assert board.left() == []


def test_what_arrives_otherwise_than_it_was_sent_is_refused(board: Board) -> None:
    board.troubles.garble = True
    with pytest.raises(ToolError, match=r"broke off|what arrived is not what was sent"):
        deploy(board)
    assert board.left() == []


def test_a_board_that_stops_to_answer_while_copying_is_told(board: Board) -> None:
    board.troubles.hang_after = 100_000
    with pytest.raises(ToolError, match=r"copying package\.zip broke off"):
        deploy(board)
    assert all(name.endswith(".part") for name in board.left())


def test_a_board_that_stops_to_answer_while_testing_is_told(board: Board) -> None:
    with closing(board.connect()) as ssh:
        folder = procedure.install(ssh, board.package)
        board.command("python3", "#!/bin/sh\nexec sleep 60\n")
        with pytest.raises(ToolError, match=r"python3 gave no answer for 2 s .*switch it off and on"):
            procedure.test(ssh, folder, None, None, None)


def test_the_test_runs_as_root_where_the_user_may_become_it(board: Board) -> None:
    board.command("sudo", SUDO)
    assert deploy(board, sudo=PASSWORD) == ANSWER


def test_a_wrong_password_of_root_is_told(board: Board) -> None:
    board.command("sudo", SUDO)
    with pytest.raises(InputError, match=r"--sudo: .*does not let its user become root \(sudo: 1 incorrect"):
        deploy(board, sudo="wrong")


def test_what_the_driver_says_is_passed_on(board: Board) -> None:
    with closing(board.connect()) as ssh:
        folder = procedure.install(ssh, board.package)
        script = (
            "#!/bin/sh\necho Traceback >&2\necho 'error: the bitstream is of another network' >&2\nexit 1\n"
        )
        board.command("python3", script)
        with pytest.raises(FlowError, match=r": the bitstream is of another network$"):
            procedure.test(ssh, folder, None, None, None)


def test_results_of_another_network_are_refused() -> None:
    result = Answer.model_validate({**RESULT, "digest": "5eed" * 16})
    with pytest.raises(InputError, match=r"the results are of the network 5eed5eed5eed\.\.\., not"):
        procedure.judge(result, "board", "0bad" * 16)
