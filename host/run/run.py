"""A training run: where it begins, what it learns, and how far it goes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ohmprop.host.link.board import connect
from ohmprop.host.link.lasting import lasting_port
from ohmprop.host.link.port import Port, held_back, open_port
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.learner import Alone, Learner, OnBoard
from ohmprop.host.run.stored import StoredTwin
from ohmprop.host.run.task import Source, Task
from ohmprop.host.run.twin import Twin
from ohmprop.host.show.console import warn
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped


@dataclass(frozen=True)
class Beginning:
    """How a run begins, as the command line says it.

    Members
    -------
    machine : the machine's file or name; None for the default one, or that of ``load``.
    load : a file of a former run to go on with; None for fresh weights.
    seed : of fresh weights.
    settings : settings to change, by their names; the machine gets the hardware that they need.
    device, scheme, pulses : the device that the cells are, how a weight stands for two conductances, and most pulses of an
        update; a device of None for the cells of ``load``, or linear ones.
    """

    machine: Path | None = None
    load: Path | None = None
    seed: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None
    scheme: str | None = None
    pulses: int = 1

    def start(self, source: Source) -> Checkpoint:
        """What a run of this source starts with; UserError if files and options do not go together."""
        if self.load:
            start = Checkpoint.load(self.load, MachineSpec.load(self.machine) if self.machine else None)
            spec = equipped(start.spec, **self.settings) if self.settings else start.spec
            if start.spec.asymmetric and not spec.asymmetric:
                raise UserError(
                    f"{self.load} holds a weight for each direction, and rule = {spec.settings.rule} learns one for both; leave "
                    "--rule out, or start with other weights."
                )
            start = replace(start, spec=spec)
        else:
            # The weights of an asymmetric machine are drawn for each direction.
            spec = source.machine(self.machine)
            start = fresh(equipped(spec, **self.settings) if self.settings else spec, self.seed)
        return start.with_device(self.device, self.scheme, self.pulses) if self.device else start


def fresh(spec: MachineSpec, seed: int) -> Checkpoint:
    """A machine that has learnt nothing, with initial weights from a seed."""
    return Checkpoint(spec, quantise(spec, initial_weights(spec, seed)), DEFAULT_LFSR, 0, seed)


@dataclass(frozen=True)
class Run:
    """A training run.

    Members
    -------
    start : what was learnt before: the machine with its settings, rule and memristors, weights, and where it stands.
    task : what is learnt.
    epochs : rounds through the task in all, those before the start included.
    """

    start: Checkpoint
    task: Task
    epochs: int

    @property
    def last(self) -> int:
        """Patterns learnt at the end, those before the start included."""
        return self.epochs * len(self.task.inputs)

    @property
    def options(self) -> dict[str, Any]:
        """What a file keeps of the run, so that it can be resumed."""
        return {**self.task.options, "epochs": self.epochs}

    def check(self, path: Path | None, resumes: bool) -> None:
        """UserError if there is nothing left to learn, or if a resumed run's patterns are no longer those of its file."""
        start, count = self.start, len(self.task.inputs)
        # A run killed between its last checkpoint and its end still owes its figures.
        if start.learnt > self.last or (start.learnt == self.last and not resumes):
            raise UserError(
                f"{path} has learnt {start.learnt} patterns already and --epochs {self.epochs} asks for {self.last} in all; "
                f"give at least --epochs {start.learnt // count + 1}."
            )
        if resumes and start.run.get("content") != self.options["content"]:
            raise UserError(
                f"The patterns or images of the run in {path} have changed since it began; restore them, or give --load to "
                "go on with others."
            )

    def reached(self, learner: Learner) -> Checkpoint:
        """What has been learnt by now."""
        state, start = learner.state(), self.start
        counters = {name: start.counters.get(name, 0) + value for name, value in state.counters.items()}
        memristors = start.memristors.grown(state.pulses) if start.memristors else None
        weights, learnt = state.weights, start.learnt + state.learnt
        return Checkpoint(start.spec, weights, state.lfsr, learnt, start.seed, counters, self.options, memristors)


@cache
def _warn_once(sentence: str) -> None:
    warn(sentence)


@contextmanager
def learning(
    board: str,
    start: Checkpoint,
    alone: bool = False,
    compare: bool = True,
    waits: Callable[[], bool] | None = None,
    cable: str | None = None,
    stores: bool = False,
) -> Iterator[Learner]:
    """Who learns, with all that the start has learnt; a board, named as ``--board`` names it, is closed at the end.

    With ``alone`` the golden board is the golden machine itself. With ``compare`` the golden machine stands beside a board.
    With ``waits`` a port that breaks is waited for until that answers true, and a board that was reset gets back what it had
    learnt; else either ends the run. ``cable`` is what the line of a golden or virtual board ends in. With ``stores`` and
    ``compare`` patterns can be kept on the board.
    """
    if alone and board == "golden" and not cable and not stores:
        yield Alone(start.spec, start.weights, start.lfsr, start.unit)
        return

    def opening(url: str, baud: int) -> Port:
        return lasting_port(url, baud, waits, warn) if waits else open_port(url, baud)

    with connect(board, start.spec, opening, cable) as connected:
        if complaint := held_back(board):
            _warn_once(complaint)
        kind = (StoredTwin if stores else Twin) if compare else OnBoard
        yield kind(connected, start.spec.settings, start.weights, start.lfsr, start.unit, waits is not None)
