"""What both estimators share: a machine that learns a task on any backend, and what it has learnt."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.conventions import BaseEstimator, InputError, require_fitted
from ohmprop.host.estimators.machine import Machine
from ohmprop.host.estimators.networks.layers import Scaled, scaled
from ohmprop.host.link.weights import Weights
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.learner import Learner
from ohmprop.host.run.run import Run, fresh, learning
from ohmprop.host.run.task import Task
from ohmprop.host.run.train import Training, train
from ohmprop.host.show.console import progress, stoppable
from ohmprop.model.errors import MachineError
from ohmprop.model.float64.reference import quantise
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped


class Learned(BaseEstimator):
    """An estimator whose parameters name a machine and who is to be it.

    Attributes
    ----------
    checkpoint_ : the machine and all it has learnt, as a file of `ohmprop train` has it.
    epochs_ : rounds through the data so far.
    training_ : what the last call of a fit took: steps, clocks, patterns in a second.
    scaled_ : what became of each matrix of a network that was carried in.
    """

    n_features_in_: int
    checkpoint_: Checkpoint
    epochs_: int
    training_: Training
    scaled_: tuple[Scaled, ...]

    def __init__(
        self,
        machine: str | PathLike[str] | MachineSpec | None = None,
        board: str = "golden",
        epochs: int = 100,
        *,
        settings: Mapping[str, Any] | None = None,
        device: str | Mapping[str, Any] | None = None,
        random_state: Any = 1,
        verbose: bool = False,
    ) -> None:
        self.machine = machine
        self.board = board
        self.epochs = epochs
        self.settings = settings
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    # -- what was learnt ---------------------------------------------------------------------------------------------

    @property
    def spec_(self) -> MachineSpec:
        """The machine, as it was made for the data or named."""
        require_fitted(self, "checkpoint_")
        return self.checkpoint_.spec

    @property
    def weights_(self) -> Weights:
        """The weights in LSBs, int16, matrix after matrix as `GoldenMachine.weights` has them."""
        require_fitted(self, "checkpoint_")
        return self.checkpoint_.weights

    # -- learning ----------------------------------------------------------------------------------------------------

    def _begin(self, made: Callable[[], MachineSpec], seed: int) -> Checkpoint:
        """A machine that has learnt nothing: the one that is named, or one that is made for the data."""
        if not isinstance(self.epochs, int) or self.epochs < 1:
            raise InputError(f"epochs = {self.epochs!r} is no number of rounds; give a whole number from 1 on.")
        named = self.machine
        if named is None:
            spec = made()
        elif isinstance(named, MachineSpec):
            spec = named
        else:
            spec = MachineSpec.load(named if isinstance(named, str) else Path(named))
        return self._in_cells(fresh(equipped(spec, **self.settings) if self.settings else spec, seed))

    def _holding(self, start: Checkpoint, floats: Sequence[NDArray[np.float64]]) -> Checkpoint:
        """A machine that has not learnt, with weights in floating point; what became of them is noted."""
        held = self._in_cells(replace(start, weights=quantise(start.spec, floats)))
        self.scaled_ = scaled(held.spec, floats, held.weights)
        return held

    def _in_cells(self, start: Checkpoint) -> Checkpoint:
        """The same in cells of the device, if there is one, which hold no weight beyond its rails."""
        if not self.device:
            return start
        cells: dict[str, Any] = {"device": self.device} if isinstance(self.device, str) else dict(self.device)
        if "device" not in cells or cells.keys() - {"device", "scheme", "pulses"}:
            raise InputError(
                f"device = {self.device!r} is no device; give its name, or a dict of device, scheme and pulses."
            )
        return start.with_device(cells["device"], cells.get("scheme"), cells.get("pulses", 1))

    def _learn(self, start: Checkpoint, task: Task, epochs: int, done: int) -> None:
        """Learn ``epochs`` rounds more on the board; what was learnt is kept, whatever ends it, and the board closed."""
        run = Run(replace(start, learnt=0), task, epochs)
        with learning(self.board, start, alone=True) as learner, stoppable() as stopped:
            try:
                with self._progress("learning", run.last) as advance:
                    training = train(run, learner, advance, stopped)
            except MachineError:
                if learner.machine:
                    self._keep(start, run, learner, done + learner.machine.learnt // len(task.inputs))
                raise
            self.training_ = training
            self._keep(start, run, learner, done + training.learnt // len(task.inputs))
            learner.require_equal()
        if stopped():
            raise KeyboardInterrupt(
                f"Interrupted after {training.learnt} patterns; the estimator holds what was learnt, and partial_fit goes on."
            )

    def _keep(self, start: Checkpoint, run: Run, learner: Learner, epochs: int) -> None:
        reached = run.reached(learner)
        options = {**run.options, "epochs": epochs}
        learnt = start.learnt + reached.learnt
        self.checkpoint_ = replace(reached, learnt=learnt, run=options, beside=self._beside())
        self.epochs_ = epochs

    def _beside(self) -> dict[str, NDArray[Any]]:
        """Arrays that a file keeps beside the weights."""
        return {}

    def opened(self, board: str | None = None) -> AbstractContextManager[Machine]:
        """The machine with all that was learnt, to look into; on another ``board`` if one is named. Use it with ``with``."""
        require_fitted(self, "checkpoint_")
        return Machine.holding(self.checkpoint_, board or self.board)

    # -- answers -----------------------------------------------------------------------------------------------------

    def _answers(self, inputs: Any) -> Any:
        """The answers (count, outputs) to inputs (count, inputs), by whoever is to be the machine."""
        start = self.checkpoint_
        with learning(self.board, start, alone=True) as learner, stoppable() as stopped:
            with self._progress("asking", len(inputs)) as advance:
                answers = learner.answer("sample", inputs, advance, stopped)
            learner.check("after the answers")
            learner.require_equal()
        if stopped():
            raise KeyboardInterrupt(f"Interrupted after {len(answers)} of {len(inputs)} samples.")
        return answers

    def _progress(self, title: str, total: int) -> AbstractContextManager[Callable[[], None]]:
        return progress(title, total) if self.verbose else nullcontext(lambda: None)

    # -- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write what was learnt into an .npz file, which every command takes that has --load, and ``load``.

        UserError if it cannot be written, NotFittedError if nothing was learnt.
        """
        require_fitted(self, "checkpoint_")
        self.checkpoint_.save(Path(path))
