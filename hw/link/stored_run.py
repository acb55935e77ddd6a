"""How stored patterns run: each is loaded while the one before is learnt, and says what it has to say between the two."""

from collections.abc import Callable
from typing import Any, NamedTuple

from amaranth import Cat, Module, Mux, Signal

from ohmprop.hw.shapes.signatures import Program
from ohmprop.model.link.packing import block_bytes, target_blocks, target_bytes
from ohmprop.model.link.records import LearnReply, RecallReply
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import MachineSpec


class Buffered(NamedTuple):
    """The record in the buffer."""

    at: Signal  #: which of its bytes is looked at
    byte: Any  #: that byte, a clock later


class StoredRun:
    """A part of the state machine of StoredPatterns, which it joins: from ClassFetch on, when a record is in the buffer.

    It leads to NumberFetch if more are to come, and calls ``ends`` if not.

    Members
    -------
    running : a pattern has been started.
    pending : one is loaded that has not.
    """

    def __init__(self, m: Module, spec: MachineSpec, machine: Any, together: Any, replies: Any, buffered: Buffered):
        """``together`` takes sums, ``replies`` the CRC of all that single patterns have to say."""
        self.spec, self.machine, self.together, self.replies, self.buffered = spec, machine, together, replies, buffered
        self.running, self.pending = Signal(reset_less=True, name="running"), Signal(reset_less=True, name="pending")
        # The class of the loaded pattern, and of the one that runs.
        self._label, self._run_label = (
            Signal(8, reset_less=True, name="label"),
            Signal(8, reset_less=True, name="run_label"),
        )
        self._loads = Signal(name="loads")
        m.d.sync += [machine.load.eq(self._loads), machine.start.eq(0)]
        m.d.comb += machine.load_sparse.eq(1)

    def states(self, m: Module, learning: Any, last: Any, ends: Callable[[], None]) -> None:
        """The states from ClassFetch on; ``last``: there is no further number."""
        self._load(m)
        self._between(m, learning, ends)
        self._answers(m, ends)
        machine = self.machine
        m.d.comb += machine.program.eq(Mux(learning, Program.LEARN, Program.RECALL))
        with m.State("Turn"):
            m.d.sync += [machine.start.eq(1), self._run_label.eq(self._label), self.running.eq(1), self.pending.eq(0)]
            m.next = "Begin"
        with m.State("Begin"), m.If(machine.busy):
            m.next = "NumberFetch"
            with m.If(last):
                m.next = "Await"

    def _load(self, m: Module) -> None:
        """The states ClassFetch to Pixels: a record from the buffer into the machine's other list of rows."""
        machine, (at, byte) = self.machine, self.buffered
        begun = Signal(reset_less=True, name="begun")
        with m.State("ClassFetch"):
            m.d.sync += [at.eq(1), begun.eq(0)]
            m.next = "Class"
        with m.State("Class"):
            m.d.sync += self._label.eq(byte)
            m.next = "PixelsFetch"
        with m.State("PixelsFetch"):
            m.next = "Pixels"
        with m.State("Pixels"), m.If(machine.load_ready):
            # One that was damaged in the store ends with the buffer.
            with m.If(begun & (machine.load_ended | (at == 0))):
                m.d.sync += self.pending.eq(1)
                m.next = "Await"
            with m.Else():
                m.d.comb += self._loads.eq(1)
                m.d.sync += [
                    *(machine.load_target.eq(0), machine.load_block.eq(0), machine.load_byte.eq(begun)),
                    *(machine.load_bits.eq(byte), begun.eq(1), at.eq(at + 1)),
                ]
                m.next = "PixelsFetch"

    def _between(self, m: Module, learning: Any, ends: Callable[[], None]) -> None:
        """The states Await and Between: byte after byte the last pattern's reply goes to the CRC, and the next one's target to
        the machine."""
        machine, together = self.machine, self.together
        report, targets = Cat(machine.steps, machine.clocks, machine.lfsr), target_bytes(self.spec)
        said = Mux(learning, LearnReply.size(), RecallReply.size())
        clocks = max(LearnReply.size() + 1, targets)
        index = Signal(range(clocks + 1), reset_less=True, name="index")
        with m.State("Await"):
            m.d.sync += index.eq(0)
            with m.If(~machine.busy):
                with m.If(self.running):
                    m.d.sync += [
                        together.patterns.eq(together.patterns + 1),
                        together.first_steps.eq(together.first_steps + machine.steps[0]),
                        together.second_steps.eq(together.second_steps + machine.steps[1]),
                        together.clocks.eq(together.clocks + machine.clocks),
                    ]
                m.next = "Between"
        with m.State("Between"):
            m.d.sync += index.eq(index + 1)
            m.d.comb += self.replies.data.eq(report.word_select(index, 8))
            with m.If(self.running & (index < said)):
                m.d.comb += self.replies.valid.eq(1)
            with m.If(self.pending & learning & (index < targets)):
                self._load_target(m, index)
            with m.If(index == clocks - 1):
                m.next = "Turn"
                with m.If(~learning & self.running):
                    m.next = "Answers"
                with m.Elif(~self.pending):
                    ends()

    def _load_target(self, m: Module, index: Any) -> None:
        """Load byte ``index`` of the target, whose only white lane is the class's."""
        machine, lanes, block = self.machine, self.spec.lanes, block_bytes(self.spec)
        places = [(number, byte) for number in range(len(target_blocks(self.spec))) for byte in range(block)]
        m.d.comb += self._loads.eq(1)
        with m.Switch(index):
            for at, (number, byte) in enumerate(places):
                with m.Case(at):
                    lane = self._label - (number * lanes + 8 * byte)
                    m.d.sync += [
                        *(machine.load_target.eq(1), machine.load_block.eq(number), machine.load_byte.eq(byte)),
                        machine.load_bits.eq(Cat(lane == bit for bit in range(8))),
                    ]

    def _answers(self, m: Module, ends: Callable[[], None]) -> None:
        """The states Answers to Compared: the outputs' states to the CRC, and whether the strongest one is the class's."""
        machine, spec = self.machine, self.spec
        output, best, most = (Signal(8, reset_less=True, name=name) for name in ("output", "best", "most"))
        block = Signal.like(machine.access_address, reset_less=True, name="block")
        lane = Signal.like(machine.access_lane, reset_less=True, name="lane")
        m.d.comb += [
            machine.access_space.eq(Space.STATES),
            machine.access_address.eq(block),
            machine.access_lane.eq(lane),
        ]
        with m.State("Answers"):
            m.d.sync += [output.eq(0), best.eq(0), most.eq(0), block.eq(target_blocks(spec).start), lane.eq(0)]
            m.next = "Ask"
        with m.State("Ask"):
            m.d.comb += machine.access.eq(1)
            m.next = "Answer"
        with m.State("Answer"), m.If(machine.access_done):
            m.d.comb += [self.replies.data.eq(machine.access_read), self.replies.valid.eq(1)]
            with m.If(machine.access_read > most):
                m.d.sync += [most.eq(machine.access_read), best.eq(output)]
            m.d.sync += [output.eq(output + 1), lane.eq(lane + 1)]
            with m.If(lane == spec.lanes - 1):
                m.d.sync += [lane.eq(0), block.eq(block + 1)]
            m.next = "Ask"
            with m.If(output == spec.outputs - 1):
                m.next = "Compared"
        with m.State("Compared"):
            m.d.sync += self.together.wrong.eq(self.together.wrong + (best != self._run_label))
            m.next = "Turn"
            with m.If(~self.pending):
                ends()
