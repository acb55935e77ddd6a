"""All neurons of the layer: one pipeline per lane; states, activities, inputs and targets, one word per block."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.hdl import Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.parallel.activities import Activities, column_units, row_units
from ohmprop.hw.shapes.operation import activity_shape, block_shape, value_shape
from ohmprop.hw.units.neuron import Neuron, state_shape
from ohmprop.hw.units.pipeline import Broadcast, copies, delayed
from ohmprop.hw.units.side_neuron import SideNeuron
from ohmprop.model.layout import bits_for
from ohmprop.model.link.packing import block_bytes
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import FANOUT, MEMORY, NEURON, SIDE, SIDE_VERDICT, VERDICT, fan_levels


class Kept(NamedTuple):
    """What goes into the memory that the update compares with.

    Members
    -------
    place : the block, a clock before.
    writes : one clock: write; a bit for each group of FANOUT lanes.
    values : the lanes' values.
    """

    place: Value
    writes: list[Value]
    values: Sequence[ValueLike]


def activity_of(spec: MachineSpec, own: data.View) -> Value:
    """A neuron's activity, which in a layered machine is its state."""
    activity: Value = own.activity if spec.recurrent else own.state
    return activity


def units_of(spec: MachineSpec, block: int) -> int:
    """Neurons of a block; a layer's last one need not fill the lanes."""
    return len(spec.layout.block_places(block))


