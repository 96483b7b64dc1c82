"""Ends what a worker has started when the worker ends: tools would go on after a killed one.

Run as `python -m fpga_flow.sweep.guard PID` by the process PID, which leads a process group of its own.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress


def set_guard() -> None:
    """Make this process the leader of a process group, and have all of that killed when it dies (Linux)."""
    if not hasattr(os, "pidfd_open"):
        return
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    subprocess.Popen(
        [sys.executable, "-m", __name__, str(os.getpid())],
        stdin=subprocess.DEVNULL,
        process_group=0,
    )


def main(pid: int) -> None:
    """Wait for the end of `pid`, the parent of this process, and kill its process group."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        pass
    else:
        # Another process may have the number by now.
        if os.getppid() == pid:
            select.select([handle], [], [])
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
