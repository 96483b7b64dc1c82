"""How a board is reached: over SSH, or as a folder of this machine (the virtual board)."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import paramiko

from fpga_flow.core.errors import InputError, ToolError

CONNECT_SECONDS = 15.0
ALIVE_SECONDS = 5
"""Between two questions whether the board is still there, while a command runs."""
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Transport(Protocol):
    """Files to the board, commands on it. Paths are relative to its home folder."""

    name: str

    def put(self, local: Path, remote: PurePosixPath, advance: Progress) -> None:
        """Copy a file; `advance` is told how many more bytes have gone."""

    def run(self, words: Sequence[str], folder: PurePosixPath, seconds: float, stdin: str = "") -> Done:
        """Run a command in `folder`; raises `ToolError` where it takes longer or the board is gone."""

    def read(self, remote: PurePosixPath) -> bytes:
        """Return a file's content."""

    def close(self) -> None:
        """End it."""


def address(host: str) -> tuple[str, str, int]:
    """Return user, machine and port of `user@machine[:port]`; raises `InputError`."""
    user, at, rest = host.partition("@")
    machine, colon, port = rest.partition(":")
    if not at or not user or not machine or (colon and not port.isdigit()):
        raise InputError(f"--host: must be user@machine or user@machine:port, or 'virtual', not {host!r}")
    return user, machine, int(port or 22)


class Ssh:
    """A board over SSH. Its key must be known, or the connection is refused."""

    def __init__(
        self, host: str, key: Path | None, known_hosts: Path | None, password: str | None = None
    ) -> None:
        """Connect; raises `InputError` for what the user can put right, `ToolError` for the rest."""
        user, machine, port = address(host)
        self.name = host
        self._client = paramiko.SSHClient()
        self._client.set_missing_host_key_policy(paramiko.RejectPolicy())
        known = known_hosts or Path.home() / ".ssh" / "known_hosts"
        if known.is_file():
            self._client.load_host_keys(str(known))
        elif known_hosts is not None:
            raise InputError(f"--known-hosts: must be a file, not {str(known_hosts)!r}")
        if key is not None and not key.is_file():
            raise InputError(f"--key: must be a private key's file, not {str(key)!r}")
        options = f"-p {port} " if port != 22 else ""
        try:
            self._client.connect(
                machine,
                port,
                user,
                password=password,
                key_filename=str(key) if key else None,
                allow_agent=key is None,
                look_for_keys=key is None,
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=CONNECT_SECONDS,
                channel_timeout=CONNECT_SECONDS,
            )
        except paramiko.BadHostKeyException as error:
            raise InputError(
                f"{machine}: its host key is not the one in {known}: another machine answers at this "
                f"address, or the board's SD card was written anew; if so: ssh-keygen -R {machine}, "
                f"then as for a new board ({error.key.get_name()} {error.key.fingerprint})"
            ) from None
        except paramiko.AuthenticationException:
            how = f"the key {key}" if key else "the password" if password else "any key of this user"
            raise InputError(
                f"{host}: the board does not let {user} in with {how}; copy a key to it (ssh-copy-id "
                f"{options}{user}@{machine}) or give --ask-password"
            ) from None
        except paramiko.SSHException as error:
            if "not found in known_hosts" not in str(error):
                raise ToolError(f"{host}: {error}") from None
            raise InputError(
                f"{machine}: its host key is not in {known}; connect once by hand "
                f"(ssh {options}{user}@{machine}), compare the fingerprint with the one that the board shows "
                "on its serial console, and accept it"
            ) from None
        except (OSError, EOFError) as error:
            raise ToolError(
                f"{host}: no answer ({error}); is the board on, and does 'ping {machine}' reach it?"
            ) from None
        link = self._client.get_transport()
        assert link is not None
        link.set_keepalive(ALIVE_SECONDS)
        self._files = self._client.open_sftp()
        channel = self._files.get_channel()
        assert channel is not None
        channel.settimeout(CONNECT_SECONDS)

    def put(self, local: Path, remote: PurePosixPath, advance: Progress) -> None:
        """See `Transport.put`."""
        sent = 0

        def told(now: int, _total: int) -> None:
            nonlocal sent
            advance(now - sent)
            sent = now

        try:
            self._files.put(str(local), str(remote), callback=told)
        except (OSError, EOFError, paramiko.SSHException) as error:
            free = self._free(remote)
            if free is not None and free < local.stat().st_size:
                raise ToolError(
                    f"{self.name}: its disk is full: {free:,} bytes are free, {local.stat().st_size:,} are "
                    "needed; delete old runs in its folder fpga_flow"
                ) from None
            reason = str(error) or "no answer"
            raise ToolError(f"{self.name}: copying {local.name} broke off ({reason}); try again") from None

    def _free(self, remote: PurePosixPath) -> int | None:
        try:
            self._files.remove(str(remote))  # what there is of it
        except (OSError, EOFError, paramiko.SSHException):
            return None
        done = self.run(["df", "-Pk", "."], remote.parent, CONNECT_SECONDS)
        columns = done.out.splitlines()[-1].split() if done.out else []
        return 1024 * int(columns[3]) if len(columns) > 3 and columns[3].isdigit() else None

    def run(self, words: Sequence[str], folder: PurePosixPath, seconds: float, stdin: str = "") -> Done:
        """See `Transport.run`; the words are quoted for the board's shell."""
        command = f"cd {shlex.quote(str(folder))} && {shlex.join(words)}"
        try:
            source, out, err = self._client.exec_command(command, timeout=seconds)
            source.write(stdin)
            source.channel.shutdown_write()
            text, errors = out.read().decode(errors="replace"), err.read().decode(errors="replace")
            return Done(out.channel.recv_exit_status(), text, errors)
        except TimeoutError as error:
            raise ToolError(
                f"{self.name}: {words[0]} gave no answer for {seconds:g} s ({error or 'timeout'}); the board "
                "hangs or is off: switch it off and on and try again"
            ) from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise ToolError(f"{self.name}: the connection broke while {words[0]} ran ({error})") from None

    def read(self, remote: PurePosixPath) -> bytes:
        """See `Transport.read`."""
        try:
            with self._files.open(str(remote), "rb") as file:
                content: bytes = file.read()
                return content
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise ToolError(f"{self.name}: {remote} could not be read: {error}") from None

    def close(self) -> None:
        """See `Transport.close`."""
        self._client.close()


class Virtual:
    """A folder of this machine, and a Python that finds the stand-in for pynq."""

    name = "virtual"

    def __init__(self, home: Path, stand_in: Path) -> None:
        """`home` is the board's home folder, `stand_in` where the stand-in for pynq is."""
        self.home = home
        self._environment = {**os.environ, "PYTHONPATH": str(stand_in)}

    def put(self, local: Path, remote: PurePosixPath, advance: Progress) -> None:
        """See `Transport.put`."""
        shutil.copyfile(local, self.home / remote)
        advance(local.stat().st_size)

    def run(self, words: Sequence[str], folder: PurePosixPath, seconds: float, stdin: str = "") -> Done:
        """See `Transport.run`."""
        # The board's Python is this one: it has numpy.
        command = [sys.executable if word == "python3" else word for word in words]
        try:
            done = subprocess.run(
                command,
                cwd=self.home / folder,
                env=self._environment,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise ToolError(f"{self.name}: {words[0]} gave no answer for {seconds:g} s") from None
        return Done(done.returncode, done.stdout, done.stderr)

    def read(self, remote: PurePosixPath) -> bytes:
        """See `Transport.read`."""
        return (self.home / remote).read_bytes()

    def close(self) -> None:
        """See `Transport.close`."""
