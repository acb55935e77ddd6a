"""What the commands for classifiers do: ``train --data`` and ``eval``."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ohmprop.host.link.board import Board, check_link, joined, split
from ohmprop.host.link.port import opened
from ohmprop.host.run.checkpoint import Checkpoint, check_content, content_of, leave
from ohmprop.host.run.images import (
    Alone,
    Learner,
    Training,
    check_fits,
    check_layered,
    confusion,
    error,
    golden_answers,
    margins,
    read,
    train,
)
from ohmprop.host.run.patterns import LayeredTwin
from ohmprop.host.show.console import note_idle, print_table, progress, show, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import confusion_picture, errors_picture, hidden_picture, misread_picture
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.datasets import NAMES, Dataset, load, pixels
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.float64.layered import initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec

#: Counters that a checkpoint keeps, of patterns learnt.
COUNTERS = ("busy_clocks", "steps", "rows_skipped", "updates_skipped")
#: Shares of test images whose largest margin is told.
QUANTILES = (0.01, 0.05, 0.25, 0.5)


def run_train(
    data: str,
    machine: Path | None,
    board: str,
    classes: tuple[int, ...] | None,
    per_class: int | None,
    resize: int | None,
    epochs: int,
    halvings: float,
    seed: int,
    start_from: Path | None,
    save: Path | None,
    json_file: Path | None,
    out: Path | None,
    checkpoint: Path | None,
    every: int,
    resumes: bool,
    device: str | None,
    scheme: str | None,
    pulses: int,
) -> None:
    """Train a classifier; MachineError if board and golden machine differ, KeyboardInterrupt after Ctrl-C, weights saved.

    ``resumes``: the images must be those of the run in ``start_from``.
    """
    start, dataset = _start(data, machine, classes, per_class, resize, seed, start_from)
    if device:
        start = start.pulsed(device, scheme, pulses)
    count = len(dataset.train_labels)
    last = epochs * count
    # A run killed between its last checkpoint and its end still owes its figures.
    if start.learnt > last or (start.learnt == last and not resumes):
        raise UserError(
            f"{start_from} has learnt {start.learnt} patterns already and --epochs {epochs} asks for {last} in all; "
            f"give at least --epochs {start.learnt // count + 1}."
        )
    options = {
        "data": data if data in NAMES else os.path.abspath(data),
        "classes": list(classes) if classes else None,
        "per_class": per_class,
        "resize": resize,
        "epochs": epochs,
        "halvings": halvings,
        "content": content_of(dataset.train_images, dataset.train_labels),
    }
    if resumes:
        check_content(start_from, start, options)
    _check_files((save, checkpoint, json_file), out)

    def keep(number: int) -> None:
        if checkpoint:
            _reached(start, learner.machine, options).save(checkpoint)

    done: Checkpoint | None = None
    with _learner(board, start) as learner, stoppable() as stopped:
        try:
            with progress("learning", last - start.learnt) as advance:
                training = train(
                    *(learner, start, dataset, epochs, halvings, advance, stopped, _tell),
                    *(every if checkpoint else None, keep),
                )
            # Before the test images are read, which counts as well.
            done = _reached(start, learner.machine, options)
            answers = _answers(learner, dataset, stopped)
        except MachineError as broken:
            golden = learner.machine
            if not golden.learnt:
                raise
            continuing = leave(done or _reached(start, golden, options), save, checkpoint, always=True)
            raise MachineError(
                f"{str(broken).rstrip('.')}; the golden machine's {golden.learnt} patterns up to there are kept, and "
                f"{continuing} continues from them."
            ) from None
    continuing = leave(done, save, checkpoint, always=stopped())
    figures = {
        **_figures(learner, dataset, answers, board),
        **(done.cells.figures() if done.cells else {}),
        "seed": start.seed,
        "epochs": training.learnt / count,
        "halvings": halvings,
        "counters": done.counters,
        "settings": dataclasses.asdict(start.spec.settings),
        **dataclasses.asdict(training),
    }
    if out:
        curves = {
            "training images, golden machine": training.train_error,
            "test images, golden machine": training.golden_test_error,
            "training images, float64": training.reference_train_error,
            "test images, float64": training.reference_test_error,
        }
        errors_picture(out / "errors.png", start.learnt // count + 1, curves)
    _report("Training", figures, learner, dataset, answers, json_file, out)
    note_idle(start.spec.settings, training.patterns)
    if stopped():
        raise KeyboardInterrupt(
            f"Interrupted after {training.learnt} patterns; what was learnt is kept, and {continuing} continues it."
        )


def run_eval(
    data: str,
    start_from: Path,
    machine: Path | None,
    board: str,
    classes: tuple[int, ...] | None,
    per_class: int | None,
    resize: int | None,
    json_file: Path | None,
    out: Path | None,
) -> None:
    """Read a data set's images with learnt weights; MachineError if board and golden machine differ."""
    start, dataset = _start(data, machine, classes, per_class, resize, 0, start_from)
    _check_files((json_file,), out)
    with _learner(board, start) as learner:
        answers = _answers(learner, dataset, lambda: False)
    images = pixels(dataset.train_images, start.spec.pixel_bits)
    figures = {
        **_figures(learner, dataset, answers, board),
        "learnt": start.learnt,
        "train_error": error(dataset.train_labels, golden_answers(learner.machine, images)),
    }
    _report("Evaluation", figures, learner, dataset, answers, json_file, out)


