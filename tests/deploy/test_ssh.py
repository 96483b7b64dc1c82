"""The whole way to a board: a real OpenSSH server on this machine, behind it the virtual board."""

import getpass
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.deploy.virtual.build import STAND_IN
from tests.digits_run import FRAMES, flow

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")


def _nameless() -> bool:
    """Return whether the user has no entry among the system's users, so that no server lets him in."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return True
    return False


needs_server = pytest.mark.skipif(
    SSHD is None or _nameless(), reason="no sshd (apt-get install openssh-server), or a user without a name"
)
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("board")]


@dataclass(frozen=True)
class Server:
    """A board, as far as its user can tell."""

    host: str
    home: Path
    key: Path
    known_hosts: Path
    process: "subprocess.Popen[bytes]"

    def options(self) -> list[str]:
        return [
            "--host", self.host, "--key", str(self.key), "--known-hosts", str(self.known_hosts), "--virtual",
        ]  # fmt: skip


def new_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Start an OpenSSH server with throw-away keys; a login's home is a folder of the test."""
    assert SSHD is not None
    home = tmp_path / "home"
    home.mkdir()
    host_key, key = new_key(tmp_path / "host_key"), new_key(tmp_path / "user_key")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    shell = tmp_path / "shell"
    sftp = next(p for p in ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server") if Path(p).exists())
    shell.write_text(
        "#!/bin/sh\n"
        f"cd {home} || exit 1\n"
        f'case "$SSH_ORIGINAL_COMMAND" in *sftp*) exec {sftp} ;; esac\n'
        f"export PYTHONPATH={STAND_IN} PATH={Path(sys.executable).parent}:$PATH\n"
        'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    shell.chmod(stat.S_IRWXU)
    (tmp_path / "authorized").write_text(f'command="{shell}" {key.with_suffix(".pub").read_text()}')
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {tmp_path / 'authorized'}\nStrictModes no\nPasswordAuthentication yes\n"
        f"PermitRootLogin yes\nSubsystem sftp {sftp}\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(tmp_path / "sshd_config")],
        stderr=(tmp_path / "sshd.log").open("wb"),
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        public = host_key.with_suffix(".pub").read_text()
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
        host = f"{getpass.getuser()}@127.0.0.1:{port}"
        yield Server(host, home, key, tmp_path / "known_hosts", process)
    finally:
        process.kill()
        process.wait()


@needs_server
def test_the_board_agrees_with_onnxruntime_frame_by_frame(digits_run: Path, server: Server) -> None:
    done = flow("deploy", str(digits_run), *server.options())
    assert done.returncode == 0, done.stderr
    result = json.loads((digits_run / "board" / "result.json").read_text())
    assert FRAMES >= 200
    assert (result["samples"], result["mismatches"]) == (FRAMES, 0)
    golden = np.load(digits_run / "export" / "vectors.npz")
    assert result["accuracy"] == np.mean(golden["y"] == golden["label"]) > 0.5
    report = json.loads((digits_run / "report.json").read_text())
    assert report["accuracy"]["board"] == result["accuracy"]
    predicted, measured = report["hardware"]["cycles_per_frame"], report["board_measured"]["cycles_per_frame"]
    assert measured - result["latency_cycles"] / FRAMES == pytest.approx(predicted, rel=0.03)
    assert not list((server.home / "fpga_flow").glob("*.part"))


@needs_server
def test_a_package_that_is_there_is_not_copied_again(digits_run: Path, server: Server) -> None:
    assert flow("deploy", str(digits_run), *server.options(), "--frames", "2").returncode == 0
    done = flow("deploy", str(digits_run), *server.options(), "--frames", "2")
    assert done.returncode == 0
    assert "has this package already" in done.stderr


@needs_server
def test_an_unknown_host_key_is_refused(digits_run: Path, server: Server, tmp_path: Path) -> None:
    server.known_hosts.write_text("")
    done = flow("deploy", str(digits_run), *server.options())
    assert done.returncode == 2
    assert "its host key is not in" in done.stderr


@needs_server
def test_another_host_key_is_refused(digits_run: Path, server: Server, tmp_path: Path) -> None:
    other = new_key(tmp_path / "other").with_suffix(".pub").read_text()
    place = server.known_hosts.read_text().split()[0]
    server.known_hosts.write_text(f"{place} {other}")
    done = flow("deploy", str(digits_run), *server.options())
    assert done.returncode == 2
    assert "its host key is not the one in" in done.stderr


@needs_server
def test_a_wrong_key_is_refused(digits_run: Path, server: Server, tmp_path: Path) -> None:
    key = new_key(tmp_path / "stranger")
    options = [str(key) if word == str(server.key) else word for word in server.options()]
    done = flow("deploy", str(digits_run), *options)
    assert done.returncode == 2
    assert "does not let" in done.stderr


@needs_server
def test_a_board_that_is_switched_off_is_told(digits_run: Path, server: Server) -> None:
    server.process.kill()
    server.process.wait()
    done = flow("deploy", str(digits_run), *server.options())
    assert done.returncode == 4
    assert "no answer" in done.stderr


def test_the_virtual_board_needs_no_server(digits_run: Path) -> None:
    done = flow("deploy", str(digits_run), "--host", "virtual", "--frames", "20")
    assert done.returncode == 0, done.stderr
    assert "0 of 20 outputs differ" in done.stderr


def test_without_a_bitstream_a_board_gets_no_package(digits_run: Path) -> None:
    done = flow("package", str(digits_run))
    assert done.returncode == 2
    assert "run 'flow bitstream' first" in done.stderr
