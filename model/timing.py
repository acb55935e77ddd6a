"""The machine's latencies, once: the hardware is built from them and the golden machine counts clocks with them.

A latency is the number of clocks from a value at a component's input to its effect at the output. Everything follows
from the layout and from whether the machine is serial; so this module knows no spec, and ``MachineSpec.timing`` is made
from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.layout import Kind, Layout, Sweep, bits_for

#: A count, a mean, or the counts of many patterns (patterns,).
Count = TypeVar("Count", int, float, NDArray[np.int64])

#: Lanes that one broadcast register drives, and inputs of one stage of the row multiplexer.
FANOUT = 8
#: From the address to the data of the neurons' memories.
MEMORY = 1
#: From the address at a bank of the weight memory to the word: read, output register, selection of the bank. The
#: memory of a serial machine, which has one port, has no banks.
BANK = 3
ONE_PORT_MEMORY = 2
#: From the sequencer to an operation with its input's row, in a layered machine.
INPUTS = 1
#: From input currents in the accumulators until they can be read back as a start value.
DRIVE = 2
#: From a lane's operands to the product; from the product to the accumulator.
MULTIPLY = 1
ACCUMULATE = 1
#: From the current to the neuron's new state and activity; to the verdict whether its state moved.
NEURON = 4
VERDICT = 5
#: The same for the side network.
SIDE = 5
SIDE_VERDICT = 7
#: From the difference of the two products to the new weight.
SYNAPSE = 3
#: In a serial machine: from the last word of a block to its first neuron's current, besides ``columns`` or ``rows``;
#: from the adder tree's sum to the row's current in memory; from the difference of the products to the new weight.
GATHER = 3
ROW_SUM = 2
SERIAL_SYNAPSE = 3
#: From a pulse unit's rounded increment to the new weight.
PULSE = 8
#: From a step of the free phase to a nudged one that begins with another turn: its sweep is fetched.
TURN = 1
#: Clocks after which nothing moves in a machine that is asked for nothing: more than its longest pipeline.
SETTLING = 64
#: Clocks that a word takes to program: one product of each phase.
PROGRAM_CLOCKS = 2


def fan_levels(lanes: int) -> int:
    """Registered levels of a broadcast to ``lanes`` lanes, and of a multiplexer over them; at least one."""
    levels = 1
    while FANOUT**levels < lanes:
        levels += 1
    return levels


def taken(sweeps: Sequence[Sweep], index: int) -> bool:
    """Whether a serial machine takes the accumulators' currents after a sweep: it reads columns, and no others follow."""
    sweep, after = sweeps[index], sweeps[index + 1] if index + 1 < len(sweeps) else None
    along_rows = after is not None and after.kind == Kind.READ_ROWS and after.target == sweep.target
    return sweep.kind == Kind.READ_COLUMNS and (sweep.fires or along_rows)


