"""The golden machine: predicts every bit of the hardware, in integers, without any simulator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.errors import UserError
from ohmprop.model.golden.convolutional import ConvolutionalNetwork
from ohmprop.model.golden.layered import LayeredNetwork
from ohmprop.model.golden.network import Cells, Integers, Network, Phase, Schedule, Weights
from ohmprop.model.golden.recurrent import RecurrentNetwork
from ohmprop.model.layout import Cell
from ohmprop.model.link.records import LearnReply, RecallReply
from ohmprop.model.memristors.kernels import LINEAR
from ohmprop.model.memristors.unit import PulseUnit, no_cells, pulse_one
from ohmprop.model.memristors.wires import Wires
from ohmprop.model.rules import RULES, Factor, Second
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import BETAS, CENTRED, NEGATIVE, POSITIVE, RANDOM
from ohmprop.model.timing import TURN


class GoldenMachine:
    """A machine of one spec.

    A recurrent machine's patterns are bool (neurons,), True white, and so are its targets and answers. A layered one's are
    uint8 (inputs,), pixels of pixel_bits each; its targets are bool (outputs,), and its answers the outputs' states.

    Attributes
    ----------
    spec : the machine.
    settings : the run-time settings; may be set between patterns.
    lfsr : the random register, 1 to 2**32 - 1.
    busy_clocks, steps, learnt, recalled : the machine's counters, not wrapped.
    rows_skipped : words of zero inputs that were neither read nor programmed, not wrapped.
    updates_skipped : updates left out since the nudge had moved no state, not wrapped.
    pulses : pulses up, pulses down, pulses lost at a rail of each matrix, a symmetric pair counting once; int64 (matrices, 3).

    Examples
    --------
    >>> import numpy as np
    >>> machine = GoldenMachine(MachineSpec(layers=(4,)))
    >>> machine.learn(np.array([True, False, True, False])).free_steps > 0
    True
    """

    def __init__(self, spec: MachineSpec, settings: Settings | None = None, lfsr: int = DEFAULT_LFSR) -> None:
        self.spec = spec
        self.settings = settings or spec.settings
        self.lfsr = lfsr
        self.busy_clocks = self.steps = self.learnt = self.recalled = self.rows_skipped = self.updates_skipped = 0
        self.pulses = np.zeros((len(spec.matrices), 3), np.int64)
        self._network: Network = network_of(spec)
        self.weights = tuple(np.zeros((matrix.rows, matrix.columns), np.int16) for matrix in spec.matrices)
        self.device = None

    @property
    def weights(self) -> Weights:
        """The matrices, int16, to be changed in place between patterns; those assigned are copied.

        One (neurons, neurons) of a recurrent machine, symmetric unless the spec is asymmetric, whose row i is what neuron i
        drives; of a layered one (inputs, first hidden layer), then (upper layer, lower layer), and last, if there are biases,
        (1, neurons). UserError if the shapes are others.
        """
        return self._weights

    @weights.setter
    def weights(self, matrices: Sequence[NDArray[np.integer[Any]]]) -> None:
        copies = tuple(np.array(matrix, np.int16, order="C") for matrix in matrices)
        shapes = [(matrix.rows, matrix.columns) for matrix in self.spec.matrices]
        if [copy.shape for copy in copies] != shapes:
            raise UserError(
                f"Weights of shapes {[copy.shape for copy in copies]} do not fit; give a tuple of matrices of shapes {shapes}."
            )
        self._weights = copies

    @property
    def device(self) -> PulseUnit | None:
        """What the cells are; None are linear ones. May be set between patterns."""
        return self._device

    @device.setter
    def device(self, unit: PulseUnit | None) -> None:
        if unit:
            unit.check(self.spec)
        self._device = unit
        self._stuck = unit.masks(self.spec) if unit else no_cells(self.spec)
        # Patterns learnt since the last decay.
        self._undecayed = 0

    @property
    def wires(self) -> Wires | None:
        """A recurrent crossbar's wires, if they have a resistance (model/memristors/wires.py); may be set between patterns."""
        return self._network.wires

    @wires.setter
    def wires(self, wires: Wires | None) -> None:
        self._network.wires = wires

    @property
    def factors(self) -> NDArray[np.int8]:
        """What the wires of a machine with ``spec.wires`` make of each cell (neurons, neurons), row drives column; a copy."""
        return self._network.factors

    @factors.setter
    def factors(self, factors: NDArray[np.integer]) -> None:
        self._network.factors = factors.astype(np.int8)

    @property
    def states(self) -> NDArray[np.integer[Any]]:
        """The neurons' states after the last run, first hidden layer first; a copy. A side network leaves the free phase's.

        int8 (neurons,) of a recurrent machine, uint8 of a layered one.
        """
        return self._network.states.astype(self._network.state_type)

    @property
    def side_states(self) -> NDArray[np.int16]:
        """The side network's states after its last step, int16 (neurons,), a copy; those assigned are copied.

        A layered machine has none: (0,).
        """
        return self._network.side_states.astype(np.int16)

    @side_states.setter
    def side_states(self, states: NDArray[np.integer[Any]]) -> None:
        self._network.side_states[:] = states

    # -- learning ------------------------------------------------------------------------------------------------------

    def learn(self, pattern: NDArray[Any], target: NDArray[np.bool_] | None = None) -> LearnReply:
        """Free phase, second phase and weight update for one pattern: ``learn_many`` of one."""
        records = self.learn_many(pattern[None], None if target is None else target[None])
        return LearnReply(*records[0].tolist())

    def learn_many(self, patterns: NDArray[Any], targets: NDArray[np.bool_] | None = None) -> Integers:
        """Learn patterns (count, inputs) one after another; ``targets`` (count, outputs) are the patterns if not given.

        Returns the fields of each one's LearnReply, int64 (count, 4).
        """
        patterns = self._checked(patterns)
        targets = np.ascontiguousarray(patterns if targets is None else targets, np.bool_)
        if targets.shape != (len(patterns), self.spec.outputs):
            raise UserError(
                f"Targets of shape {targets.shape} do not fit {len(patterns)} patterns; give ({len(patterns)}, "
                f"{self.spec.outputs})."
            )
        schedule, cells = self._learning(), self._cells()
        records = self._network.learn(self._weights, patterns, targets, self.lfsr, schedule, cells)
        first, second, lfsr, rows, updates = records.T
        unit, steps = self._device, first + second
        side_steps = second if schedule.second.side else np.zeros_like(second)
        clocks = self._clocks(steps - side_steps, side_steps, rows, updates)
        clocks += (second > 0) * TURN * (schedule.second.first_turn > 0) * (1 + schedule.centred)
        if unit:
            clocks += self.spec.timing.pulse_clocks(unit.sets, unit.read_noise > 0, steps, updates)
        if unit and unit.decay_every:
            since = self._undecayed + 1 + np.arange(len(records))
            clocks += (since % unit.decay_every == 0) * self.spec.timing.decay
            self._undecayed = (self._undecayed + len(records)) % unit.decay_every
        self._count(steps, clocks)
        self.learnt += len(records)
        possible = second if RULES[self.settings.rule].every_step else second > 0
        self.updates_skipped += int((possible - updates).sum())
        if len(records):
            self.lfsr = int(lfsr[-1])
        return np.stack([first, second, clocks, lfsr], axis=1)

    # -- recall --------------------------------------------------------------------------------------------------------

    def recall(self, pattern: NDArray[Any]) -> tuple[RecallReply, NDArray[Any]]:
        """Recall one pattern: ``recall_many`` of one. Returns the reply and the answer."""
        answers, records = self.recall_many(pattern[None])
        return RecallReply(*records[0].tolist()), answers[0]

    def recall_many(self, patterns: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
        """Relax for patterns (count, inputs), one after another, with the input on, then, in a recurrent machine, off.

        Returns the answers (count, outputs): which states are positive, or a layered machine's outputs' states, of which
        the largest names the class, the first of equals. And the fields of each one's RecallReply, int64 (count, 3).
        """
        patterns, schedule, cells = self._checked(patterns), self._recalling(), self._cells()
        answers, records, self.lfsr = self._network.recall(self._weights, patterns, self.lfsr, schedule, cells)
        first, second, rows = records.T
        nothing = np.zeros_like(first)
        clocks = self._clocks(first + second, nothing, rows, nothing)
        clocks += (first + second) * (self.spec.timing.read_draw if cells.read_noise else 0)
        self._count(first + second, clocks)
        self.recalled += len(records)
        return answers, np.stack([first, second, clocks], axis=1)

    # -- programming ---------------------------------------------------------------------------------------------------

    def pulse(self, cell: Cell | None, pulses: int) -> None:
        """Give one cell (matrix, row, column) n programming pulses, up or, if negative, down; linear cells take none.

        None is no cell: nothing moves, but all else is as with one.
        """
        unit = self._device
        if unit:
            self.lfsr = pulse_one(self.spec, unit, self._weights, self.pulses, cell, pulses, self.lfsr)
            self.busy_clocks += self.spec.timing.whole_update(unit.sets)

    # -- what the loops take -------------------------------------------------------------------------------------------

    def _checked(self, patterns: NDArray[Any]) -> NDArray[Any]:
        """The patterns as the loops take them; UserError if they have not as many pixels as the machine."""
        if patterns.ndim != 2 or patterns.shape[1] != self.spec.inputs:
            raise UserError(
                f"Patterns of shape {patterns.shape} do not fit; give (count, {self.spec.inputs}), a pixel per input."
            )
        return np.ascontiguousarray(patterns, self._network.pattern_type)

    def _phase(self, most: int, nudged: bool = False, side: bool = False, feedforward: bool = False) -> Phase:
        settings, turns = self.settings, self.spec.turns(self.settings)
        settled = settings.tolerance if settings.stop_when_settled else -1
        eps = settings.nudged_eps if nudged else settings.free_eps
        whole = eps == 1 and RULES[settings.rule].second is not Second.SIDE
        # The nudge comes first to the layers whose outputs it draws.
        first_turn = self.spec.layout.nudged_turn if nudged and turns > 1 else 0
        beta_shift = BETAS.index(settings.beta)
        return Phase(most, settled, nudged, side, feedforward, whole, beta_shift, turns, first_turn)

    def _learning(self) -> Schedule:
        settings, rule = self.settings, RULES[self.settings.rule]
        updates = [
            (matrix.pre_shift, shift - matrix.shift_base, matrix.limit, matrix.fine_bits)
            for matrix, shift in zip(self.spec.matrices, settings.eta_shifts, strict=True)
        ]
        first = self._phase(max(1, settings.free_steps), feedforward=settings.feedforward)
        side = rule.second is Second.SIDE
        most, rounds = (1, settings.nudged_steps) if rule.every_step else (settings.nudged_steps, 1)
        second = self._phase(most, nudged=not side, side=side)
        products = [
            (product.sign, product.row is Factor.SECOND, product.column is Factor.SECOND) for product in rule.products
        ]
        # A side network has no nudge.
        nudge = POSITIVE if side else settings.nudge
        sign = {NEGATIVE: -1, RANDOM: 0}.get(nudge, 1)
        centred = nudge == CENTRED
        skips, shifts = (settings.skip, settings.settled_only), np.array(updates)
        return Schedule(first, second, shifts, np.array(products, np.int64), rounds, sign, centred, *skips)

    def _recalling(self) -> Schedule:
        settings = self.settings
        first = self._phase(max(1, settings.driven_steps), feedforward=settings.feedforward)
        nothing = np.zeros((0, 4), np.int64)
        return Schedule(
            first, self._phase(settings.released_steps), nothing, nothing, 0, 1, False, settings.skip, False
        )

    def _cells(self) -> Cells:
        unit = self._device
        if unit is None:
            return Cells(1, LINEAR, self._stuck, self.pulses, 0, (0, 0, 0))
        decay = unit.decay_every, unit.decay_shift, self._undecayed
        return Cells(unit.sets, unit.constants, self._stuck, self.pulses, unit.read_noise, decay)

    # -- counting ------------------------------------------------------------------------------------------------------

    def _clocks(self, steps: Integers, side_steps: Integers, rows: Integers, updates: Integers) -> Integers:
        """Clocks of patterns on linear cells, all (count,); counts the input rows that were left out."""
        layout = self.spec.layout
        if self.settings.skip:
            self.rows_skipped += int(((layout.inputs - rows) * (1 + updates)).sum()) * layout.words_per_input
        else:
            rows = np.full_like(rows, layout.inputs)
        return self.spec.timing.pattern(steps, updates, rows, side_steps, self.spec.turns(self.settings))

    def _count(self, steps: Integers, clocks: Integers) -> None:
        self.steps += int(steps.sum())
        self.busy_clocks += int(clocks.sum())


def copied(machine: GoldenMachine) -> GoldenMachine:
    """A machine that holds the same, with counters of its own."""
    copy = GoldenMachine(machine.spec, machine.settings, machine.lfsr)
    copy.weights, copy.device = machine.weights, machine.device
    if machine.spec.wires:
        copy.factors = machine.factors
    return copy


def network_of(spec: MachineSpec) -> Network:
    """The network of a machine's topology."""
    if spec.kernels:
        return ConvolutionalNetwork(spec)
    return RecurrentNetwork(spec) if spec.recurrent else LayeredNetwork(spec)


def eta_shifts_at(
    spec: MachineSpec, epoch: int, halvings_per_epoch: float = 1.0, most_halvings: int = 15
) -> tuple[int, ...]:
    """The settings' eta_shifts for epoch 0, 1, ...: the spec's own, the rates halved this many times per epoch.

    Every matrix's rate ends at its floor: after ``most_halvings``, or where the machine's shifts end.
    """
    halvings = min(most_halvings, int(epoch * halvings_per_epoch))
    pairs = zip(spec.matrices, spec.settings.eta_shifts, strict=True)
    return tuple(min(shift + halvings, matrix.eta_shifts[-1]) for matrix, shift in pairs)
