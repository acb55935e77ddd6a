"""Who computes: processes of this computer, or the workers of a Dask cluster."""

import multiprocessing
import platform
import signal
import warnings
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ohmprop.model.errors import UserError, reason

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
#: Seconds that a scheduler has to answer.
ANSWER_SECONDS = 10
#: Rooms whose sources make the numbers.
ROOMS = ("model", "host/run", "host/experiments")


class LostWorkersError(Exception):
    """Workers were ended from outside, with what they were at."""


class Pool(Protocol):
    """Some workers.

    Attributes
    ----------
    remedy : what to do if they are ended from outside again and again.
    """

    @property
    def remedy(self) -> str: ...  # noqa: D102

    def opened(self, most: int) -> AbstractContextManager[Executor]:
        """An executor for ``most`` items at most; LostWorkersError from the block if workers were ended from outside."""

    def work(self, work: Callable[[Item], Outcome]) -> Callable[[Item], Outcome]:
        """The work as its workers do it."""


@dataclass(frozen=True)
class Processes:
    """Processes of this computer, ``count`` at most."""

    count: int
    remedy = "free some memory or give fewer --workers"

    @contextmanager
    def opened(self, most: int) -> Iterator[Executor]:
        """New processes, ended with the block."""
        # Spawned and not forked, so that threads of this process do no harm.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(self.count, most), context, _leave_interrupts) as executor:
            try:
                yield executor
            except BrokenProcessPool as error:
                raise LostWorkersError from error
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                for process in multiprocessing.active_children():
                    process.terminate()
                raise

    def work(self, work: Callable[[Item], Outcome]) -> Callable[[Item], Outcome]:
        """The same."""
        return work


@dataclass(frozen=True)
class Cluster:
    """The workers of the Dask scheduler at an address, as tcp://host:8786; those that come later work too."""

    address: str
    remedy = "look into what the workers print"

    @contextmanager
    def opened(self, most: int) -> Iterator[Executor]:
        """The workers that there are; UserError if there is no scheduler, or a worker has another version."""
        client, killed = _client(self.address)
        try:
            yield client.get_executor()
        except (killed, CancelledError) as error:
            raise LostWorkersError from error
        except (ModuleNotFoundError, RuntimeError) as error:
            # Dask's own words where scheduler or workers lack a module; any other is the work's.
            if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                raise
            raise UserError(
                f"A worker at {self.address} cannot do this work ({reason(error)}); install {fingerprint()} on it."
            ) from None
        finally:
            client.close()

    def work(self, work: Callable[[Item], Outcome]) -> Callable[[Item], Outcome]:
        """The work, by workers of this version only."""
        return partial(_of_this_version, fingerprint(), work)


def _client(address: str) -> tuple[Any, type[BaseException]]:
    """A client of a Dask scheduler, and the error of a task that has lost worker after worker."""
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise UserError('--cluster needs Dask; install it with `pip install "ohmprop[cluster]"`.') from None
    try:
        with warnings.catch_warnings():
            # Of other versions of packages, which integers do not depend on; that of ohmprop is compared with each job.
            warnings.filterwarnings("ignore", module="distributed")
            return Client(address, timeout=ANSWER_SECONDS, set_as_default=False), KilledWorker
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(
            f"There is no Dask scheduler at {address} ({reason(error)}); start `dask scheduler` there and give --cluster its "
            "address, as tcp://host:8786."
        ) from None


def _of_this_version(expected: str, work: Callable[[Item], Outcome], item: Item) -> Outcome:
    """What ``work`` makes of an item; UserError if the worker has another version than the computer that asks."""
    if fingerprint() != expected:
        raise UserError(
            f"A worker on {platform.node()} has {fingerprint()}, and this computer {expected}; install the same on both."
        )
    return work(item)


@cache
def fingerprint() -> str:
    """The version of ohmprop, with a checksum of the sources that the numbers come from."""
    root, checksum = Path(__file__).parents[2], 0
    for file in sorted(file for room in ROOMS for file in (root / room).rglob("*.py")):
        checksum = zlib.crc32(file.read_bytes(), checksum)
    return f"ohmprop {version('ohmprop')} (sources {checksum:08x})"


@cache
def computer() -> dict[str, str]:
    """What a number was computed on: the processor and numpy's version."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"cpu": names[0] if names else platform.processor() or platform.machine(), "numpy": np.__version__}


def _leave_interrupts() -> None:
    """Let the first process alone answer Ctrl-C, which a terminal sends to all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