# -- what both have in common --------------------------------------------------------------------------------------


def _start(
    data: str,
    machine: Path | None,
    classes: tuple[int, ...] | None,
    per_class: int | None,
    resize: int | None,
    seed: int,
    saved: Path | None,
) -> tuple[Checkpoint, Dataset]:
    """Where a run begins, a file or fresh weights, and its images; UserError if they do not fit each other."""
    spec = MachineSpec.load(machine) if machine else None
    start = Checkpoint.load(saved, spec) if saved else None
    spec = start.spec if start else spec
    if spec is None:
        raise UserError("--data needs a layered machine; give --machine a TOML file or a name, as mnist-784-128-5.")
    check_layered(spec)
    if start is None:
        start = Checkpoint(spec, joined(quantise(spec, initial_weights(spec, seed))), DEFAULT_LFSR, 0, seed)
    if data not in NAMES and not Path(data).is_dir():
        raise UserError(
            f"There is no data set and no folder {data}; give {', '.join(NAMES)} or the folder of MNIST's four IDX files."
        )
    name, folder = (data, None) if data in NAMES else ("mnist", Path(data))
    dataset = load(name, folder, classes, per_class, resize, start.seed)
    check_fits(spec, dataset)
    return start, dataset


def _check_files(files: Sequence[Path | None], out: Path | None) -> None:
    for path in files:
        check_writable(path)
    if out:
        check_writable(out, folder=True)


@contextmanager
def _learner(board: str, start: Checkpoint) -> Iterator[Learner]:
    spec, weights = start.spec, split(start.spec, start.weights)
    if board == "golden":
        yield Alone(spec, weights, start.lfsr, start.unit)
        return
    check_link(spec)
    with opened(board, spec) as port:
        yield LayeredTwin(Board(port, spec), weights, start.lfsr, start.unit)


def _reached(start: Checkpoint, golden: GoldenMachine, options: Mapping[str, Any]) -> Checkpoint:
    """What the golden machine has learnt since ``start``."""
    counters = start.grown({name: getattr(golden, name) for name in COUNTERS})
    learnt = start.learnt + golden.learnt
    cells = start.cells.grown(golden.pulses) if start.cells else None
    return Checkpoint(start.spec, joined(golden.weights), golden.lfsr, learnt, start.seed, counters, options, cells)


def _answers(learner: Learner, dataset: Dataset, stopped: Callable[[], bool]) -> NDArray[np.uint8]:
    """The outputs' states for the test images (count, outputs), by the board if there is one; fewer if stopped."""
    images = pixels(dataset.test_images, learner.machine.spec.pixel_bits)
    with progress("reading test images", len(images)) as advance:
        answers = learner.answer(images, advance, stopped)
    learner.check("after reading the test images")
    return answers


def _figures(learner: Learner, dataset: Dataset, answers: NDArray[np.uint8], board: str) -> dict[str, Any]:
    """Whose figures these are, and what was read of the test images."""
    spec, labels = learner.machine.spec, dataset.test_labels[: len(answers)]
    figures: dict[str, Any] = {
        **learner.figures(),
        "spec_hash": spec.spec_hash,
        "layers": list(spec.layers),
        "lanes": spec.lanes,
        "board": board,
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


def _report(
    title: str,
    figures: dict[str, Any],
    learner: Learner,
    dataset: Dataset,
    answers: NDArray[np.uint8],
    json_file: Path | None,
    out: Path | None,
) -> None:
    """Show the figures, write the files, refuse differences."""
    # Lists by epoch were told epoch by epoch.
    shown = {name: value for name, value in figures.items() if not isinstance(value, list)}
    if figures["bit_exact"] is None:
        shown["bit_exact"] = "not compared, since the golden machine learns without a board"
    show(title, shown)
    _show_confusion(dataset.classes, figures["confusion"])
    if json_file:
        write_json(json_file, figures)
    if out:
        confusion_picture(out / "confusion.png", dataset.classes, np.array(figures["confusion"]))
        labels = dataset.test_labels[: len(answers)]
        misread_picture(out / "misread.png", dataset, np.flatnonzero(read(answers) != labels), read(answers))
        hidden_picture(out / "hidden.png", learner.machine.weights[0], dataset.shape)
    learner.require_equal()


def _show_confusion(classes: Sequence[int], table: Sequence[Sequence[int]]) -> None:
    """Print how many test images of each class were read as each class."""
    printed = Table("class", *(f"read {label}" for label in classes), title="Test images by class and reading")
    for label, row in zip(classes, table, strict=True):
        printed.add_row(str(label), *map(str, row))
    print_table(printed)


def _tell(epoch: int, training: Training) -> None:
    """Print an epoch's errors, and the outputs that have died in it."""
    errors = (training.train_error, training.golden_test_error, training.reference_test_error)
    learnt, test, reference = (f"{values[-1]:.2%}" for values in errors)
    click.echo(
        f"epoch {epoch}: {learnt} of the training images misread, {test} of the test images, {reference} by float64"
    )
    known = {dead.output for dead in training.dead_outputs if dead.epoch < epoch}
    for dead in training.dead_outputs:
        if dead.epoch == epoch and dead.output not in known:
            click.echo(dead.advice, err=True)
