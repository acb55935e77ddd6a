"""What ``ohmprop train`` does: learn a task on a board, keep what was learnt, and report."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ohmprop.host.experiments.classifier import ImageReport, comparison
from ohmprop.host.run.checkpoint import Checkpoint, Keeper, leave
from ohmprop.host.run.converter import wasted_range
from ohmprop.host.run.learner import Learner, golden_answers
from ohmprop.host.run.run import Beginning, Run, learning
from ohmprop.host.run.stored import StoredTwin
from ohmprop.host.run.task import ImageTask, PatternTask, Source, Task
from ohmprop.host.run.trace import trace
from ohmprop.host.run.train import Training, train
from ohmprop.host.show.console import note_idle, print_table, progress, show, stoppable, warn
from ohmprop.host.show.files import ROOM, check_writable, write_json
from ohmprop.host.show.page import write_page
from ohmprop.host.show.pictures import cosines_picture, save, states_figure, weights_figure
from ohmprop.model.data.patterns import nearest_pattern_bound, recalled
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.float64.bptt import symmetry
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import NEGATIVE, POSITIVE

#: Said of a nudge with which kernels rarely learn.
ONE_SIDED = (
    "A nudge of size 1 to one side kills outputs of machines with kernels, whose gradients it misses; give nudges = true under "
    '[machine], and nudge = "random" and beta = 0.25 under [settings].'
)


@dataclass(frozen=True)
class Files:
    """What a training run writes; None is not written.

    Members
    -------
    save, checkpoint : what was learnt, at the end and as well every ``every`` patterns.
    json, out : all figures; the folder of the pictures.
    report : one HTML page of both, rewritten after each epoch.
    """

    save: Path | None = None
    checkpoint: Path | None = None
    every: int = 1000
    json: Path | None = None
    out: Path | None = None
    report: Path | None = None

    def check(self, spec: MachineSpec) -> None:
        """UserError, before hours of work and not after, if one could not be written, or has no room on its disk."""
        for path in (self.json, self.report):
            check_writable(path)
        weights = 2 * sum(matrix.rows * matrix.columns for matrix in spec.matrices)
        for path in (self.save, self.checkpoint):
            check_writable(path, room=ROOM + weights)
        if self.out:
            check_writable(self.out, folder=True)


class Report(Protocol):
    """What a task has to say of its training."""

    def after_epoch(self, epoch: int, training: Training) -> bool:
        """An epoch, from 1, is over; true if nothing is left to learn."""

    def sketch(self, out: Path) -> None:
        """Write the pictures that there are in the midst of the run into a folder."""

    def read(self, stopped: Callable[[], bool]) -> None:
        """What was learnt can be asked for."""

    def figures(self, training: Training) -> dict[str, Any]:
        """The task's figures, by the names that the JSON uses."""

    def draw(self, out: Path) -> None:
        """Write pictures into a folder."""

    def show(self, figures: dict[str, Any]) -> None:
        """Print all figures."""

    def failure(self) -> str:
        """What was in vain and what to do, in a sentence; empty if nothing was."""


@dataclass(frozen=True)
class Manner:
    """How a run is carried out.

    Members
    -------
    board : as ``--board`` names it.
    compare : the golden machine stands beside the board.
    resumes : only the patterns of the run in the file are taken.
    keep_going : a run whose outputs died is no failure.
    until_learnt : it ends as soon as all patterns are recalled.
    patience : it ends when this number of epochs has not lowered the training error; None: it does not.
    reconnects : a port that breaks is waited for, and a board that was reset gets back what it had learnt.
    cable : a model of what the line of a golden or virtual board ends in (model/link/cable.py).
    stored : images are kept on the board; None: if it has a store that holds them.
    """

    board: str
    compare: bool = True
    resumes: bool = False
    keep_going: bool = False
    until_learnt: bool = False
    patience: int | None = None
    reconnects: bool = False
    cable: str | None = None
    stored: bool | None = None

    def stores(self, spec: MachineSpec, task: Task) -> bool:
        """Whether images are to be kept on the board; UserError if they must be and cannot."""
        if self.stored and not spec.store:
            raise UserError(
                "This machine has no store for --stored; give the --machine of a board that has one, such as a ULX3S, or leave "
                "the option out."
            )
        stores = isinstance(task, ImageTask) and bool(spec.store)
        return stores and (self.stored or (self.stored is None and (self.board != "golden" or self.cable is not None)))


