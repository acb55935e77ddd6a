"""What ``ohmprop bench depth`` does: with which settings three hidden layers learn, on the machine and in float64."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ohmprop.host.experiments.jobs import by_seed
from ohmprop.host.experiments.pools import Pool
from ohmprop.host.run.readings import error
from ohmprop.host.show.console import print_table
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.data.datasets import load, order, pixels
from ohmprop.model.float64.reference import Reference, initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine, eta_shifts_at
from ohmprop.model.spec import MachineSpec

#: The machine, whose settings hold where a trial does not say otherwise.
MACHINE = "digits-64-32-32-32-10"
#: How often the learning rates are halved an epoch.
HALVINGS = 0.07


@dataclass(frozen=True)
class Trial:
    """Settings to try.

    Members
    -------
    initial_scales : factors of Glorot's initial weights, matrix by matrix.
    eta_shifts : the learning rates at first.
    nudged_steps : most Euler steps of the nudged phase.
    """

    initial_scales: tuple[float, ...]
    eta_shifts: tuple[int, ...]
    nudged_steps: int


@dataclass(frozen=True)
class Outcome:
    """The result of one seed, in the golden machine and in float64 from the same weights.

    Members
    -------
    test_error, reference_test_error : shares of test images that are misread after the last epoch.
    dead_outputs, reference_dead_outputs : outputs at 0 for every training image then.
    """

    test_error: float
    reference_test_error: float
    dead_outputs: int
    reference_dead_outputs: int


#: The found settings, and those around them with one thing changed at a time.
FOUND = Trial((0.5,) * 4, (3, 4, 5, 6), 8)
TRIALS = (
    FOUND,
    *(replace(FOUND, initial_scales=scales) for scales in ((0.35,) * 4, (0.65,) * 4, (0.8,) * 4)),
    *(replace(FOUND, initial_scales=(1.0, 1.0, 1.0, outputs)) for outputs in (0.5, 0.25)),
    *(replace(FOUND, eta_shifts=shifts) for shifts in ((4, 5, 6, 7), (3, 5, 7, 8))),
    *(replace(FOUND, nudged_steps=steps) for steps in (4, 12, 20)),
)


def run_bench_depth(seeds: int, epochs: int, pool: Pool, json_file: Path | None) -> None:
    """Try everything with the seeds 1 to ``seeds``, and show it."""
    check_writable(json_file)
    outcomes = by_seed("learning", partial(_learn, epochs), TRIALS, seeds, pool)
    ranked = sorted(outcomes.items(), key=lambda item: _mean(item[1], "test_error"))
    if json_file:
        fields = Outcome.__dataclass_fields__
        trials = [{**asdict(trial), **{name: _all(found, name) for name in fields}} for trial, found in ranked]
        figures = {"machine": MACHINE, "seeds": seeds, "epochs": epochs, "halvings": HALVINGS, "trials": trials}
        write_json(json_file, figures)
    _show(ranked)


def _learn(epochs: int, job: tuple[Trial, int]) -> Outcome:
    """Learn the digits with one trial's settings from one seed."""
    trial, seed = job
    spec, digits = MachineSpec.load(MACHINE), load("digits")
    settings = replace(spec.settings, eta_shifts=trial.eta_shifts, nudged_steps=trial.nudged_steps)
    spec = replace(spec, settings=settings)
    images, unseen = (pixels(part, spec.pixel_bits) for part in (digits.train_images, digits.test_images))
    targets = digits.train_labels[:, None] == np.arange(spec.outputs)
    weights = initial_weights(spec, seed, trial.initial_scales)
    machine, reference = GoldenMachine(spec), Reference(spec, settings, weights)
    machine.weights = quantise(spec, weights)
    for epoch in range(epochs):
        chosen, shifts = order(digits, epoch, seed), eta_shifts_at(spec, epoch, HALVINGS)
        machine.settings = reference.settings = replace(settings, eta_shifts=shifts)
        machine.learn_many(images[chosen], targets[chosen])
        reference.learn_many(images[chosen], targets[chosen])
    return Outcome(
        error(digits.test_labels, machine.recall_many(unseen)[0]),
        error(digits.test_labels, reference.recall_many(unseen)),
        _dead(machine.recall_many(images)[0]),
        _dead(reference.recall_many(images)),
    )


def _dead(answers: NDArray[np.number[Any]]) -> int:
    """Outputs that are 0 in all answers (count, outputs)."""
    return int((answers.max(axis=0) == 0).sum())


def _all(outcomes: Sequence[Outcome], name: str) -> list[Any]:
    """One member of every seed's outcome."""
    return [getattr(outcome, name) for outcome in outcomes]


def _mean(outcomes: Sequence[Outcome], name: str) -> float:
    return float(np.mean(_all(outcomes, name)))


def _show(ranked: Sequence[tuple[Trial, Sequence[Outcome]]]) -> None:
    """Print a row for each trial, the least test error first."""
    headings = ("initial scales", "eta_shifts", "nudged", "test errors %", "mean", "float64", "dead", "dead, float64")
    table = Table(*headings, title=f"{MACHINE}: misread test images and dead outputs")
    for trial, outcomes in ranked:
        table.add_row(
            ", ".join(map(str, trial.initial_scales)),
            ", ".join(map(str, trial.eta_shifts)),
            str(trial.nudged_steps),
            " ".join(f"{100 * share:.1f}" for share in _all(outcomes, "test_error")),
            f"{100 * _mean(outcomes, 'test_error'):.1f}",
            f"{100 * _mean(outcomes, 'reference_test_error'):.1f}",
            str(sum(_all(outcomes, "dead_outputs"))),
            str(sum(_all(outcomes, "reference_dead_outputs"))),
        )
    print_table(table)
