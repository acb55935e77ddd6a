"""Classifiers: training and reading images on a layered board, the golden machine and the float64 reference beside it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.board import Matrices
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.patterns import LayeredTwin
from ohmprop.model.data.datasets import Dataset, order, pixels
from ohmprop.model.errors import UserError
from ohmprop.model.float64.layered import LayeredReference, initial_weights
from ohmprop.model.golden.machine import GoldenMachine, eta_shifts_at
from ohmprop.model.link.records import LearnReply
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.spec import MachineSpec, Settings

Pixels = NDArray[np.uint8]
Bits = NDArray[np.bool_]
Integers = NDArray[np.int64]
Answers = NDArray[np.number[Any]]
#: Patterns that the golden machine alone learns between two looks at Ctrl-C.
CHUNK = 256
#: Free phases that are cut off in more than this share of a run's first patterns are named as the cause of dead outputs.
#: Only the first, since a machine whose outputs are dead settles soon; in sound runs it was up to three quarters.
UNSETTLED = 0.9
FIRST_PATTERNS = 100


def check_layered(spec: MachineSpec) -> None:
    """Refuse a machine without inputs and outputs of their own."""
    if spec.recurrent:
        raise UserError(
            f"This machine is a recurrent one of {spec.neurons} units, and --data takes a layered one; give a --machine with "
            "inputs, hidden layers and outputs, or give --patterns."
        )


def check_fits(spec: MachineSpec, dataset: Dataset) -> None:
    """Refuse images or classes that are not this layered machine's."""
    height, width = dataset.shape
    if prod(dataset.shape) != spec.inputs:
        raise UserError(
            f"The images of {dataset.name} have {width} x {height} = {width * height} pixels and this machine has "
            f"{spec.inputs} inputs; give --resize or another --machine."
        )
    if len(dataset.classes) != spec.outputs:
        raise UserError(
            f"The data have the {len(dataset.classes)} classes {', '.join(map(str, dataset.classes))} and this machine has "
            f"{spec.outputs} outputs; name as many --classes, or give another --machine."
        )


def error(labels: Integers, answers: Answers) -> float:
    """Share of images that are misread; ``labels`` (count,), ``answers`` the outputs' states (count, outputs)."""
    return float((read(answers) != labels).mean())


def read(answers: Answers) -> Integers:
    """The classes read (count,): that of the largest state, the first of equals."""
    classes: Integers = answers.argmax(axis=1)
    return classes


def confusion(labels: Integers, answers: Answers) -> Integers:
    """Images of each class (row) that are read as each class (column); (outputs, outputs)."""
    table = np.zeros((answers.shape[1], answers.shape[1]), np.int64)
    np.add.at(table, (labels, read(answers)), 1)
    return table