class Page:
    """The HTML page of a run, which a disk that is full does not end; nothing if it has no path."""

    def __init__(self, path: Path | None, run: Run) -> None:
        self._path, self._run, self._failed = path, run, False
        layers = "-".join(map(str, run.start.spec.layers))
        self._title = f"{layers} learns {run.task.name}"

    def sketch(self, epoch: int, report: Report) -> None:
        """Write it after an epoch."""
        if self._path and not self._failed:
            figures = {"epochs done": epoch, "epochs in all": self._run.epochs}
            try:
                what = "The run goes on; this page shows what there is so far, and loads itself again."
                write_page(self._path, self._title, what, figures, report.sketch, going_on=True)
            except UserError as error:
                self._failed = True
                warn(f"{str(error).rstrip('.')}; the run goes on, and the page is written at its end.")

    def finish(self, figures: dict[str, Any], report: Report) -> None:
        """Write it at the end."""
        if self._path:
            what = f"What ohmprop train came to with seed {figures['seed']} on {figures['board']}."
            write_page(self._path, self._title, what, figures, report.draw)


def run_train(beginning: Beginning, source: Source, epochs: int, manner: Manner, files: Files) -> None:
    """Train; KeyboardInterrupt after Ctrl-C, what was learnt saved.

    MachineError if board and golden machine differ, and, when all files are written, if outputs have died.
    """
    board = manner.board
    start = beginning.start(source)
    run = Run(start, source.load(start.spec, start.seed), epochs)
    run.check(beginning.load, manner.resumes)
    files.check(start.spec)
    if start.spec.kernels and start.spec.settings.beta == 1 and start.spec.settings.nudge in (POSITIVE, NEGATIVE):
        warn(ONE_SIDED)
    keeper = Keeper(files.checkpoint) if files.checkpoint else None
    done = None
    # Ctrl-C interrupts at once until the board is connected, and is asked for from then on.
    asked: list[Callable[[], bool]] = []
    waits = (lambda: any(stop() for stop in asked)) if manner.reconnects else None
    stores = manner.stores(start.spec, run.task)
    with (
        learning(board, start, run.task.alone, manner.compare, waits, manner.cable, stores) as learner,
        _stored(learner, run.task, bool(manner.stored)),
        stoppable() as stopped,
    ):
        asked.append(stopped)
        report = _report(run, learner, manner)
        page = Page(files.report, run)

        def keep() -> None:
            if keeper:
                keeper.keep(run.reached(learner))

        try:
            with progress("learning", run.last - start.learnt) as advance:
                every = files.every if keeper else None

                def after_epoch(epoch: int, so_far: Training) -> bool:
                    ends = report.after_epoch(epoch, so_far)
                    page.sketch(epoch, report)
                    return ends

                training = train(run, learner, advance, stopped, after_epoch, every, keep)
            # Before anything is read, which counts as well.
            done = run.reached(learner)
            report.read(stopped)
        except MachineError as broken:
            if not (learner.machine and learner.machine.learnt):
                raise
            # The golden machine has learnt only where it is compared.
            kept = leave(done or run.reached(learner), files.save, files.checkpoint, always=True)
            raise MachineError(
                f"{str(broken).rstrip('.')}; the golden machine has learnt {learner.machine.learnt} patterns up to there. "
                f"{kept.complaint or f'They are kept, and {kept.command} continues from them.'}"
            ) from None
    kept = leave(done, files.save, files.checkpoint, always=stopped())
    figures = {
        **learner.figures(),
        "spec_hash": start.spec.spec_hash,
        "board": board,
        "seed": start.seed,
        "epochs": training.learnt / len(run.task.inputs),
        "learnt": training.learnt,
        "counters": done.counters,
        "settings": dataclasses.asdict(start.spec.settings),
        **_rule_figures(start.spec, training),
        **(done.memristors.figures() if done.memristors else {}),
        **report.figures(training),
    }
    complaints = [kept.complaint] if kept.complaint else []
    complaints += _written(files, figures, report, page)
    report.show(figures)
    note_idle(start.spec.settings, training.patterns)
    if wasted := wasted_range(start.spec, done.weights, run.task.inputs):
        warn(wasted)
    learner.require_equal()
    if stopped():
        where = kept.complaint or f"What was learnt is kept, and {kept.command} continues it."
        raise KeyboardInterrupt(f"Interrupted after {training.learnt} patterns. {where}")
    if complaints:
        raise UserError("; ".join([*(text.rstrip(".") for text in complaints[:-1]), complaints[-1]]))
    if not manner.keep_going and (failure := report.failure()):
        raise MachineError(failure)


