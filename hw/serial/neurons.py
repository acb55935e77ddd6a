"""The neurons of a serial machine: one pipeline for all of them, and their memories."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.hdl import Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.serial.crossbar import stream_layout
from ohmprop.hw.shapes.operation import activity_shape, block_shape, lane_shape, value_shape
from ohmprop.hw.units.neuron import Neuron, state_shape
from ohmprop.hw.units.pipeline import delayed
from ohmprop.hw.units.side_neuron import SideNeuron, side_shape
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import MEMORY, NEURON, SIDE, SIDE_VERDICT, VERDICT

#: Copies of the activities: before and after the running step, those that the free phase ended with, and one that is
#: never written and stays 0: what a run starts from. The side network's states take the place of the nudged activities.
BANKS = 4
DARK = BANKS - 1
bank_shape = bits_for(BANKS)


class SerialNeurons(wiring.Component):
    """What hw.parallel.neurons.Neurons does, to the bit, one neuron per clock: ``steps``, then its ``current`` one clock later.

    From the clock of ``current``: new values are in the memories after NEURON clocks (SIDE) and ``moved`` is up to date after
    VERDICT (SIDE_VERDICT) + 1. Only ``moved`` and ``changed`` have a reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.layout = spec.layout
        self.outputs = range(self.layout.blocks) if spec.recurrent else self.layout.layer_blocks[-1]
        block = block_shape(spec)
        values = data.ArrayLayout(value_shape(spec), spec.lanes)
        super().__init__(
            {
                "steps": In(stream_layout(spec)),  #: the current of this neuron comes in the next clock
                "current": In(signed(spec.accumulator.bits)),
                "new": In(bank_shape),  #: bank that the step writes
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
                "row_bank": In(bank_shape),  #: values for a row: bank and block ...
                "row_block": In(block),
                "row_word": Out(values),  #: ... and, MEMORY clocks later, the block's values
                "column_bank": In(bank_shape),  #: values for the columns, likewise
                "column_block": In(block),
                "column_word": Out(values),
                "load": In(
                    1
                ),  #: one clock: ``load_bits`` are a block's inputs or targets; of a layered machine's targets
                #: only, whose blocks count from the outputs' first
                "load_target": In(1),
                "load_block": In(block),
                "load_bits": In(8),
                "access_block": In(block),  #: the neuron that the host looks at, while nothing runs
                "access_lane": In(lane_shape(spec)),
                "state": Out(state_shape(spec)),  #: its state, MEMORY clocks later
                "side_state": Out(side_shape(spec)),  #: and its side network's; recurrent machines only
                "sign_block": In(block),  #: a block, and MEMORY clocks later ...
                "signs": Out(spec.lanes),  #: ... which of its states are positive
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, steps = self.spec, self.steps
        m.submodules.neuron = neuron = Neuron(spec)
        at_current = delayed(m, steps, MEMORY)
        stages = [at_current.valid]
        for _ in range(SIDE_VERDICT if spec.recurrent else VERDICT):
            stages.append(delayed(m, stages[-1], 1))
        stepped, decided = stages[NEURON], stages[VERDICT]
        place = delayed(m, Cat(at_current.lane, at_current.target), NEURON)
        value, moved, own_stepped = neuron.new_activity, neuron.moved, stepped & ~self.side
        address = Mux(steps.valid, Cat(steps.lane, steps.target), Cat(self.access_lane, self.access_block))

        # A neuron's own state and activity, which are one in a layered machine; the host looks at them between runs.
        private = {"state": state_shape(spec)} | ({"activity": activity_shape(spec)} if spec.recurrent else {})
        places = self.layout.blocks * spec.lanes
        m.submodules.own = own = Memory(shape=data.StructLayout(private), depth=places, init=[])
        own_read, own_write = own.read_port(), own.write_port()
        m.d.comb += [
            own_read.addr.eq(address),
            own_write.addr.eq(place),
            own_write.en.eq(own_stepped),
            own_write.data.state.eq(neuron.new_state),
            self.state.eq(own_read.data.state),
        ]
        activity = own_read.data.activity if spec.recurrent else own_read.data.state
        goal = self._bit(m, "goal", self.load_target, steps.target - self.outputs.start, at_current.lane)
        present = self._present(at_current)
        if spec.recurrent:
            m.d.comb += own_write.data.activity.eq(neuron.new_activity)
            m.d.comb += neuron.white.eq(self._bit(m, "input", ~self.load_target, steps.target, at_current.lane))
            side_neuron = self._side(m, address, place, stages, activity, goal, present, neuron)
            stepped = Mux(self.side, stages[SIDE], stepped)
            decided = Mux(self.side, stages[SIDE_VERDICT], decided)
            place = Mux(self.side, delayed(m, place, SIDE - NEURON), place)
            value = Mux(self.side, side_neuron.new_side, value)
            moved = Mux(self.side, side_neuron.moved, moved)
        m.d.comb += [
            neuron.stages.eq(Cat(stages[:VERDICT])),
            neuron.current.eq(self.current),
            neuron.target.eq(goal),
            neuron.driven.eq(self.driven),
            neuron.nudged.eq(self.nudged & (at_current.target >= self.outputs.start)),
            neuron.side.eq(self.side),
            neuron.whole.eq(self.whole),
            neuron.negative.eq(self.negative),
            neuron.beta_shift.eq(self.beta_shift),
            neuron.tolerance.eq(self.tolerance),
            neuron.present.eq(present),
        ]
        with m.If(~self.fresh | self.side):
            m.d.comb += [neuron.state.eq(own_read.data.state), neuron.activity.eq(activity)]
        self._copies(m, place, stepped, value)
        self._signs(m, own_write, neuron)
        self._watch(m, moved, decided, self.moved)
        self._watch(m, neuron.changed, decided, self.changed)
        return m

    def _side(
        self,
        m: Module,
        address: Value,
        place: Value,
        stages: list[Value],
        activity: Value,
        goal: Value,
        present: Value,
        neuron: Neuron,
    ) -> SideNeuron:
        """The side network's neuron and its own states."""
        spec = self.spec
        m.submodules.side_neuron = side_neuron = SideNeuron(spec)
        m.submodules.side = side = Memory(shape=side_shape(spec), depth=self.layout.blocks * spec.lanes, init=[])
        read, write = side.read_port(), side.write_port()
        m.d.comb += [
            read.addr.eq(address),
            self.side_state.eq(read.data),
            write.addr.eq(delayed(m, place, SIDE - NEURON)),
            write.en.eq(stages[SIDE] & self.side),
            write.data.eq(side_neuron.new_side),
            side_neuron.stages.eq(Mux(self.side, Cat(stages[:SIDE_VERDICT]), 0)),
            side_neuron.current.eq(self.current),
            side_neuron.side.eq(Mux(self.fresh, 0, read.data)),
            side_neuron.activity.eq(activity),
            side_neuron.target.eq(goal),
            side_neuron.slope.eq(neuron.slope),
            side_neuron.present.eq(present),
            side_neuron.tolerance.eq(self.tolerance),
        ]
        return side_neuron

    def _present(self, at_current: data.View) -> ValueLike:
        """Whether the layer has this neuron; its last block need not fill the lanes."""
        lanes = self.spec.lanes
        units = [self.spec.neurons] if self.spec.recurrent else self.spec.layers[1:]
        blocks = [range(self.layout.blocks)] if self.spec.recurrent else self.layout.layer_blocks
        absent = [
            (at_current.target == own[-1]) & (at_current.lane >= count % lanes)
            for count, own in zip(units, blocks, strict=True)
            if count % lanes
        ]
        return ~Cat(absent).any() if absent else 1

    def _copies(self, m: Module, place: Value, stepped: Value, value: Value) -> None:
        """The copies of the values that the crossbar reads: one for rows and one for columns."""
        spec = self.spec
        lane_bits = self.layout.lane_bits
        lane, target = place[:lane_bits], place[lane_bits:]
        for name, bank, block, word in (
            ("rows", self.row_bank, self.row_block, self.row_word),
            ("columns", self.column_bank, self.column_block, self.column_word),
        ):
            depth = BANKS << self.layout.block_bits
            m.submodules[name] = memory = Memory(shape=self.row_word.shape(), depth=depth, init=[])
            read, write = memory.read_port(), memory.write_port(granularity=1)
            m.d.comb += [
                read.addr.eq(self._address(bank, block)),
                word.eq(read.data),
                write.addr.eq(self._address(self.new, target)),
                write.en.eq(Mux(stepped, 1 << lane, 0)),
                *(write.data[index].eq(value) for index in range(spec.lanes)),
            ]

    def _signs(self, m: Module, own_write: Any, neuron: Neuron) -> None:
        """A second copy of the states' signs, one word per block, as the host asks for them."""
        spec = self.spec
        lane_bits = self.layout.lane_bits
        m.submodules.positive = positive = Memory(
            shape=data.ArrayLayout(1, spec.lanes), depth=self.layout.blocks, init=[]
        )
        read, write = positive.read_port(), positive.write_port(granularity=1)
        m.d.comb += [
            read.addr.eq(self.sign_block),
            self.signs.eq(read.data),
            write.addr.eq(own_write.addr[lane_bits:]),
            write.en.eq(Mux(own_write.en, 1 << own_write.addr[:lane_bits], 0)),
            *(write.data[index].eq(neuron.new_state > 0) for index in range(spec.lanes)),
        ]

    def _address(self, bank: Value, block: Value) -> Value:
        """Bank above block; a single block needs no number."""
        return Cat(block[: self.layout.block_bits], bank)

    def _bit(self, m: Module, name: str, chosen: Value, block: Value, lane: Value) -> Value:
        """A neuron's input or target: written a block at a time by the host."""
        m.submodules[name] = bits = Memory(shape=8, depth=len(self.outputs), init=[])
        read, write = bits.read_port(), bits.write_port()
        m.d.comb += [
            read.addr.eq(block),
            write.addr.eq(self.load_block),
            write.data.eq(self.load_bits),
            write.en.eq(self.load & chosen),
        ]
        return read.data.bit_select(lane, 1)

    def _watch(self, m: Module, move: Value, valid: Value, output: Value) -> None:
        """Whether any state moved since ``watch``."""
        before, last = Signal(), delayed(m, move & valid, 1)
        m.d.comb += output.eq(before | last)
        m.d.sync += before.eq(output & ~self.watch)