@dataclass(frozen=True)
class Timing:
    """Clocks of one machine: of what lies where in its weight memory, whether its lanes take turns (``serial``), and whether
    each weight passes the factor of its ``wires``.
    """

    layout: Layout
    serial: bool = False
    wires: bool = False

    @property
    def fan(self) -> int:
        """Levels of the broadcasts and the row multiplexer."""
        return fan_levels(self.layout.lanes)

    @property
    def tree(self) -> int:
        """Levels of the adder tree."""
        return bits_for(self.layout.lanes)

    @property
    def row_value(self) -> int:
        """From an issued word to its row's value at the crossbar: read the block, select the lane."""
        return MEMORY + self.fan

    @property
    def factor(self) -> int:
        """From a word of weights to what its wires make of it; 0 without factors."""
        return MULTIPLY if self.wires else 0

    @property
    def operands(self) -> int:
        """From an issued word to its operands in the lanes: the row's value is broadcast, and waits for what wires make of the
        weights.
        """
        return self.row_value + self.fan + self.factor

    @property
    def column_values(self) -> int:
        """From an issued word to its columns' activities at the crossbar, where they are prepared for the product."""
        return self.operands - 1

    @property
    def address_levels(self) -> int:
        """Registers on an address's way to the banks of the weight memory: as many as there is time for."""
        return self.operands - self.factor - BANK

    @property
    def weight_memory(self) -> int:
        """Address to word of the weight memory."""
        return ONE_PORT_MEMORY if self.serial else self.address_levels + BANK

    @property
    def columns(self) -> int:
        """From an issued word to the accumulators, reading columns."""
        return self.operands + MULTIPLY + ACCUMULATE

    @property
    def rows(self) -> int:
        """From an issued word to the accumulators, reading rows: through the adder tree and back to the lanes.

        In a serial machine to the memory of the rows' currents.
        """
        if self.serial:
            return self.columns + self.tree + ROW_SUM
        return self.operands + MULTIPLY + self.tree + self.fan + ACCUMULATE

    @property
    def row_gap(self) -> int:
        """Clocks that reading columns waits after reading rows, whose sums come back later."""
        return self.rows - self.columns

    @property
    def placing(self) -> int:
        """From the sequencer to the crossbar: an input's row is looked up in between."""
        return INPUTS if self.layout.inputs else 0

    @property
    def access(self) -> int:
        """From the host's request for a cell to the answer."""
        return 1 + self.weight_memory + (self.layout.lanes if self.serial else self.fan)

    @property
    def turn(self) -> int:
        """Clocks that a serial machine's units take for all lanes, after the first one; 0 if every lane has its own."""
        return self.layout.lanes - 1 if self.serial else 0

    @property
    def word_clocks(self) -> int:
        """Clocks that a word takes to program. A row of an asymmetric layer has one value in both products, as an input's."""
        if self.layout.asymmetric:
            return self.input_clocks
        return self.layout.lanes if self.serial else PROGRAM_CLOCKS

    @property
    def input_clocks(self) -> int:
        """The same for an input's word, whose row does not change between the phases: one product."""
        return self.layout.lanes if self.serial else 1

    def pauses(self, sweeps: Sequence[Sweep]) -> tuple[int, ...]:
        """Clocks before each sweep of a list in which nothing is issued.

        Columns are read into accumulators that row sums are back in. In a serial machine they are cleared first, which
        takes a clock, and whatever passes through its units in turn must have passed before the next.
        """
        if not self.serial:
            gaps = [
                self.row_gap * (here.kind == Kind.READ_COLUMNS and before.kind == Kind.READ_ROWS)
                for before, here in pairwise(sweeps)
            ]
            return (0, *gaps)[: len(sweeps)]
        lanes, result = self.layout.lanes, []
        for index, sweep in enumerate(sweeps):
            before = sweeps[index - 1] if index else None
            passing = before is not None and before.kind == Kind.READ_ROWS and before.fires
            words = 1 if sweep.pixels else sweep.rows
            pause = 0
            if sweep.kind == Kind.READ_COLUMNS:
                spacing = lanes + (self.row_gap if passing else 0) if taken(sweeps, index) else 0
                pause = max(int(sweep.clear), spacing - words)
            elif sweep.kind == Kind.READ_ROWS:
                # A row's current is read, added to and written in two clocks.
                pause = lanes + 1 if passing else max(int(words == 1), lanes - words if sweep.fires else 0)
            result.append(pause)
        return tuple(result)

    @cached_property
    def step_drain(self) -> int:
        """Clocks of an Euler step after its last word was issued: until all states and the verdict on them are there."""
        along_rows = any(sweep.kind == Kind.READ_ROWS for sweep in self.layout.step)
        gather = GATHER + self.turn if self.serial else 0
        return self.placing + (self.rows if along_rows else self.columns) + gather + VERDICT + self.fan

    @property
    def side_drain(self) -> int:
        """``step_drain`` of the side network, whose neurons take longer."""
        return self.step_drain + SIDE_VERDICT - VERDICT

    @property
    def update_drain(self) -> int:
        """Clocks of a weight update after its last word was issued: until the weight is written."""
        # A serial machine issues a word's second operation in its second clock, and then waits for the lanes.
        return self.placing + self.columns + (SERIAL_SYNAPSE + 2 if self.serial else SYNAPSE)

    @cached_property
    def step(self) -> int:
        """Clocks of one Euler step."""
        return self.layout.step_words + sum(self.pauses(self.layout.step)) + self.step_drain

    def step_in(self, turns: int) -> int:
        """Clocks of one Euler step in ``turns`` turns, each of which waits for its last states."""
        return self.step + (turns - 1) * self.step_drain

    @property
    def side_step(self) -> int:
        """Clocks of one Euler step of the side network."""
        return self.step + self.side_drain - self.step_drain

    @cached_property
    def update(self) -> int:
        """Clocks of one weight update that programs every word; the first fetches the list of its sweeps."""
        clocks: int = self._update(self.layout.words - self.layout.neuron_words)
        return clocks

    @property
    def pulse_drain(self) -> int:
        """Clocks by which pulses lengthen ``update_drain``."""
        return PULSE if self.serial else PULSE + 2 - SYNAPSE

    @property
    def read_draw(self) -> int:
        """Clocks before an Euler step in which the bytes of the read noise are drawn."""
        return 2 * (self.layout.code_bits + 1)

    @property
    def decay(self) -> int:
        """Clocks in which all weights decay."""
        return self.whole_update(2)

    def draws(self, sets: int) -> int:
        """Clocks in which ``sets`` sets of random bytes are drawn: before a pattern is learnt, and before a decay."""
        return sets * self.layout.code_bits

    def whole_update(self, sets: int) -> int:
        """Clocks in which ``sets`` sets of random bytes are drawn and every word is programmed by pulses."""
        return self.draws(sets) + self.update + self.pulse_drain

    def pulse_clocks(self, sets: int, reads: bool, steps: Count, updated: Count) -> Count:
        """Clocks that pulses add to a learnt pattern's, the decay apart; ``reads``: with read noise."""
        return self.draws(sets) + steps * (self.read_draw * reads) + updated * self.pulse_drain

    def pattern(self, steps: Count, updated: Count, rows: Any = 0, side_steps: Any = 0, turns: int = 1) -> Count:
        """Busy clocks of a learnt or recalled pattern, or of many at once.

        ``steps`` are Euler steps of the neurons and ``side_steps`` those of the side network, ``updated`` is how often the
        weights were updated, ``rows`` are the input rows that are read and, in an update, programmed: 0 in a
        recurrent machine. ``turns`` are those of a step. It is linear in steps and updates, so their means may stand for
        them.
        """
        inputs = rows * self.layout.words_per_input + self.layout.bias_words
        read, sweeps = inputs, self.layout.reading
        if sweeps:
            read = inputs + (sum(self.pauses(sweeps)) if self.serial else DRIVE)
        relaxed = steps * self.step_in(turns) + side_steps * self.side_step
        clocks: Count = read + relaxed + updated * self._update(inputs)
        return clocks

    def bound(self, steps: float, updated: float, rows: float = 0) -> float:
        """Clocks that one learnt pattern needs at least: one multiply-accumulate per lane and clock, nothing lost.

        A step multiplies each connected pair of neurons in both directions. The update takes two products for each
        of them, and one for each weight of an input or bias, whose value does not change between the phases; these
        are also read once. ``updated`` is the share of patterns with an update: 0 if there is no second phase.
        """
        layout = self.layout
        inputs = (rows * layout.layers[0] if layout.inputs else 0) + layout.biases * layout.neurons
        return (inputs + 2 * layout.pairs * steps + updated * (inputs + 2 * layout.pairs)) / layout.lanes

    def _update(self, inputs: Any) -> Any:
        """Clocks of an update of ``inputs`` words of inputs and biases, and of all others."""
        return 1 + self.input_clocks * inputs + self.word_clocks * self.layout.neuron_words + self.update_drain


class Uncounted(Timing):
    """The clocks of a machine that no hardware was built for: none."""

    def pattern(self, steps: Count, updated: Count, rows: Any = 0, side_steps: Any = 0, turns: int = 1) -> Count:
        """0 for each pattern."""
        nothing: Count = 0 * steps
        return nothing

    def bound(self, steps: float, updated: float, rows: float = 0) -> float:
        """0."""
        return 0.0
