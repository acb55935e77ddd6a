"""Independent pieces of work: computed on all cores, each one's result a file, so that an interrupted run goes on."""

import multiprocessing
import signal
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol

from ohmprop.host.show.console import progress, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.text import read_json

#: What a run's folder says about the run.
RUN_FILE = "run.json"
#: Seconds between two looks at Ctrl-C.
POLL_SECONDS = 0.2

Result = Mapping[str, Any]


class Cell(Protocol):
    """A piece of work whose result depends on its fields alone, not on who computes it, when, or beside what."""

    @property
    def name(self) -> str:
        """The name of its file, unique in a run."""

    def compute(self) -> Result:
        """The result, as JSON can hold it."""


class Store:
    """The folder of a run, with a file for each finished cell in its folder ``cells``."""

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        """Begin a run of this identity, or go on with it; UserError, and nothing written, if the folder has another's."""
        self.out = out
        file = out / RUN_FILE
        if file.exists():
            found = _read(file)
            for name, value in identity.items():
                if found.get(name) != value:
                    raise UserError(
                        f"{out} holds a run with {name} = {found.get(name)!r}, and this one has {value!r}; give "
                        "another --out, or what the first run was given."
                    )
        elif out.is_dir() and any(out.iterdir()):
            raise UserError(
                f"The folder {out} has files in it and no {RUN_FILE}, so they are not a run's; give --out a new folder."
            )
        check_writable(out / "cells", folder=True)
        if not file.exists():
            write_json(file, identity)

    def load(self, cell: Cell) -> Result | None:
        """The cell's result if it is there."""
        path = self._path(cell)
        return _read(path) if path.exists() else None

    def save(self, cell: Cell, result: Result) -> None:
        """Keep the cell's result."""
        write_json(self._path(cell), result)

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells without a result, each once, in their order."""
        return list({cell.name: cell for cell in cells if not self._path(cell).exists()}.values())

    def _path(self, cell: Cell) -> Path:
        return self.out / "cells" / f"{cell.name}.json"


def _read(path: Path) -> dict[str, Any]:
    return read_json(path, "file", "delete it and start again")


def compute(title: str, cells: Sequence[Cell], store: Store, workers: int) -> None:
    """Compute the cells that have no result yet, side by side in ``workers`` processes.

    Ctrl-C stops after the cells under way, which take seconds, a second one at once; KeyboardInterrupt says what is left.
    """
    missing = store.missing(cells)
    if not missing:
        return
    # Started anew and not forked, so that threads of this process do no harm.
    context = multiprocessing.get_context("spawn")
    done = 0
    with (
        stoppable() as stopped,
        progress(title, len(missing)) as advance,
        ProcessPoolExecutor(min(workers, len(missing)), context, _leave_interrupts) as pool,
    ):
        waiting = {pool.submit(_compute, cell): cell for cell in missing}
        try:
            while waiting:
                for future in wait(waiting, POLL_SECONDS, FIRST_COMPLETED).done:
                    store.save(waiting.pop(future), future.result())
                    done += 1
                    advance()
                if stopped():
                    waiting = {future: cell for future, cell in waiting.items() if not future.cancel()}
        except BrokenProcessPool:
            raise MachineError(
                "A process that computed was ended from outside; free some memory or give fewer "
                "--workers, and the same command goes on from what is done."
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    if stopped():
        raise interrupted(title, done, len(missing), store)


def interrupted(title: str, done: int, total: int, store: Store) -> KeyboardInterrupt:
    """What to say after Ctrl-C."""
    return KeyboardInterrupt(
        f"Interrupted after {done} of {total} pieces of {title}; what is done is in {store.out}, and the same command goes "
        "on from there."
    )


def _leave_interrupts() -> None:
    """Let the first process alone answer Ctrl-C, which a terminal sends to all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _compute(cell: Cell) -> Result:
    return cell.compute()
