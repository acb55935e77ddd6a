"""All neurons of the layer: a neuron pipeline a lane, their states, activities, inputs and targets, a word a block."""

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.neuron import Neuron
from hw.operation import block_shape
from hw.pipeline import delayed
from model.layout import Layout, bits_for
from model.protocol import block_bytes
from model.spec import MachineSpec
from model.timing import FANOUT, MEMORY, NEURON, VERDICT, fan_levels

#: Copies of the activities: before and after the running step, those that the free phase ended with, and one that is
#: never written and stays 0: what a run starts from.
BANKS = 4
DARK = BANKS - 1
bank_shape = bits_for(BANKS)


class Neurons(wiring.Component):
    """One block of neurons steps at a time: ``fires``, then ``currents`` one clock later.

    A step writes the activities of bank ``new``; the states change in place. In the first step of a run (``fresh``) a
    neuron's own state and activity count as 0. Number formats, rounding and saturation
    are the neuron's (hw/neuron.py). From the clock of ``currents``: new values are in the memories after NEURON clocks
    and ``moved`` is up to date after VERDICT + fan_levels(lanes). A block a clock; only ``moved`` has a reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.layout = Layout(spec)
        block = block_shape(spec)
        activity = signed(spec.activity.bits)
        activities = data.ArrayLayout(activity, spec.lanes)
        super().__init__(
            {
                "fires": In(1),  #: the currents of block ``target`` come in the next clock
                "target": In(block),
                "currents": In(data.ArrayLayout(signed(spec.accumulator.bits), spec.lanes)),
                "new": In(bank_shape),  #: bank that the step writes
                "fresh": In(1),  #: first step after a start
                "driven": In(1),  #: the input is on
                "nudged": In(1),  #: the nudge is on
                "tolerance": In(7),  #: largest move of a settled state
                "watch": In(1),  #: one clock: forget ``moved``
                "moved": Out(1),  #: a state has moved since
                "row_bank": In(bank_shape),  #: activities for a row: bank and block ...
                "row_block": In(block),
                "row_word": Out(activities),  #: ... and, MEMORY clocks later, the block's activities
                "column_bank": In(bank_shape),  #: activities for the columns, likewise
                "column_block": In(block),
                "column_word": Out(activities),
                "load": In(1),  #: one clock: byte ``load_byte`` of a block's input or target bits
                "load_target": In(1),
                "load_block": In(block),
                "load_byte": In(max(1, bits_for(block_bytes(spec)))),
                "load_bits": In(8),
                "state_block": In(block),  #: block that the host looks at, while nothing runs
                "state_word": Out(data.ArrayLayout(signed(8), spec.lanes)),  #: its states, MEMORY clocks later
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec, lanes = self.spec, self.spec.lanes
        blocks = self.layout.blocks
        private = data.StructLayout({"state": signed(spec.state.bits), "activity": signed(spec.activity.bits)})

        # A neuron's own state and activity; the host looks at them while no neuron steps.
        m.submodules.own = own = Memory(shape=data.ArrayLayout(private, lanes), depth=blocks, init=[])
        own_read, own_write = own.read_port(), own.write_port()
        running = Signal()
        m.d.sync += running.eq(self.fires)
        with m.If(self.fires):
            m.d.comb += own_read.addr.eq(self.target)
        with m.Else():
            m.d.comb += own_read.addr.eq(self.state_block)

        white = self._bits(m, "input", ~self.load_target)
        goal = self._bits(m, "goal", self.load_target)

        # The copies that the crossbar reads, once for rows and once for columns.
        writes = []
        for name, bank, block, word in (
            ("rows", self.row_bank, self.row_block, self.row_word),
            ("columns", self.column_bank, self.column_block, self.column_word),
        ):
            m.submodules[name] = memory = Memory(
                shape=self.row_word.shape(), depth=BANKS << self.layout.block_bits, init=[]
            )
            read = memory.read_port()
            m.d.comb += [read.addr.eq(self._address(bank, block)), word.eq(read.data)]
            writes.append(memory.write_port())

        target = delayed(m, self.target, MEMORY + NEURON)
        stages = [running]
        for _ in range(VERDICT):
            stages.append(delayed(m, stages[-1], 1))
        stepped = stages[NEURON]
        m.d.comb += [own_write.addr.eq(target), own_write.en.eq(stepped)]
        for write in writes:
            m.d.comb += [write.addr.eq(self._address(self.new, target)), write.en.eq(stepped)]
        last = delayed(m, self.target, MEMORY) == blocks - 1
        moves = []
        for lane in range(lanes):
            m.submodules[f"neuron_{lane}"] = neuron = Neuron(spec)
            exists = ~last if self.layout.corner and lane >= self.layout.corner else 1
            m.d.comb += [
                neuron.stages.eq(Cat(stages[:VERDICT])),
                neuron.current.eq(self.currents[lane]),
                neuron.white.eq(white[lane]),
                neuron.target.eq(goal[lane]),
                neuron.driven.eq(self.driven),
                neuron.nudged.eq(self.nudged),
                neuron.tolerance.eq(self.tolerance),
                neuron.present.eq(exists),
                own_write.data[lane].state.eq(neuron.new_state),
                own_write.data[lane].activity.eq(neuron.new_activity),
                self.state_word[lane].eq(own_read.data[lane].state),
                *(write.data[lane].eq(neuron.new_activity) for write in writes),
            ]
            with m.If(~self.fresh):
                m.d.comb += [
                    neuron.state.eq(own_read.data[lane].state),
                    neuron.activity.eq(own_read.data[lane].activity),
                ]
            moves.append(neuron.moved)
        self._watch(m, moves, stages[VERDICT])
        return m

    def _address(self, bank, block):
        """Bank above block; a single block needs no number."""
        return Cat(block, bank) if self.layout.block_bits else bank

    def _bits(self, m, name, chosen):
        """The input's or the target's bits: written bytewise by the host, read with the neuron's state."""
        count = block_bytes(self.spec)
        m.submodules[name] = bits = Memory(shape=data.ArrayLayout(8, count), depth=self.layout.blocks, init=[])
        read, write = bits.read_port(), bits.write_port(granularity=1)
        m.d.comb += [read.addr.eq(self.target), write.addr.eq(self.load_block)]
        for byte in range(count):
            m.d.comb += [
                write.data[byte].eq(self.load_bits),
                write.en[byte].eq(self.load & chosen & (self.load_byte == byte)),
            ]
        return read.data.as_value()

    def _watch(self, m, moves, valid):
        """Whether any state moved, through registered levels of FANOUT inputs."""
        level = moves
        for _ in range(fan_levels(len(moves))):
            groups = [level[at : at + FANOUT] for at in range(0, len(level), FANOUT)]
            level = [Signal(reset_less=True) for _ in groups]
            for group, output in zip(groups, level, strict=True):
                m.d.sync += output.eq(Cat(group).any())
        before = Signal()
        m.d.comb += self.moved.eq(before | (level[0] & delayed(m, valid, fan_levels(len(moves)))))
        m.d.sync += before.eq(self.moved & ~self.watch)
