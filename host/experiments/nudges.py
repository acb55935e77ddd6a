"""What ``ohmprop bench nudges`` does: each sign and size of the nudge at learning rates of its own, on two hidden layers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ohmprop.host.experiments.held_out import by_place, dead_outputs, held_out, learnt, misread
from ohmprop.host.experiments.jobs import by_seed
from ohmprop.host.experiments.rule_cases import TOGETHER
from ohmprop.host.show.console import print_table
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.data.datasets import load
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped
from ohmprop.model.spec.settings import BETAS, NUDGES

#: The machine, and how often its learning rates are halved an epoch.
MACHINE, HALVINGS = "digits-64-64-64-10", 0.07
#: Its most nudged steps where all neurons step together, as they do here.
NUDGED = 8
#: How many times all rates are halved before the run; negative: doubled.
SLOWER = (-1, 0, 1, 2)


@dataclass(frozen=True)
class Trial:
    """A nudge and its learning rates.

    Members
    -------
    fine_bits : of the weights.
    nudge, beta : sign and size.
    slower : how many times the machine's rates are halved.
    """

    fine_bits: int
    nudge: str
    beta: float
    slower: int

    def spec(self) -> MachineSpec:
        """The machine."""
        spec = replace(MachineSpec.load(MACHINE), fine_bits=self.fine_bits)
        shifts = tuple(
            min(max(shift + self.slower, matrix.eta_shifts[0]), matrix.eta_shifts[-1])
            for shift, matrix in zip(spec.settings.eta_shifts, spec.matrices, strict=True)
        )
        changes = {**TOGETHER, "nudged_steps": NUDGED, "eta_shifts": shifts}
        learning: MachineSpec = equipped(spec, nudge=self.nudge, beta=self.beta, **changes)
        return learning


@dataclass(frozen=True)
class Outcome:
    """Shares of held-out and of test images that are misread, and outputs that are 0 for all training images."""

    held_out_error: float
    test_error: float
    dead_outputs: int


def run_bench_nudges(seeds: int, epochs: int, json_file: Path | None) -> None:
    """Try every nudge at every rate with the seeds 1 to ``seeds``; the test images count at the best rate only."""
    check_writable(json_file)
    trials = [Trial(*values) for values in product((0, 4), NUDGES, BETAS, SLOWER)]
    rows = _best(by_seed("learning", partial(_learn, epochs), trials, seeds))
    if json_file:
        figures = {"machine": MACHINE, "seeds": seeds, "epochs": epochs, "halvings": HALVINGS, "rows": rows}
        write_json(json_file, figures)
    _show(rows)


def _learn(epochs: int, job: tuple[Trial, int]) -> Outcome:
    """Learn four fifths of the training images, and read the rest and the test images."""
    trial, seed = job
    digits = load("digits")
    part = held_out(digits, by_place(digits))
    machine = learnt(trial.spec(), part, epochs, HALVINGS, seed)
    return Outcome(
        misread(machine, part.test_images, part.test_labels),
        misread(machine, digits.test_images, digits.test_labels),
        dead_outputs(machine, part.train_images),
    )


def _best(outcomes: dict[Trial, list[Outcome]]) -> list[dict[str, Any]]:
    """Of each nudge the rates at which the fewest held-out images are misread, with what was tried."""
    rows: list[dict[str, Any]] = []
    for fine_bits, nudge, beta in dict.fromkeys((trial.fine_bits, trial.nudge, trial.beta) for trial in outcomes):
        own = {slower: outcomes[Trial(fine_bits, nudge, beta, slower)] for slower in SLOWER}
        held = {slower: _mean(found, "held_out_error") for slower, found in own.items()}
        best = min(held, key=lambda slower: held[slower])
        rows.append(
            {
                "fine_bits": fine_bits,
                "nudge": nudge,
                "beta": beta,
                "eta_shifts": list(Trial(fine_bits, nudge, beta, best).spec().settings.eta_shifts),
                "held_out_errors": {str(slower): share for slower, share in held.items()},
                "held_out_error": held[best],
                "test_error": _mean(own[best], "test_error"),
                "dead_outputs": sum(outcome.dead_outputs for outcome in own[best]),
            }
        )
    return rows


def _mean(outcomes: Sequence[Outcome], name: str) -> float:
    return float(np.mean([getattr(outcome, name) for outcome in outcomes]))


def _show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a row for each nudge, at its best rates."""
    head = ("fine bits", "nudge", "beta", "best eta_shifts", "held out", "test images", "dead")
    table = Table(
        *head, title=f"{MACHINE}: misread images, each nudge at the rates that misread fewest of the held-out ones"
    )
    for row in rows:
        table.add_row(
            str(row["fine_bits"]),
            row["nudge"],
            str(row["beta"]),
            ", ".join(map(str, row["eta_shifts"])),
            f"{row['held_out_error']:.2%}",
            f"{row['test_error']:.2%}",
            str(row["dead_outputs"]),
        )
    print_table(table)
