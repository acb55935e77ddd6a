"""Classifiers: what is reported of their training, and ``ohmprop eval``."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isqrt, prod
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.learner import Learner, golden_answers
from ohmprop.host.run.readings import confusion, error, margins, read
from ohmprop.host.run.run import Beginning, learning
from ohmprop.host.run.task import ImageSource, ImageTask
from ohmprop.host.run.trace import Trace, trace
from ohmprop.host.run.train import Training
from ohmprop.host.show.console import print_table, progress, show, warn
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.page import write_page
from ohmprop.host.show.pictures import (
    confusion_picture,
    cosines_picture,
    errors_picture,
    hidden_picture,
    maps_picture,
    misread_picture,
    save,
    states_figure,
)
from ohmprop.model.data.labelled import Label
from ohmprop.model.float64.bptt import symmetry
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.kernels import joints

#: Shares of test images whose largest margin is reported.
QUANTILES = (0.01, 0.05, 0.25, 0.5)
#: Classes up to which all confusions are printed, and errors that are printed of more.
MOST_COLUMNS = 12


@dataclass(frozen=True)
class DeadOutput:
    """An output that was at 0 for every training image after an epoch.

    Members
    -------
    epoch : counted from 1.
    output : the output's number.
    label : the class that it stands for.
    advice : the cause and the setting to change, in a sentence.
    """

    epoch: int
    output: int
    label: Label
    advice: str

    @classmethod
    def of(cls, epoch: int, output: int, label: Label, settings: Settings, unsettled: bool) -> "DeadOutput":
        """A dead output and what to do about it; ``unsettled`` if most free phases were cut off."""
        said = f"Output {output} (class {label}) stayed at 0 for every training image after epoch {epoch}"
        if unsettled:
            cause = (
                f"most free phases were cut off at free_steps = {settings.free_steps} before they had settled, so that "
                "learning compared states that had not settled"
            )
        else:
            cause = (
                "an output whose drive has fallen under -1 is not raised by the nudge (beta = 1) and never learns again"
            )
        return cls(epoch, output, label, f"{said}: {cause}; {remedy(settings, unsettled)}.")


class Curves:
    """Errors after each epoch, of the golden machine and of a float64 reference that learns beside it.

    Attributes
    ----------
    train_error, golden_test_error : shares of training and test images that the golden machine misreads, after each epoch.
    reference_train_error, reference_test_error : the same for the float64 reference.
    dead_outputs : outputs that stayed at 0, epoch by epoch.
    cosines : of asymmetric weights the cosine of the angle to their transpose, after each epoch.
    """

    def __init__(self, task: ImageTask, machine: GoldenMachine, start: Checkpoint) -> None:
        self.train_error: list[float] = []
        self.golden_test_error: list[float] = []
        self.reference_train_error: list[float] = []
        self.reference_test_error: list[float] = []
        self.dead_outputs: list[DeadOutput] = []
        self.cosines: list[float] = []
        self._task, self._machine, self._spec = task, machine, start.spec
        self._reference = Reference(start.spec, start.spec.settings, initial_weights(start.spec, start.seed))
        # The reference's weights are in no file, so it learns again what a continued run had learnt before.
        for epoch in range(start.learnt // len(task.inputs)):
            self._follow(epoch)

    def _follow(self, epoch: int) -> None:
        """Let the reference learn an epoch, from 0, as well."""
        task = self._task
        chosen = task.order(epoch)
        self._reference.settings = task.settings(self._spec, epoch)
        self._reference.learn_many(task.inputs[chosen], task.targets[chosen])

    def after_epoch(self, epoch: int, training: Training) -> None:
        """Take the errors after an epoch, from 1."""
        task, dataset, reference = self._task, self._task.dataset, self._reference
        self._follow(epoch - 1)
        answers = golden_answers(self._machine, task.inputs)
        self.train_error.append(error(dataset.train_labels, answers))
        self.golden_test_error.append(error(dataset.test_labels, golden_answers(self._machine, task.test_inputs)))
        self.reference_train_error.append(error(dataset.train_labels, reference.recall_many(task.inputs)))
        self.reference_test_error.append(error(dataset.test_labels, reference.recall_many(task.test_inputs)))
        if self._spec.asymmetric:
            self.cosines.append(symmetry(self._spec, self._machine.weights))
        settings = self._spec.settings
        for output in np.flatnonzero(answers.max(axis=0) == 0).tolist():
            label = dataset.classes[output]
            self.dead_outputs.append(DeadOutput.of(epoch, output, label, settings, training.cut_off))

    def figures(self) -> dict[str, Any]:
        """All of it, by the names that the JSON uses."""
        names = ("train_error", "golden_test_error", "reference_train_error", "reference_test_error")
        asymmetric = {"cosine": self.cosines[-1], "cosines": self.cosines} if self.cosines else {}
        dead = [*map(asdict, self.dead_outputs)]
        return {**{name: getattr(self, name) for name in names}, "dead_outputs": dead, **asymmetric}


class Reading:
    """The test images, read by a board or the golden machine, and what their answers say."""

    def __init__(self, task: ImageTask, learner: Learner, stopped: Callable[[], bool] = lambda: False) -> None:
        """Read them; fewer, or none, if stopped."""
        with progress("reading test images", len(task.test_inputs)) as advance:
            self._answers = learner.answer("test image", task.test_inputs, advance, stopped)
        learner.check("after reading the test images")
        self._dataset, self._labels = task.dataset, task.dataset.test_labels[: len(self._answers)]
        self._weights = learner.state().weights[0]

    def figures(self, spec: MachineSpec) -> dict[str, Any]:
        """Whose answers these are, and what was read."""
        labels, answers, dataset = self._labels, self._answers, self._dataset
        figures: dict[str, Any] = {
            "layers": list(spec.layers),
            "lanes": spec.lanes,
            "data": dataset.name,
            "classes": list(dataset.classes),
            "train_images": len(dataset.train_labels),
            "test_images": len(answers),
            "test_error": error(labels, answers) if len(answers) else None,
            "confusion": confusion(labels, answers).tolist(),
        }
        if len(answers):
            least = margins(labels, answers)
            figures["margins"] = {"mean": float(least.mean())} | {
                f"{share:.0%} are below": float(np.quantile(least, share)) for share in QUANTILES
            }
        return figures

    def draw(self, out: Path) -> None:
        """Confusion, misread images, and the weights of the hidden units."""
        dataset, found = self._dataset, read(self._answers)
        confusion_picture(out / "confusion.png", dataset.classes, confusion(self._labels, self._answers))
        misread_picture(out / "misread.png", dataset, np.flatnonzero(found != self._labels), found)
        shape, units = dataset.shape, "hidden units"
        if len(self._weights) != prod(shape):
            # Of a kernel the rows are the taps of a window.
            shape, units = (isqrt(len(self._weights)), isqrt(len(self._weights))), "channels"
        hidden_picture(out / "hidden.png", self._weights, shape, units)


class ImageReport:
    """A classifier in training: its errors epoch by epoch, and what is read of the test images at the end."""

    def __init__(self, task: ImageTask, learner: Learner, start: Checkpoint, patience: int | None) -> None:
        assert learner.machine, "images are learnt beside the golden machine"
        self._task, self._learner, self._start, self._patience = task, learner, start, patience
        self._cut_off = False
        # Shares of the test images that the board itself misreads, after each epoch; only of one that has them stored.
        self.board_test_error: list[float] = []
        self.curves = Curves(task, learner.machine, start)

    def after_epoch(self, epoch: int, training: Training) -> bool:
        """Print an epoch's errors, and the outputs that have died in it; true if patience has come to an end."""
        self.curves.after_epoch(epoch, training)
        wrong = self._learner.errors(self._task.test_inputs, self._task.test_targets)
        if wrong is not None:
            self.board_test_error.append(wrong / len(self._task.test_inputs))
        self._cut_off = training.cut_off
        errors = (self.curves.train_error, self.curves.golden_test_error, self.curves.reference_test_error)
        learnt, test, reference = (f"{values[-1]:.2%}" for values in errors)
        click.echo(
            f"epoch {epoch}: {learnt} of the training images misread, {test} of the test images, {reference} by float64"
        )
        known = {dead.output for dead in self.curves.dead_outputs if dead.epoch < epoch}
        for dead in self.curves.dead_outputs:
            if dead.epoch == epoch and dead.output not in known:
                warn(dead.advice)
        learnt_errors = self.curves.train_error
        since = len(learnt_errors) - 1 - learnt_errors.index(min(learnt_errors))
        return self._patience is not None and since >= self._patience

    def read(self, stopped: Callable[[], bool]) -> None:
        """Read the test images."""
        self._reading = Reading(self._task, self._learner, stopped)

    def figures(self, training: Training) -> dict[str, Any]:
        """What was read, what the training took, and the errors epoch by epoch."""
        return {
            **self._reading.figures(self._start.spec),
            "halvings": self._task.source.halvings,
            **asdict(training),
            **({"free_sweeps_mean": training.free_steps} if self._start.spec.kernels else {}),
            **self.curves.figures(),
            **({"board_test_error": self.board_test_error} if self.board_test_error else {}),
        }

    def draw(self, out: Path) -> None:
        """The errors epoch by epoch, and the reading's pictures."""
        self.sketch(out)
        self._reading.draw(out)
        machine, task, spec = self._learner.machine, self._task, self._start.spec
        assert machine
        label = task.dataset.test_labels[0]
        found = trace(machine, task.test_inputs[0], np.arange(spec.outputs) == label)
        what = f"the first test image, of class {task.dataset.classes[label]}"
        save(states_figure(found.states, found.free_steps, found.outputs, what), out / "states.png")
        if spec.kernels:
            maps_picture(out / "maps.png", _maps(spec, found), what)

    def sketch(self, out: Path) -> None:
        """The errors epoch by epoch."""
        curves = {
            "training images, golden machine": self.curves.train_error,
            "test images, golden machine": self.curves.golden_test_error,
            "training images, float64": self.curves.reference_train_error,
            "test images, float64": self.curves.reference_test_error,
        }
        errors_picture(out / "errors.png", self._start.learnt // len(self._task.inputs) + 1, curves)
        if self.curves.cosines:
            cosines_picture(out / "cosines.png", self.curves.cosines)

    def show(self, figures: dict[str, Any]) -> None:
        """Print all figures but the lists, which were printed epoch by epoch."""
        _show("Training", figures)

    def failure(self) -> str:
        """The outputs that are dead at the end, wherever the run began, and the setting to change."""
        spec, dataset = self._start.spec, self._task.dataset
        assert self._learner.machine
        dead = np.flatnonzero(golden_answers(self._learner.machine, self._task.inputs).max(axis=0) == 0).tolist()
        if not dead or not spec.settings.nudged_steps:
            return ""
        labels = ", ".join(str(dataset.classes[output]) for output in dead)
        return (
            f"{len(dead)} of {spec.outputs} outputs have died, those of {'class' if len(dead) == 1 else 'classes'} {labels}, so "
            f"their images are never read right; {remedy(spec.settings, self._cut_off)} (--keep-going makes this no failure)."
        )


def _maps(spec: MachineSpec, found: Trace) -> list[NDArray[np.int64]]:
    """The maps of each layer that a kernel makes, (2, channels, side, side), at the end of both phases."""
    ends, first = found.states[[found.free_steps, -1]].astype(np.int64), 0
    maps: list[NDArray[np.int64]] = []
    for _, (side, channels), kernel in joints(spec.layers, spec.kernels):
        last = first + side * side * channels
        if kernel:
            maps.append(ends[:, first:last].reshape(2, side, side, channels).transpose(0, 3, 1, 2))
        first = last
    return maps


def remedy(settings: Settings, unsettled: bool) -> str:
    """What to do about outputs that died; ``unsettled`` if most free phases were cut off."""
    if unsettled:
        return "start again with more free_steps, or with feedforward = true"
    return f"start again with smaller learning rates, that is eta_shifts larger than {list(settings.eta_shifts)}"


def run_eval(
    load: Path,
    source: ImageSource,
    machine: Path | None,
    board: str,
    json_file: Path | None,
    out: Path | None,
    report: Path | None,
) -> None:
    """Read a data set's images with learnt weights; MachineError if board and golden machine differ."""
    start = Beginning(machine, load).start(source)
    task = source.only_as_learnt(start.run, load).load(start.spec, start.seed)
    for path in (json_file, report):
        check_writable(path)
    if out:
        check_writable(out, folder=True)
    with learning(board, start, task.alone) as learner:
        reading = Reading(task, learner)
    assert learner.machine, "it reads beside the golden machine"
    figures = {
        **learner.figures(),
        "spec_hash": start.spec.spec_hash,
        "board": board,
        **reading.figures(start.spec),
        "learnt": start.learnt,
        "train_error": error(task.dataset.train_labels, golden_answers(learner.machine, task.inputs)),
    }
    if json_file:
        write_json(json_file, figures)
    if out:
        reading.draw(out)
    if report:
        write_page(
            report, f"{task.name} read by {load.name}", f"What ohmprop eval read on {board}.", figures, reading.draw
        )
    _show("Evaluation", figures)
    learner.require_equal()


def _show(title: str, figures: dict[str, Any]) -> None:
    """Print figures but the lists, and the confusion as a table: all of it, or of many classes the most frequent errors."""
    shown = {name: value for name, value in figures.items() if not isinstance(value, list)}
    show(title, shown | comparison(figures))
    classes: Sequence[Label] = figures["classes"]
    if len(classes) > MOST_COLUMNS:
        counts = np.array(figures["confusion"])
        np.fill_diagonal(counts, 0)
        table = Table("class", "read", "images", title=f"The most frequent errors of {counts.sum()}")
        for place in np.argsort(-counts, axis=None, kind="stable")[:MOST_COLUMNS]:
            row, column = divmod(int(place), len(classes))
            if counts[row, column]:
                table.add_row(str(classes[row]), str(classes[column]), str(counts[row, column]))
    else:
        table = Table("class", *(f"read {label}" for label in classes), title="Test images by class and reading")
        for label, row in zip(classes, figures["confusion"], strict=True):
            table.add_row(str(label), *map(str, row))
    print_table(table)


def comparison(figures: dict[str, Any]) -> dict[str, str]:
    """What is shown where no two different things were compared."""
    if figures["bit_exact"] is None:
        return {"bit_exact": "not compared, since the golden machine answers without a board"}
    if figures["bit_exact"] and figures["board"] == "golden":
        return {"bit_exact": "yes, but both are the golden machine: only the protocol between them was tested"}
    return {}
