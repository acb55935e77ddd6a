"""Independent pieces of work: computed on all cores, each result a file, so that an interrupted run can continue."""

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ohmprop.host.experiments.pools import LostWorkersError, Pool, Processes, computer
from ohmprop.host.show.console import note_uncompiled, progress, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.text import read_json

#: What a run's folder says about the run.
RUN_FILE = "run.json"
#: Seconds between two looks at Ctrl-C.
POLL_SECONDS = 0.2
#: Times in a row that processes may be ended from outside.
TRIES = 4

Result = Mapping[str, Any]
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Cell(Protocol):
    """A piece of work whose result depends on its fields alone, not on who computes it, when, or alongside what."""

    @property
    def name(self) -> str:
        """The name of its file, unique in a run."""

    def compute(self) -> Result:
        """The result, as JSON can hold it."""


class Store:
    """The folder of a run, with a file for each finished cell in its folder ``cells``."""

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        """Begin a run of this identity, or continue it; UserError, and nothing written, if the folder has another's."""
        self.out = out
        file = out / RUN_FILE
        if os.path.exists(file):
            found = _read(file)
            for name, value in identity.items():
                if found.get(name) != value:
                    raise UserError(
                        f"{out} holds a run with {name} = {found.get(name)!r}, and this one has {value!r}; give "
                        "another --out, or what the first run was given."
                    )
        elif os.path.isdir(out) and any(out.iterdir()):
            raise UserError(
                f"The folder {out} holds files but no {RUN_FILE}, so it is not the folder of a run; give --out a new folder."
            )
        check_writable(out / "cells", folder=True)
        if not os.path.exists(file):
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


def compute(title: str, cells: Sequence[Cell], store: Store, pool: Pool) -> None:
    """Compute the cells that have no result yet, side by side; each result says what computer it is of.

    Ctrl-C stops after the cells under way, which take seconds, a second one at once; KeyboardInterrupt says what is left.
    A cell whose process was ended from outside is computed again by another, TRIES times at most; MachineError then.
    """
    missing, done = store.missing(cells), 0
    with (
        stoppable() as stopped,
        progress(title, len(missing)) as advance,
        closing(side_by_side(_compute, missing, pool, stopped)) as results,
    ):
        for cell, result in results:
            store.save(cell, result)
            done += 1
            advance()
    if stopped():
        raise interrupted(title, done, len(missing), store)


def side_by_side(
    work: Callable[[Item], Outcome], items: Iterable[Item], pool: Pool, stopped: Callable[[], bool] = lambda: False
) -> Generator[tuple[Item, Outcome], None, None]:
    """Yields each item with what ``work`` makes of it, as they are done by a pool's workers; close it if you leave early.

    Once ``stopped`` no item is begun, and those that processes are at are waited for. Where a process is ended from outside the
    system takes its pool's others with it: all that were under way are done again, TRIES times at most; MachineError then.
    """
    left, losses = dict(enumerate(items)), 0
    if left:
        note_uncompiled()
    while left and not stopped():
        try:
            with closing(_pooled(pool.work(work), left, pool, stopped)) as outcomes:
                for number, outcome in outcomes:
                    # Tries count from the last success, so that a long run may lose many workers.
                    losses = 0
                    yield left.pop(number), outcome
        except LostWorkersError:
            losses += 1
            if losses == TRIES:
                raise MachineError(
                    f"Workers were killed from outside {TRIES} times in a row; {pool.remedy}, and the same command continues "
                    "from what is done."
                ) from None


def by_seed(
    title: str, work: Callable[[tuple[Item, int]], Outcome], items: Sequence[Item], seeds: int, pool: Pool | None = None
) -> dict[Item, list[Outcome]]:
    """What ``work`` makes of each item with the seeds 1 to ``seeds``, in their order; by all cores if no pool is given."""
    jobs = [(item, seed) for item in items for seed in range(1, seeds + 1)]
    outcomes: dict[tuple[Item, int], Outcome] = {}
    with (
        progress(title, len(jobs)) as advance,
        closing(side_by_side(work, jobs, pool or Processes(os.cpu_count() or 1))) as done,
    ):
        for job, outcome in done:
            outcomes[job] = outcome
            advance()
    return {item: [outcomes[item, seed] for seed in range(1, seeds + 1)] for item in items}


def _pooled(
    work: Callable[[Item], Outcome], items: Mapping[int, Item], pool: Pool, stopped: Callable[[], bool]
) -> Generator[tuple[int, Outcome], None, None]:
    """Yields the number of each item and what ``work`` makes of it; LostWorkersError if one was ended from outside."""
    with pool.opened(len(items)) as executor:
        waiting = {executor.submit(work, item): number for number, item in items.items()}
        while waiting:
            # Those that were done before workers were lost are results all the same, so they come first.
            finished = wait(waiting, POLL_SECONDS, FIRST_COMPLETED).done
            for future in sorted(finished, key=lambda future: future.cancelled() or future.exception() is not None):
                outcome = future.result()
                yield waiting.pop(future), outcome
            if stopped():
                waiting = {future: number for future, number in waiting.items() if not future.cancel()}


def interrupted(title: str, done: int, total: int, store: Store) -> KeyboardInterrupt:
    """The message after Ctrl-C."""
    return KeyboardInterrupt(
        f"Interrupted after {done} of {total} pieces of {title}; what is done is in {store.out}, and the same command goes "
        "on from there."
    )


def _compute(cell: Cell) -> Result:
    return {**cell.compute(), "computed_on": computer()}
