"""The machine's latencies, once: the hardware is built from them and the golden machine counts clocks with them.

A latency is the number of clocks from a value at a component's input to its effect at the output.
"""

from dataclasses import dataclass
from functools import cached_property

from model.layout import Kind, Layout, bits_for
from model.spec import MachineSpec

#: Lanes that one broadcast register drives, and inputs of one stage of the row multiplexer.
FANOUT = 8
#: Address to data of the neurons' memories, and of the weight memory, whose output is registered.
MEMORY = 1
WEIGHT_MEMORY = 2
#: Lane operands to product; product to accumulator.
MULTIPLY = 1
ACCUMULATE = 1
#: Currents to the neuron's new state and activity; to the verdict whether its state moved.
NEURON = 4
VERDICT = 5
#: Difference of the two products to the new weight.
SYNAPSE = 3
#: Clocks after which nothing moves in a machine that is asked for nothing: more than its longest pipeline.
SETTLING = 64
#: Clocks a word takes to program: one product of each phase.
PROGRAM_CLOCKS = 2


def fan_levels(lanes: int) -> int:
    """Registered levels of a broadcast to ``lanes`` lanes, and of a multiplexer over them; at least one."""
    levels = 1
    while FANOUT**levels < lanes:
        levels += 1
    return levels


@dataclass(frozen=True)
class Timing:
    """Clocks of one spec's machine."""

    spec: MachineSpec

    @property
    def fan(self) -> int:
        """Levels of the broadcasts and the row multiplexer."""
        return fan_levels(self.spec.lanes)

    @property
    def tree(self) -> int:
        """Levels of the adder tree."""
        return bits_for(self.spec.lanes)

    @property
    def row_value(self) -> int:
        """From an issued word to its row's value at the crossbar: read the block, select the lane."""
        return MEMORY + self.fan

    @property
    def operands(self) -> int:
        """From an issued word to its operands in the lanes: the row's value is broadcast."""
        return self.row_value + self.fan

    @property
    def columns(self) -> int:
        """From an issued word to the accumulators, reading columns."""
        return self.operands + MULTIPLY + ACCUMULATE

    @property
    def rows(self) -> int:
        """From an issued word to the accumulators, reading rows: through the adder tree and back to the lanes."""
        return self.operands + MULTIPLY + self.tree + self.fan + ACCUMULATE

    @property
    def step_drain(self) -> int:
        """Clocks of an Euler step after its last word was issued: until all states and the verdict on them are there."""
        along_rows = any(sweep.kind == Kind.READ_ROWS for sweep in Layout(self.spec).step)
        return (self.rows if along_rows else self.columns) + VERDICT + self.fan

    @property
    def update_drain(self) -> int:
        """Clocks of a weight update after its last word was issued: until the weight is written."""
        return self.columns + SYNAPSE

    @cached_property
    def step(self) -> int:
        """Clocks of one Euler step."""
        return Layout(self.spec).step_words + self.step_drain

    @cached_property
    def update(self) -> int:
        """Clocks of one weight update; the first fetches the list of its sweeps."""
        return 1 + PROGRAM_CLOCKS * Layout(self.spec).words + self.update_drain

    def run(self, steps: int, updated: bool) -> int:
        """Busy clocks of a learnt or recalled pattern with ``steps`` Euler steps in all."""
        return steps * self.step + updated * self.update

    def bound(self, steps: float) -> float:
        """Clocks that one learnt pattern needs at least: a multiply-accumulate a lane a clock, nothing lost.

        A step multiplies every synapse once; the update needs two products for each symmetric pair.
        """
        return (steps + 1) * self.spec.synapses / self.spec.lanes