def margins(labels: Integers, answers: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The right output's state less the largest other one (count,), -1 to 1; a misread image has none above 0."""
    states = answers / 255
    own = np.arange(len(labels)), labels
    right = states[own]
    states[own] = -1
    least: NDArray[np.float64] = right - states.max(axis=1)
    return least


class Alone:
    """The golden machine as a learner of its own, without a board or a link.

    Attributes
    ----------
    machine : the golden machine.
    """

    def __init__(self, spec: MachineSpec, weights: Matrices, lfsr: int, unit: PulseUnit | None = None) -> None:
        self.machine = GoldenMachine(spec, lfsr=lfsr)
        self.machine.weights = tuple(weights)
        self.machine.device = unit

    def use(self, settings: Settings) -> None:
        """Learn with these settings from now on."""
        self.machine.settings = settings

    def learn(
        self, places: Sequence[str], images: Pixels, targets: Bits, stopped: Callable[[], bool]
    ) -> Iterator[LearnReply]:
        """Learn images (count, inputs) with targets (count, outputs) until stopped; yields each one's reply."""
        for at in takewhile(lambda _: not stopped(), range(0, len(images), CHUNK)):
            for row in self.machine.learn_many(images[at : at + CHUNK], targets[at : at + CHUNK]).tolist():
                yield LearnReply(*row)

    def counted(self) -> dict[str, int]:
        """The machine's counters."""
        names = ("busy_clocks", "steps", "learnt", "rows_skipped", "updates_skipped")
        return {name: getattr(self.machine, name) for name in names}

    def answer(self, images: Pixels, advance: Callable[[], None], stopped: Callable[[], bool]) -> NDArray[np.uint8]:
        """The outputs' states (count, outputs) for images (count, inputs)."""
        return golden_answers(self.machine, images)

    def check(self, where: str) -> None:
        """There is no board to compare with."""

    def figures(self) -> dict[str, Any]:
        """No verdict, by the name that the JSON uses."""
        return {"bit_exact": None}

    def require_equal(self) -> None:
        """There is no board to compare with."""


Learner = Alone | LayeredTwin


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
    label: int
    advice: str


@dataclass
class Training:
    """What a training run has come to; means and rates are over the patterns learnt in it.

    Members
    -------
    learnt : patterns learnt since the initial weights, those before this run included.
    train_error, golden_test_error : shares of training and test images that the golden machine misreads, after each epoch.
    reference_train_error, reference_test_error : the same of the float64 reference.
    dead_outputs : outputs that stayed at 0, epoch by epoch.
    patterns : patterns learnt in this run.
    steps_per_pattern : mean Euler steps of both phases.
    clocks_per_pattern : mean clocks, by the machine's counter.
    bound_per_pattern : mean clocks at a multiply-accumulate a lane a clock, without skipped rows and updates.
    clocks_over_bound : their ratio.
    rows_skipped, updates_skipped : by the machine's counters.
    seconds : wall time of learning, without the readings of images between the epochs.
    patterns_per_second, updates_per_second : learnt patterns and connection updates a second of it.
    """

    learnt: int
    train_error: list[float] = field(default_factory=list)
    golden_test_error: list[float] = field(default_factory=list)
    reference_train_error: list[float] = field(default_factory=list)
    reference_test_error: list[float] = field(default_factory=list)
    dead_outputs: list[DeadOutput] = field(default_factory=list)
    patterns: int = 0
    steps_per_pattern: float = 0.0
    clocks_per_pattern: float = 0.0
    bound_per_pattern: float = 0.0
    clocks_over_bound: float = 0.0
    rows_skipped: int = 0
    updates_skipped: int = 0
    seconds: float = 0.0
    patterns_per_second: float = 0.0
    updates_per_second: float = 0.0


def train(
    learner: Learner,
    start: Checkpoint,
    dataset: Dataset,
    epochs: int,
    halvings: float,
    advance: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
    after_epoch: Callable[[int, Training], None] = lambda epoch, training: None,
    every: int | None = None,
    keep: Callable[[int], None] = lambda learnt: None,
) -> Training:
    """Learn the training images, each epoch in its own order, up to ``epochs`` in all.

    Parameters
    ----------
    learner : has the weights and the LFSR of ``start``.
    start : where the run begins; the orders and the reference's initial weights follow from its seed.
    halvings : how often the learning rates are halved an epoch.
    advance, after_epoch : called after each pattern; after each whole epoch with its number, from 1.
    stopped : asked before patterns are learnt; true ends the run after those already sent.
    every, keep : at each multiple of ``every`` patterns learnt in all ``keep`` is called with their number.
    """
    spec, count = start.spec, len(dataset.train_labels)
    every = every or count
    images = pixels(dataset.train_images, spec.pixel_bits)
    targets: Bits = dataset.train_labels[:, None] == np.arange(spec.outputs)
    test_images = pixels(dataset.test_images, spec.pixel_bits)
    reference = LayeredReference(spec, spec.settings, initial_weights(spec, start.seed))

    def follow(epoch: int) -> None:
        """Let the reference learn an epoch as well."""
        chosen, shifts = order(dataset, epoch, start.seed), eta_shifts_at(spec, epoch, halvings)
        reference.learn_many(images[chosen], targets[chosen], [2.0**-shift for shift in shifts])

    training, cut_off = Training(start.learnt), 0
    # No pattern: the loops are compiled before the first one's time is taken.
    learner.machine.learn_many(images[:0], targets[:0])
    # The reference's weights are in no file, so it learns again what a continued run had learnt before.
    for epoch in range(start.learnt // count):
        follow(epoch)
    while training.learnt < epochs * count and not stopped():
        epoch, first = divmod(training.learnt, count)
        learner.use(replace(spec.settings, eta_shifts=eta_shifts_at(spec, epoch, halvings)))
        last = min(count, first + every - training.learnt % every)
        rest = order(dataset, epoch, start.seed)[first:last]
        places = [f"epoch {epoch + 1}, pattern {number}" for number in range(first + 1, last + 1)]
        begin = time.monotonic()
        for reply in learner.learn(places, images[rest], targets[rest], stopped):
            if training.learnt < start.learnt + FIRST_PATTERNS:
                cut_off += reply.free_steps >= spec.settings.free_steps
            training.learnt += 1
            advance()
        training.seconds += time.monotonic() - begin
        if training.learnt % every == 0:
            keep(training.learnt)
        if training.learnt < (epoch + 1) * count and not stopped():
            continue
        learner.check(f"after {training.learnt} patterns")
        if training.learnt < (epoch + 1) * count:
            break
        follow(epoch)
        answers = golden_answers(learner.machine, images)
        training.train_error.append(error(dataset.train_labels, answers))
        training.golden_test_error.append(error(dataset.test_labels, golden_answers(learner.machine, test_images)))
        training.reference_train_error.append(error(dataset.train_labels, reference.recall_many(images)))
        training.reference_test_error.append(error(dataset.test_labels, reference.recall_many(test_images)))
        looked_at = min(FIRST_PATTERNS, training.learnt - start.learnt)
        unsettled = spec.settings.stop_when_settled and cut_off > UNSETTLED * looked_at
        for output in np.flatnonzero(answers.max(axis=0) == 0).tolist():
            training.dead_outputs.append(_dead_output(epoch, output, dataset, spec.settings, unsettled))
        after_epoch(epoch + 1, training)
    training.patterns = training.learnt - start.learnt
    if training.patterns:
        _count(training, spec, learner.counted())
    return training


def golden_answers(machine: GoldenMachine, images: Pixels) -> NDArray[np.uint8]:
    """The outputs' states (count, outputs) for images (count, inputs), by a machine of its own: the counters stay."""
    other = GoldenMachine(machine.spec, machine.settings)
    other.weights, other.device = machine.weights, machine.device
    return other.recall_many(images)[0]


def _dead_output(epoch: int, output: int, dataset: Dataset, settings: Settings, unsettled: bool) -> DeadOutput:
    label = dataset.classes[output]
    said = f"Output {output} (class {label}) stayed at 0 for every training image after epoch {epoch + 1}"
    if unsettled:
        cause = (
            f"most free phases were cut off at free_steps = {settings.free_steps} before they had settled, so that "
            "learning compares states that are none; start anew with more free_steps, or with feedforward = true"
        )
    else:
        cause = (
            "an output whose drive has fallen under -1 is not raised by the nudge (beta = 1) and never learns again; "
            f"start anew with smaller learning rates, that is eta_shifts larger than {list(settings.eta_shifts)}"
        )
    return DeadOutput(epoch + 1, output, label, f"{said}: {cause}.")


def _count(training: Training, spec: MachineSpec, counted: dict[str, int]) -> None:
    """Fill in what the counters say, and the rates."""
    patterns = training.patterns
    training.rows_skipped, training.updates_skipped = counted["rows_skipped"], counted["updates_skipped"]
    updates = patterns - training.updates_skipped if spec.settings.nudged_steps else 0
    # Rows are read once a pattern and programmed once an update; those left out are counted in words.
    sweeps = patterns + updates
    rows = spec.inputs - training.rows_skipped / spec.layout.words_per_input / sweeps
    training.steps_per_pattern = counted["steps"] / patterns
    training.clocks_per_pattern = counted["busy_clocks"] / patterns
    training.bound_per_pattern = spec.timing.bound(training.steps_per_pattern, updates / patterns, rows)
    training.clocks_over_bound = training.clocks_per_pattern / training.bound_per_pattern
    training.patterns_per_second = patterns / training.seconds
    training.updates_per_second = training.patterns_per_second * spec.synapses