@contextmanager
def _stored(learner: Learner, task: Task, must: bool) -> Iterator[None]:
    """Begin with the images on the board, if the learner can keep them there; UserError if it ``must`` and cannot."""
    if isinstance(learner, StoredTwin) and isinstance(task, ImageTask):
        sets = [(task.inputs, task.targets), (task.test_inputs, task.test_targets)]
        try:
            with progress("storing images on the board", sum(len(inputs) for inputs, _ in sets)) as advance:
                learner.store(sets, advance)
        except UserError as error:
            if must:
                raise
            warn(f"{error} Each image goes over the line in every epoch.")
    yield


def _written(files: Files, figures: dict[str, Any], report: Report, page: Page) -> list[str]:
    """Write figures, pictures and page; a sentence for each that could not be, so that the others are there all the same."""
    works: list[Callable[[], None]] = [lambda: page.finish(figures, report)]
    if json := files.json:
        works.insert(0, lambda: write_json(json, figures))
    if out := files.out:
        works.insert(0, lambda: report.draw(out))
    complaints = []
    for work in works:
        try:
            work()
        except UserError as error:
            complaints.append(str(error))
    return complaints


def _rule_figures(spec: MachineSpec, training: Training) -> dict[str, Any]:
    """How the machine learnt, and what a pattern took, by the names that the JSON uses."""
    settings = spec.settings
    return {
        "rule": settings.rule,
        "order": settings.order,
        "eps": [settings.free_eps, settings.nudged_eps],
        "fine_bits": spec.fine_bits,
        "nudge": settings.nudge,
        "beta": settings.beta,
        "free_steps_mean": training.free_steps,
        "nudged_steps_mean": training.nudged_steps,
        "busy_clocks_per_pattern": training.clocks_per_pattern,
    }


def _report(run: Run, learner: Learner, manner: Manner) -> Report:
    """The report of a run's task."""
    if isinstance(run.task, ImageTask):
        return ImageReport(run.task, learner, run.start, manner.patience)
    assert isinstance(run.task, PatternTask)
    if manner.until_learnt and learner.machine is None:
        raise UserError("--until-learnt needs the golden machine beside the board; leave --no-compare out.")
    return PatternReport(run.task, learner, run.start, manner.until_learnt)


