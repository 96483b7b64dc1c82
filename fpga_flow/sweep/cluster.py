"""The workers of a sweep: processes on this machine, or a Dask cluster that the user has."""

import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dask
from distributed import Client, LocalCluster, Worker, WorkerPlugin
from distributed.security import Security

from fpga_flow.core import toolchain
from fpga_flow.core.errors import InputError, ToolError
from fpga_flow.sweep import worker
from fpga_flow.sweep.guard import set_guard

CONNECT_S = 15
"""Seconds to wait for the answer of a scheduler."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables of the environment that libraries take their number of threads from."""
KILLS = 3
"""Workers of this machine that may die over one job before it counts as failed."""


class Place(WorkerPlugin):
    """Gives a worker of this machine its cores, and sees to it that nothing outlives it."""

    name = "fpga_flow-place"

    def __init__(self, workers: int) -> None:
        """`workers` share the cores that this process may use."""
        self.cores = sorted(os.sched_getaffinity(0))
        self.each = max(1, len(self.cores) // workers)

    def setup(self, worker: Worker) -> None:
        """Take the cores of this worker's number."""
        set_guard()
        first = int(worker.name) * self.each % len(self.cores)
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), self.cores[first : first + self.each])


@contextmanager
def local(workers: int | None) -> Iterator[Client]:
    """Start `workers` processes, by default one a core, each for one job at a time; yields their client.

    Connections are encrypted with a key of this sweep: a scheduler runs what it is sent, so no other user of
    the machine may reach it.
    """
    cores = toolchain.CPU_COUNT
    count = cores if workers is None else workers
    settings = {
        "distributed.scheduler.allowed-failures": KILLS,
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(THREADS, max(1, cores // count)),
        # A stage may keep Python's lock for long, in a tool that is written in C.
        "distributed.scheduler.worker-ttl": None,
        "distributed.admin.tick.limit": "1h",
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
            security=Security.temporary(),
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(Place(count))
        yield client


@contextmanager
def remote(address: str, folder: Path) -> Iterator[Client]:
    """Yield the client of the user's cluster whose scheduler is at `address`.

    Raises `ToolError` where none answers, and `InputError` where a worker runs other code, does not see
    `folder`, has another kind of processor than the others, or does several jobs at a time in one process.
    """
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise ToolError(
            f"--scheduler: none answers at {address} ({error}); start one with 'dask scheduler', "
            "and workers with 'dask worker ADDRESS --nthreads 1'"
        ) from None
    with client:
        _check(client, address, folder)
        yield client


def _check(client: Client, address: str, folder: Path) -> None:
    try:
        client.get_versions(check=True)
    except ValueError as error:
        raise InputError(f"--scheduler: the cluster at {address} has other packages: {error}") from None
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise InputError(
            f"--scheduler: the cluster at {address} has no workers; start some: 'dask worker {address}'"
        )
    for name, told in workers.items():
        if told["nthreads"] != 1:
            raise InputError(
                f"--scheduler: worker {name} does {told['nthreads']} jobs at a time in one process; "
                "start it with --nthreads 1 (and --nworkers N for more)"
            )
    folder.mkdir(parents=True, exist_ok=True)
    token = f".seen-{secrets.token_hex(8)}"
    (folder / token).touch()
    try:
        found = client.run(worker.surroundings, str(folder), token)
    except ImportError as error:
        raise InputError(f"--scheduler: a worker lacks this project ({error}); install it there") from None
    finally:
        (folder / token).unlink()
    here = worker.surroundings(str(folder), token)
    for name, told in found.items():
        if not told["sees"]:
            raise InputError(
                f"--scheduler: worker {name} does not see {folder}; all of them must have it, "
                "under this name (--out names another folder)"
            )
        if (told["version"], told["code"]) != (here["version"], here["code"]):
            raise InputError(
                f"--scheduler: worker {name} has fpga_flow {told['version']} with other code than "
                f"this machine's {here['version']}; bring it to the same state"
            )
    _check_processors({name: told["processor"] for name, told in found.items()})


def _check_processors(found: Mapping[str, str]) -> None:
    """Refuse workers (name -> processor) of several kinds: one would make anew what another has made."""
    kinds = {processor: name for name, processor in found.items()}
    if len(kinds) > 1:
        named = ", ".join(f"{name} has {processor}" for processor, name in sorted(kinds.items()))
        raise InputError(
            f"--scheduler: the workers must have processors of one kind, as training comes out otherwise on "
            f"another one; {named}; sweep with each kind by itself and put the runs together with --gather"
        )
