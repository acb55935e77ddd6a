"""``Machine``: one machine on one backend, pattern by pattern, for people who want to see."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.conventions import InputError
from ohmprop.host.estimators.ranges import Ranges, ranges
from ohmprop.host.estimators.summary import Summary, summary
from ohmprop.host.link.board import connect
from ohmprop.host.link.weights import Weights, checked_weights
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.learner import golden
from ohmprop.host.run.run import fresh
from ohmprop.host.run.trace import OnGolden, OnPort, Subject, Trace, traced, with_float64
from ohmprop.model.link.records import LearnReply
from ohmprop.model.spec import MachineSpec, Settings


class Machine:
    """A machine to look into: its weights and states, one pattern at a time, and every neuron along a pattern.

    The golden machine and boards come to the same bits. Close it, or use it with ``with``; a golden one needs neither.

    Parameters
    ----------
    machine : a ready machine's name, a TOML file's path, or a MachineSpec.
    board : ``golden``, ``sim``, or the port of a board, which gets fresh weights.
    seed : of the weights.

    Examples
    --------
    >>> from ohmprop import Machine, MachineSpec
    >>> machine = Machine(MachineSpec(layers=(4,)))
    >>> pattern = [True, False, True, False]
    >>> for _ in range(30):
    ...     reply = machine.learn(pattern)
    >>> machine.recall([True, True, True, False]).tolist()
    [True, False, True, False]
    >>> machine.trace(pattern).states.shape[1]
    4
    """

    def __init__(self, machine: str | PathLike[str] | MachineSpec, board: str = "golden", seed: int = 1) -> None:
        spec = machine if isinstance(machine, MachineSpec) else MachineSpec.load(fspath(machine))
        self._open(fresh(spec, seed), board)

    @classmethod
    def holding(cls, start: Checkpoint, board: str = "golden") -> "Machine":
        """The machine of a checkpoint, with all it has learnt."""
        machine = cls.__new__(cls)
        machine._open(start, board)
        return machine

    def _open(self, start: Checkpoint, board: str) -> None:
        self.spec = start.spec
        self._stack = ExitStack()
        self._subject: Subject
        if board == "golden":
            self._subject = OnGolden(golden(self.spec, self.spec.settings, start.weights, start.lfsr, start.unit))
        else:
            connected = self._stack.enter_context(connect(board, self.spec))
            self._subject = OnPort(connected)
            self._subject.put(self.spec.settings, start.lfsr, start.weights)
            if start.unit:
                connected.memristors.load(start.unit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the board; a golden machine stays as it is."""
        self._stack.close()

    # -- what it holds -----------------------------------------------------------------------------------------------

    @property
    def weights(self) -> Weights:
        """The weights in LSBs, int16, matrix after matrix as those of GoldenMachine; a copy, to be assigned when changed."""
        return self._subject.held()[2]

    @weights.setter
    def weights(self, matrices: Sequence[NDArray[Any]]) -> None:
        settings, lfsr, _ = self._subject.held()
        self._subject.put(settings, lfsr, checked_weights(self.spec, tuple(matrices)))

    @property
    def settings(self) -> Settings:
        """The run-time settings; ``machine.settings = dataclasses.replace(machine.settings, ...)`` changes them."""
        return self._subject.held()[0]

    @settings.setter
    def settings(self, settings: Settings) -> None:
        # A spec refuses what its hardware has not.
        checked = replace(self.spec, settings=settings).settings
        self._subject.put(checked, *self._subject.held()[1:])

    @property
    def lfsr(self) -> int:
        """The random register, 1 to 2**32 - 1."""
        return self._subject.held()[1]

    @property
    def states(self) -> NDArray[Any]:
        """The neurons' states in LSBs (neurons,) after the last pattern, first hidden layer first."""
        return self._subject.states()

    # -- patterns ----------------------------------------------------------------------------------------------------

    def learn(self, pattern: Any, target: Any = None) -> LearnReply:
        """Learn a pattern (inputs,), whose target (outputs,) are true and false; of a recurrent machine it is the pattern.

        Returns steps of both phases, clocks, and the LFSR. InputError if pattern or target do not fit the machine.
        """
        inputs = self._pattern(pattern)
        return self._subject.learn(inputs, self._target(inputs, target))

    def recall(self, pattern: Any) -> NDArray[Any]:
        """The answer (outputs,) to a pattern (inputs,): which states are positive, or a layered machine's outputs' states."""
        return self._subject.recall(self._pattern(pattern))[1]

    def trace(self, pattern: Any, target: Any = None) -> Trace:
        """Every neuron's state after every Euler step of both phases while it learns a pattern, which it then forgets again.

        Beside it stand the states of the float64 reference from the same weights.

        A board runs 1, 2, 3 ... steps, its states are read, and settings, weights and LFSR are written back. Its counters go
        on, and with them the patterns after which a device that decays does so.
        """
        inputs = self._pattern(pattern)
        goal = self._target(inputs, target)
        return with_float64(self._subject, traced(self._subject, inputs, goal), inputs, goal)

    def ranges(self, patterns: Any, targets: Any = None) -> Ranges:
        """What share of each number format weights, states, currents and increments use while it learns these patterns.

        ``patterns`` (count, inputs) with ``targets`` (count, outputs), each learnt from where the machine stands, and forgotten
        again. States and currents are those at the end of either phase.
        """
        inputs = [self._pattern(row) for row in np.asarray(patterns)]
        if not inputs:
            raise InputError("There is no pattern to learn; give at least one, as (count, inputs).")
        wanted = [None] * len(inputs) if targets is None else list(np.asarray(targets))
        if len(wanted) != len(inputs):
            raise InputError(f"There are {len(inputs)} patterns and {len(wanted)} targets; give a target for each.")
        goals = [self._target(row, target) for row, target in zip(inputs, wanted, strict=True)]
        return ranges(self._subject, list(zip(inputs, goals, strict=True)))

    def summary(self, boards: bool = True) -> Summary:
        """Layers, number formats, clocks, and what the machine needs on each board.

        The boards' figures are estimates, which take some seconds; leave them out with ``boards=False``.
        """
        return summary(self.spec, boards)

    def _pattern(self, pattern: Any) -> NDArray[Any]:
        found, spec = np.asarray(pattern), self.spec
        largest = 1 if spec.recurrent else spec.brightest
        if found.shape != (spec.inputs,) or found.dtype.kind not in "bui":
            raise InputError(
                f"A pattern of shape {found.shape} and type {found.dtype} does not fit; give {spec.inputs} whole numbers from 0 "
                f"to {largest}."
            )
        if found.min() < 0 or found.max() > largest:
            raise InputError(f"A pattern holds numbers from {found.min()} to {found.max()}; give 0 to {largest}.")
        return found.astype(np.bool_ if spec.recurrent else np.uint8)

    def _target(self, inputs: NDArray[Any], target: Any) -> NDArray[np.bool_]:
        if target is None:
            if not self.spec.recurrent:
                raise InputError(
                    f"A layered machine learns a pattern with its target; give {self.spec.outputs} of true and false."
                )
            return inputs
        found = np.asarray(target)
        if found.shape != (self.spec.outputs,) or not np.isin(found, (0, 1)).all():
            raise InputError(
                f"A target of shape {found.shape} does not fit; give {self.spec.outputs} of true and false."
            )
        return found.astype(np.bool_)