class PatternReport:
    """Patterns: which are recalled at the end, by the machine, by float64, and by their distance to each other."""

    def __init__(self, task: PatternTask, learner: Learner, start: Checkpoint, until_learnt: bool) -> None:
        self._task, self._learner, self._start, self._until_learnt = task, learner, start, until_learnt
        self._weights = learner.spec.matrices[0].limit
        self._cosines: list[float] = []

    def after_epoch(self, epoch: int, training: Training) -> bool:
        """Take how symmetric the weights are; a board's own are read at the end only."""
        machine = self._learner.machine
        if machine and self._learner.spec.asymmetric:
            self._cosines.append(symmetry(self._learner.spec, machine.weights))
        if not (self._until_learnt and machine):
            return False
        signs = golden_answers(machine, self._task.inputs)
        return bool(recalled(self._task.inputs, np.arange(len(signs)), signs).all())

    def sketch(self, out: Path) -> None:
        """How symmetric the weights are, if they are two for each pair."""
        if self._cosines:
            cosines_picture(out / "cosines.png", self._cosines)

    def read(self, stopped: Callable[[], bool]) -> None:
        """Recall the patterns themselves."""
        state = self._learner.state()
        self._matrix, self._learnt = state.weights[0], state.learnt
        self._signs = self._learner.answer("pattern", self._task.inputs, stopped=stopped)
        self._by_float64 = self._reference(stopped) if self._learner.machine else None

    def _reference(self, stopped: Callable[[], bool]) -> NDArray[np.bool_] | None:
        """Which patterns float64 recalls that has learnt as long from the same weights; None after Ctrl-C."""
        task, start = self._task, self._start
        reference = Reference(start.spec, start.spec.settings, initial_weights(start.spec, start.seed))
        epochs = (start.learnt + self._learnt) // len(task.inputs)
        with progress("learning in float64", epochs) as advance:
            for epoch in range(epochs):
                if stopped():
                    return None
                chosen = task.order(epoch)
                reference.learn_many(task.inputs[chosen], task.targets[chosen])
                advance()
        return recalled(task.inputs, np.arange(len(task.inputs)), reference.recall_many(task.inputs))

    def figures(self, training: Training) -> dict[str, Any]:
        """What the training took, and which patterns are recalled; None after Ctrl-C."""
        loaded, count = self._task.loaded, len(self._task.inputs)
        known = np.arange(count)
        right = recalled(self._task.inputs, known, self._signs) if len(self._signs) == count else None
        lost = [] if right is None else np.flatnonzero(~right).tolist()
        by_float64 = self._by_float64
        return {
            "patterns": self._task.name,
            "training": dataclasses.asdict(training),
            "patterns_recalled": None if right is None else float(right.mean()),
            "not_recalled": [loaded.names[number] for number in lost],
            "reference": None if by_float64 is None else float(by_float64.mean()),
            "nearest_pattern": nearest_pattern_bound(loaded.pixels, loaded.pixels, known),
            **self._asymmetry(),
        }

    def failure(self) -> str:
        """Nothing is in vain as long as something is recalled; which patterns are not is said with the figures."""
        return ""

    def _asymmetry(self) -> dict[str, Any]:
        """Of weights for each direction the cosine of the angle to their transpose, at the end and after each epoch."""
        if not self._learner.spec.asymmetric:
            return {}
        return {"cosine": symmetry(self._learner.spec, (self._matrix,)), "cosines": self._cosines}

    def draw(self, out: Path) -> None:
        """The weights and, if they are two for each pair, how symmetric they were along the training."""
        save(weights_figure(self._matrix, self._weights), out / "weights.png")
        self.sketch(out)
        if machine := self._learner.machine:
            found = trace(machine, self._task.inputs[0], self._task.targets[0])
            what = f"pattern {self._task.loaded.names[0]}"
            save(states_figure(found.states, found.free_steps, found.outputs, what), out / "states.png")

    def show(self, figures: dict[str, Any]) -> None:
        """Print all figures, and of the patterns that are not recalled who recalls them."""
        shown = {name: value for name, value in figures.items() if name not in ("cosines", "not_recalled")}
        show("Training", shown | (comparison(figures) if "bit_exact" in figures else {}))
        if not figures["not_recalled"]:
            return
        table = Table("pattern", "wrong pixels", "float64", "nearest pattern", title="Patterns that are not recalled")
        pixels, names = self._task.loaded.pixels, self._task.loaded.names
        wrong = (self._signs != pixels).sum(axis=1)
        for number in np.flatnonzero(wrong).tolist():
            float64 = "-" if self._by_float64 is None else "recalled" if self._by_float64[number] else "not recalled"
            twin = int((pixels == pixels[number]).all(axis=1).sum()) > 1
            table.add_row(names[number], str(wrong[number]), float64, "the same as another" if twin else "itself")
        print_table(table)
