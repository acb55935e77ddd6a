"""The golden machine of layered networks: predicts every bit of the hardware, in integers, without any simulator.

Weights are (inputs, first hidden layer), then (upper layer, lower layer), and last, if there are biases, (1, neurons).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.golden.layered_loops import learn_images, recall_images
from ohmprop.model.layout import Cell
from ohmprop.model.link.protocol import LearnReply, RecallReply
from ohmprop.model.memristors.unit import PulseUnit, no_cells, pulse_cell
from ohmprop.model.spec import MachineSpec, Settings

Integers = NDArray[np.int64]
Weights = tuple[NDArray[np.int16], ...]


#: In place of PulseUnit.constants where the cells are linear; never looked at.
LINEAR = (np.zeros((2, 1), np.int64), np.zeros((2, 1), np.int64), (0,) * 6)


class LayeredMachine:
    """A layered machine of one spec.

    Attributes
    ----------
    lfsr : the random register, 1 to 2**32 - 1.
    busy_clocks, steps, learnt, recalled : the machine's counters, not wrapped.
    rows_skipped : words of zero inputs that were neither read nor programmed, not wrapped.
    updates_skipped : updates left out since the nudge had moved no state, not wrapped.
    pulses : pulses up, pulses down, pulses lost at a rail of each matrix; int64 (matrices, 3).
    settings : the run-time settings.
    """

    def __init__(self, spec: MachineSpec, settings: Settings | None = None, lfsr: int = DEFAULT_LFSR) -> None:
        self.spec = spec
        self.settings = settings or spec.settings
        self.weights = tuple(np.zeros((matrix.rows, matrix.columns), np.int16) for matrix in spec.matrices)
        self.lfsr = lfsr
        self.busy_clocks = self.steps = self.learnt = self.recalled = self.rows_skipped = self.updates_skipped = 0
        layout = spec.layout
        self._states = np.zeros(spec.neurons, np.int32)
        self._timing = spec.timing
        self._blocks = layout.words_per_input
        self._codes = (layout.input_codes, layout.codes, layout.code_bits)
        self._firsts = np.cumsum([0, *spec.layers[1:]])
        self._constants = (spec.leak_shift, spec.drive_shift, spec.brightest)
        self.pulses = np.zeros((len(spec.matrices), 3), np.int64)
        self.device = None

    @property
    def device(self) -> PulseUnit | None:
        """What the cells are; None are linear ones. May be set between patterns."""
        return self._device

    @device.setter
    def device(self, unit: PulseUnit | None) -> None:
        if unit:
            unit.check(self.spec)
        self._device = unit
        self._undecayed = 0
        _, codes, bits = self._codes
        self._read = (unit.read_noise if unit else 0, codes, bits, np.zeros(self.spec.neurons, np.int64))
        self._stuck = unit.masks(self.spec) if unit else no_cells(self.spec)

    @property
    def weights(self) -> Weights:
        """The matrices, int16, to be changed in place between patterns; those assigned are copied."""
        return self._weights

    @weights.setter
    def weights(self, matrices: Sequence[NDArray[np.integer]]) -> None:
        self._weights = tuple(np.array(matrix, np.int16, order="C") for matrix in matrices)

    @property
    def states(self) -> NDArray[np.uint8]:
        """The neurons' states after the last run, first hidden layer first; a copy, uint8 (neurons,)."""
        return self._states.astype(np.uint8)

    @property
    def _settled(self) -> int:
        return self.settings.tolerance if self.settings.stop_when_settled else -1

    def _count(self, steps: Integers, rows: Integers, updated: Integers, more: Integers) -> Integers:
        """Count finished patterns, all (patterns,); returns their clocks, which are ``more`` than those of linear cells."""
        if self.settings.skip:
            # A black pattern drives its first row all the same.
            rows = np.maximum(rows, 1)
            self.rows_skipped += int(((self.spec.inputs - rows) * (1 + updated)).sum()) * self._blocks
        else:
            rows = np.full_like(rows, self.spec.inputs)
        clocks = self._timing.pattern(steps, updated, rows) + more
        self.steps += int(steps.sum())
        self.busy_clocks += int(clocks.sum())
        return clocks

    def learn(self, pixels: NDArray[np.uint8], target: NDArray[np.bool_]) -> LearnReply:
        """Free phase, nudged phase and weight update for one pattern: ``learn_many`` of one."""
        return LearnReply(*self.learn_many(pixels[None], target[None])[0].tolist())

    def learn_many(self, images: NDArray[np.uint8], targets: NDArray[np.bool_]) -> Integers:
        """Learn images (count, inputs), of pixel_bits each, one after another; ``targets`` (count, outputs), True 1.

        Returns the fields of each one's LearnReply (count, 4).
        """
        settings = self.settings
        updates = [
            (matrix.pre_shift, shift - matrix.shift_base, matrix.weight.high)
            for matrix, shift in zip(self.spec.matrices, settings.eta_shifts, strict=True)
        ]
        unit = self._device
        cells = (unit.sets, self._stuck, unit.constants, self.pulses) if unit else (1, self._stuck, LINEAR, self.pulses)
        decay = (unit.decay_every, unit.decay_shift, self._undecayed) if unit else (0, 0, 0)
        records = learn_images(
            self._weights,
            self._firsts,
            np.ascontiguousarray(images, np.uint8),
            np.ascontiguousarray(targets, np.bool_),
            self._states,
            self.lfsr,
            self._codes,
            self._constants,
            np.array(updates),
            (settings.free_steps, settings.nudged_steps),
            self._settled,
            settings.feedforward,
            settings.skip,
            self._read,
            cells,
            decay,
        )
        free, nudged, lfsr, rows, updated = records.T
        clocks = self._timing.pulsed(unit.sets, unit.read_noise > 0, free + nudged, updated) if unit else 0 * free
        if unit and unit.decay_every:
            since = self._undecayed + 1 + np.arange(len(records))
            clocks += (since % unit.decay_every == 0) * self._timing.decay
            self._undecayed = (self._undecayed + len(records)) % unit.decay_every
        clocks = self._count(free + nudged, rows, updated, clocks)
        self.learnt += len(records)
        self.updates_skipped += int(((nudged > 0) & (updated == 0)).sum())
        if len(records):
            self.lfsr = int(lfsr[-1])
        return np.stack([free, nudged, clocks, lfsr], axis=1)

    def pulse(self, cell: Cell | None, pulses: int) -> None:
        """Give one cell (matrix, row, column) so many programming pulses, up or, if negative, down; linear cells take none.

        None is no cell: nothing moves, but all else is as with one.
        """
        unit = self._device
        if unit:
            self.lfsr = pulse_cell(self.spec, unit, self._weights, self.pulses, cell, pulses, self.lfsr)
            self.busy_clocks += self._timing.whole_update(unit.sets)

    def recall(self, pixels: NDArray[np.uint8]) -> tuple[RecallReply, NDArray[np.uint8]]:
        """Relax with the input on; returns the reply and the outputs' states (outputs,)."""
        answers, replies = self.recall_many(pixels[None])
        return RecallReply(*replies[0].tolist()), answers[0]

    def recall_many(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Integers]:
        """Recall images (count, inputs) one after another.

        Returns the outputs' states (count, outputs), of which the largest names the class, the first of equals, and the
        fields of each one's RecallReply (count, 3).
        """
        answers, records, lfsr = recall_images(
            self._weights,
            self._firsts,
            np.ascontiguousarray(images, np.uint8),
            self._states,
            self.lfsr,
            self._constants,
            self.settings.driven_steps,
            self._settled,
            self.settings.feedforward,
            self._read,
        )
        self.lfsr = int(lfsr)
        steps, rows = records.T
        nothing = np.zeros_like(steps)
        reads = self._timing.read_draw if self._read[0] else 0
        clocks = self._count(steps, rows, nothing, steps * reads)
        self.recalled += len(records)
        return answers, np.stack([steps, nothing, clocks], axis=1)


def eta_shifts_at(
    spec: MachineSpec, epoch: int, halvings_per_epoch: float = 1.0, most_halvings: int = 15
) -> tuple[int, ...]:
    """The settings' eta_shifts for epoch 0, 1, ...: the spec's own, the rates halved so many times an epoch.

    Every matrix's rate ends at its floor: after ``most_halvings``, or where the machine's shifts end.
    """
    halvings = min(most_halvings, int(epoch * halvings_per_epoch))
    pairs = zip(spec.matrices, spec.settings.eta_shifts, strict=True)
    return tuple(min(shift + halvings, matrix.eta_shifts[-1]) for matrix, shift in pairs)
