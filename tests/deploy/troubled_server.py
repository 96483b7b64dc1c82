"""An SSH server for tests that can be told to fail: it has a password, and troubles in its file transfer."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

USER, PASSWORD = "xilinx", "right"


@dataclass
class Troubles:
    """What goes wrong; nothing by itself."""

    cut_after: int | None = None
    """The connection breaks when so many bytes of a file have come."""
    full_after: int | None = None
    """The disk takes so many bytes of a file."""
    hang_after: int | None = None
    """The server stops to answer then."""
    garble: bool = False
    """Every file loses its last byte."""
    released: threading.Event = field(default_factory=threading.Event)
    """Set when the test ends: what hangs goes on."""


class _Handle(paramiko.SFTPHandle):
    def __init__(self, files: "_Files", path: Path, flags: int) -> None:
        super().__init__(flags)
        self.files = files
        self.path = path
        self.file = path.open("wb" if flags & os.O_WRONLY else "rb")

    def write(self, offset: int, data: bytes) -> int:
        troubles, end = self.files.troubles, offset + len(data)
        if troubles.cut_after is not None and end > troubles.cut_after:
            self.files.transport.close()
        if troubles.hang_after is not None and end > troubles.hang_after:
            troubles.released.wait()
        if troubles.full_after is not None and end > troubles.full_after:
            return paramiko.SFTP_FAILURE
        self.file.seek(offset)
        self.file.write(data)
        return paramiko.SFTP_OK

    def read(self, offset: int, length: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(length)

    def stat(self) -> paramiko.SFTPAttributes:
        self.file.flush()
        return paramiko.SFTPAttributes.from_stat(self.path.stat())

    def close(self) -> None:
        self.file.close()
        if self.files.troubles.garble and self.path.suffix == ".part":
            os.truncate(self.path, self.path.stat().st_size - 1)


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, server: "_Server", *args: object) -> None:
        super().__init__(server)
        self.home, self.troubles, self.transport = server.home, server.troubles, server.transport

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        try:
            return _Handle(self, self.home / path.lstrip("/"), flags)
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno))

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat((self.home / path.lstrip("/")).stat())
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno))

    def remove(self, path: str) -> int:
        (self.home / path.lstrip("/")).unlink(missing_ok=True)
        return paramiko.SFTP_OK


class _Server(paramiko.ServerInterface):
    def __init__(self, home: Path, commands: Path, troubles: Troubles, transport: paramiko.Transport) -> None:
        self.home, self.commands, self.troubles, self.transport = home, commands, troubles, transport

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._execute, args=(channel, command), daemon=True).start()
        return True

    def _execute(self, channel: paramiko.Channel, command: bytes) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", command.decode()],
            cwd=self.home,
            env={**os.environ, "PATH": f"{self.commands}:{os.environ['PATH']}"},
            input=channel.makefile("rb").read(),
            capture_output=True,
        )
        channel.sendall(done.stdout)
        channel.sendall_stderr(done.stderr)
        channel.send_exit_status(done.returncode)
        channel.close()


@contextmanager
def served(folder: Path, troubles: Troubles) -> Iterator[tuple[str, Path, Path]]:
    """Yield user@machine:port of a server, the known_hosts file that knows it, and its user's home.

    Commands are looked for in `folder`/commands first.
    """
    home, commands = folder / "home", folder / "commands"
    home.mkdir()
    commands.mkdir(exist_ok=True)
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
    transports = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
            transport.start_server(server=_Server(home, commands, troubles, transport))

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"{USER}@127.0.0.1:{port}", known, home
    finally:
        troubles.released.set()
        listener.close()
        for transport in transports:
            transport.close()