class Neurons(wiring.Component):
    """One block of neurons steps at a time: ``fires``, then ``currents`` two clocks later.

    The crossbar is driven with one half of the values, and a step writes the other ``half``; the states change in place.
    In the first step of a run (``fresh``) a neuron's own state and activity count as 0, and so do all values. A step of
    the side network (``side``) changes its states only, and its first one (``fresh`` as well) counts them as 0. Number
    formats, rounding and saturation are the neuron's
    (hw/units/neuron.py, hw/units/side_neuron.py). From the clock of ``currents``: new values are in the memories after NEURON
    clocks (SIDE) and ``moved`` is up to date after VERDICT (SIDE_VERDICT) + fan_levels(lanes). A block a clock; only
    ``moved`` has a reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.layout = spec.layout
        self.outputs = range(self.layout.blocks) if spec.recurrent else self.layout.layer_blocks[-1]
        #: Lanes of the units that may have a target.
        self.output_lanes = range(min(spec.lanes, spec.neurons if spec.recurrent else spec.layers[-1]))
        block = block_shape(spec)
        values = data.ArrayLayout(value_shape(spec), spec.lanes)
        super().__init__(
            {
                "fires": In(1),  #: the currents of block ``target`` come two clocks later
                "target": In(block),
                "currents": In(data.ArrayLayout(signed(spec.accumulator.bits), spec.lanes)),
                "half": In(1),  #: which half of the running values a step reads; it writes the other one
                "in_place": In(1),  #: it writes the same one
                "branches": In(1),  #: what the step reads is kept, for the update to compare with
                "fresh": In(1),  #: first step after a start, or of the side network
                "side": In(1),  #: the side network steps; recurrent machines only
                "driven": In(1),  #: the input is on
                "nudged": In(1),  #: the nudge is on
                "negative": In(1),  #: the nudge draws away from the targets ...
                "beta_shift": In(2),  #: ... by 2 to minus this
                "whole": In(1),  #: the step's eps is 1
                "tolerance": In(7),  #: largest move of a settled state
                "watch": In(1),  #: one clock: forget ``moved``
                "moved": Out(1),  #: a state has moved since by more than the tolerance
                "changed": Out(1),  #: a state has moved since
                "row_block": In(block),  #: values for a row: the block ...
                "row_dark": In(1),  #: ... none, they are 0, or
                "row_free": In(1),  #: ... of the running step, or those that the free phase ended with
                "row_word": Out(values),  #: ... and, Timing.placing + MEMORY clocks later, the block's values
                "column_block": In(block),  #: values for the columns, 1 + MEMORY clocks later
                "column_free": In(1),
                "column_dark": In(1),  #: none, they are 0
                "column_word": Out(values),
                "free_word": Out(values),  #: what the free phase ended with, of the same block
                "load": In(
                    1
                ),  #: one clock: byte ``load_byte`` of a block's input or target bits; of a layered machine's
                #: targets only, whose blocks count from the outputs' first
                "load_target": In(1),
                "load_block": In(block),
                "load_byte": In(max(1, bits_for(block_bytes(spec)))),
                "load_bits": In(8),
                "state_block": In(block),  #: block that the host looks at, while nothing runs
                "state_word": Out(
                    data.ArrayLayout(state_shape(spec), spec.lanes)
                ),  #: its states, 1 + MEMORY clocks later
                "side_word": Out(values),  #: its side network's states, with them; recurrent machines only
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, lanes = self.spec, self.spec.lanes
        blocks = self.layout.blocks
        groups = [range(at, min(at + FANOUT, lanes)) for at in range(0, lanes, FANOUT)]
        target = delayed(m, self.target, 1)
        own_blocks = copies(m, Mux(self.fires, self.target, self.state_block), len(groups), 1)

        white = self._bits(m, "input", ~self.load_target, target) if spec.recurrent else [0] * lanes
        goal = self._bits(m, "goal", self.load_target, target - self.outputs.start)
        aims = delayed(m, target >= self.outputs.start, MEMORY)

        # What changes between the steps only, long before the first currents of the next one.
        steady = data.StructLayout(
            {"fresh": 1, "driven": 1, "nudged": 1, "whole": 1, "tolerance": self.tolerance.shape()}
        )
        m.submodules.step = step = Broadcast(steady, lanes)
        m.d.comb += [step.i[name].eq(getattr(self, name)) for name in steady.members]

        # Each group has its own registers of what a stage has to do, and of where the new values go.
        stages = [[running] for running in copies(m, self.fires, len(groups), 2)]
        for group in stages:
            for _ in range(SIDE_VERDICT if spec.recurrent else VERDICT):
                group.append(delayed(m, group[-1], 1))
        stepped, decided = [group[NEURON] for group in stages], stages[0][VERDICT]
        written = delayed(m, target, MEMORY + NEURON - 1)
        if spec.recurrent:
            stepped = [Mux(self.side, group[SIDE], group[NEURON]) for group in stages]
            decided = Mux(self.side, stages[0][SIDE_VERDICT], decided)
            written = Mux(self.side, delayed(m, written, SIDE - NEURON), written)
        places = copies(m, written, len(groups), 1)

        own = self._own(m, groups, own_blocks, places, [steps & ~self.side for steps in stepped])
        new_values = [Signal(value_shape(spec)) for _ in range(lanes)]
        # What is kept for the update: what the free phase comes to or, where weights can learn in every nudged step, what a
        # step begins with.
        if spec.continual:
            befores = [activity_of(spec, before) for before, _ in own]
            kept = Kept(target, [group[0] & self.branches for group in stages], befores)
        else:
            freely = [~(step.o[group.start].nudged | self.side) for group in groups]
            kept = Kept(written, [does & free for does, free in zip(stepped, freely, strict=True)], new_values)
        self._drive(m, written, stepped, kept, new_values)
        sides = self._sides(m, own_blocks[0], places[0], stepped[0] & self.side) if spec.recurrent else []
        stepping = delayed(m, target, MEMORY)
        moves, changes = [], []
        for lane in range(lanes):
            m.submodules[f"neuron_{lane}"] = neuron = Neuron(spec)
            empty = [block for block in range(blocks) if lane >= units_of(spec, block)]
            exists = ~Cat(stepping == block for block in empty).any()
            value, moved = neuron.new_activity, neuron.moved
            number, does = lane // FANOUT, step.o[lane]
            before, after = own[lane]
            if spec.recurrent:
                m.submodules[f"side_neuron_{lane}"] = side_neuron = SideNeuron(spec)
                m.d.comb += [
                    neuron.side.eq(self.side),
                    side_neuron.stages.eq(Mux(self.side, Cat(stages[number][:SIDE_VERDICT]), 0)),
                    side_neuron.current.eq(self.currents[lane]),
                    side_neuron.side.eq(Mux(does.fresh, 0, self.side_word[lane])),
                    side_neuron.activity.eq(before.activity),
                    side_neuron.target.eq(goal[lane]),
                    side_neuron.slope.eq(neuron.slope),
                    side_neuron.present.eq(exists),
                    side_neuron.tolerance.eq(does.tolerance),
                ]
                value = Mux(self.side, side_neuron.new_side, value)
                moved = Mux(self.side, side_neuron.moved, moved)
            m.d.comb += [
                neuron.stages.eq(Cat(stages[number][:VERDICT])),
                neuron.current.eq(self.currents[lane]),
                neuron.white.eq(white[lane]),
                neuron.target.eq(goal[lane]),
                neuron.driven.eq(does.driven),
                # Where no output is, the nudge's adder falls away.
                neuron.nudged.eq(does.nudged & aims if lane in self.output_lanes else 0),
                neuron.whole.eq(does.whole),
                neuron.negative.eq(self.negative),
                neuron.beta_shift.eq(self.beta_shift),
                neuron.tolerance.eq(does.tolerance),
                neuron.present.eq(exists),
                after.state.eq(neuron.new_state),
                self.state_word[lane].eq(before.state),
                new_values[lane].eq(value),
            ]
            if spec.recurrent:
                m.d.comb += [sides[lane].eq(value), after.activity.eq(neuron.new_activity)]
            with m.If(~does.fresh | self.side):
                m.d.comb += [
                    neuron.state.eq(before.state),
                    neuron.activity.eq(activity_of(spec, before)),
                ]
            moves.append(moved)
            changes.append(neuron.changed)
        self._watch(m, moves, decided, self.moved)
        self._watch(m, changes, decided, self.changed)
        return m

    def _own(
        self, m: Module, groups: list[range], to_read: list[Value], to_write: list[Value], writes: list[Value]
    ) -> list[tuple[data.View, data.View]]:
        """A neuron's own state and activity, read and new ones; the host looks at them while no neuron steps."""
        # In a layered machine the activity is the state.
        spec, private = self.spec, {"state": state_shape(self.spec)}
        if spec.recurrent:
            private["activity"] = activity_shape(spec)
        own = []
        for number, group in enumerate(groups):
            shape = data.ArrayLayout(data.StructLayout(private), len(group))
            m.submodules[f"own_{number}"] = memory = Memory(shape=shape, depth=self.layout.blocks, init=[])
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(to_read[number]),
                write.addr.eq(to_write[number]),
                write.en.eq(writes[number]),
            ]
            own += [(read.data[at], write.data[at]) for at in range(len(group))]
        return own

    def _sides(self, m: Module, to_read: Value, to_write: Value, writes: Value) -> data.View:
        """The side network's own states; returns where the new ones go."""
        m.submodules.side = side = Memory(shape=self.side_word.shape(), depth=self.layout.blocks, init=[])
        read, write = side.read_port(), side.write_port()
        m.d.comb += [
            read.addr.eq(to_read),
            self.side_word.eq(read.data),
            write.addr.eq(to_write),
            write.en.eq(writes),
        ]
        return write.data

    def _drive(self, m: Module, written: Value, stepped: list[Value], kept: "Kept", values: list[Signal]) -> None:
        """What the crossbar is driven with: the copies for rows and for columns."""
        spec = self.spec
        m.submodules.rows = rows = Activities(spec, *row_units(spec), spec.timing.placing)
        m.submodules.columns = columns = Activities(spec, *column_units(spec), 1)
        for copy, block, free, dark in (
            (rows, self.row_block, self.row_free, self.row_dark),
            (columns, self.column_block, self.column_free, self.column_dark),
        ):
            m.d.comb += [
                copy.half.eq(self.half),
                copy.in_place.eq(self.in_place),
                copy.block.eq(block),
                copy.free.eq(free),
                copy.dark.eq(dark),
                copy.place.eq(written),
                copy.write.eq(Cat(stepped)),
                copy.kept_place.eq(kept.place),
                copy.keep.eq(Cat(kept.writes)),
                *(copy.values[lane].eq(value) for lane, value in enumerate(values)),
                *(copy.kept_values[lane].eq(value) for lane, value in enumerate(kept.values)),
            ]
        m.d.comb += [
            self.row_word.eq(rows.word),
            self.column_word.eq(columns.word),
            self.free_word.eq(columns.free_word),
        ]

    def _bits(self, m: Module, name: str, chosen: Value, block: Value) -> Value:
        """The input's or the target's bits: written bytewise by the host, read with the neuron's state."""
        count = block_bytes(self.spec)
        m.submodules[name] = bits = Memory(shape=data.ArrayLayout(8, count), depth=len(self.outputs), init=[])
        read, write = bits.read_port(), bits.write_port(granularity=1)
        m.d.comb += [read.addr.eq(block), write.addr.eq(self.load_block)]
        for byte in range(count):
            m.d.comb += [
                write.data[byte].eq(self.load_bits),
                write.en[byte].eq(self.load & chosen & (self.load_byte == byte)),
            ]
        return read.data.as_value()

    def _watch(self, m: Module, moves: list[Value], valid: Value, output: Value) -> None:
        """Whether any state moved since ``watch``, through registered levels of FANOUT inputs."""
        level = moves
        for _ in range(fan_levels(len(moves))):
            groups = [level[at : at + FANOUT] for at in range(0, len(level), FANOUT)]
            level = [Signal(reset_less=True) for _ in groups]
            for group, some in zip(groups, level, strict=True):
                m.d.sync += some.eq(Cat(group).any())
        before = Signal()
        m.d.comb += output.eq(before | (level[0] & delayed(m, valid, fan_levels(len(moves)))))
        m.d.sync += before.eq(output & ~self.watch)
