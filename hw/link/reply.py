"""The reply of the command processor: its head, its body, and the signs of a recalled pattern."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import enum

from ohmprop.hw.link.frames import reply_token
from ohmprop.hw.link.load_pattern import PatternLoader
from ohmprop.model.layout import bits_for
from ohmprop.model.link.frames import REPLY, WINDOW, Op, Status
from ohmprop.model.link.identity import Identity
from ohmprop.model.link.records import LearnReply, RecallReply
from ohmprop.model.spec import MachineSpec


class Body(enum.Enum):
    """The part of a reply behind the status."""

    NONE = 0
    EXPECTED = 1
    IDENTITY = 2
    LEARNT = 3
    RECALLED = 4
    CELLS = 5
    HOLDING = 6
    TOGETHER = 7


class ReplyWriter:
    """A part of the command processor's state machine, which it joins: ``begin`` leads into its states, all end in Finish.

    A byte of a reply takes two clocks, and waits as long as the sender does.

    Members
    -------
    status, body : what is replied.
    refusal : the request is refused, so that nobody will ask for the reply again; the caller's.
    index : byte within a part of the reply; 0 before it begins.
    full : a byte waits for the sender.
    content, final : byte ``index`` of the body, and whether that ends it; a clock after ``index``.
    """

    #: Bodies that only some machines have, as bits.
    further: Mapping[Any, Value] = MappingProxyType({})

    def __init__(
        self, m: Module, spec: MachineSpec, machine: Any, requests: Any, replies: Any, whole: Signal, expected: Signal
    ):
        """``whole``: the request was a whole frame; ``expected``: the sequence number that is expected next."""
        self.spec, self.machine, self.requests = spec, machine, requests
        self.status = Signal(Status, reset_less=True, name="status")
        self.body = Signal(Body, reset_less=True, name="body")
        self.refusal = Signal(reset_less=True, name="refusal")
        longest = max(Identity.size(), LearnReply.size(), *(len(body) // 8 for body in self.further.values()))
        self.index = Signal(range(longest), reset_less=True, name="index")
        # A register for a byte and its slot, so that the sender's readiness goes no further in one clock.
        self.full = full = Signal(name="full")
        self._offers, self._offering = Signal(name="offers"), Signal(reply_token(), name="offering")
        slot = Signal.like(replies.slot, reset_less=True, name="byte_slot")
        offered = Signal(reply_token(), reset_less=True)
        m.d.comb += [replies.bytes.valid.eq(full), replies.bytes.p.eq(offered), replies.slot.eq(slot)]
        with m.If(full):
            m.d.sync += full.eq(~replies.bytes.ready)
        with m.Else():
            m.d.sync += [
                full.eq(self._offers),
                offered.eq(self._offering),
                slot.eq(Mux(self.refusal, WINDOW, requests.sequence[: bits_for(WINDOW)])),
            ]

        self._heading, self.content, self.final = self._bytes(m, whole, expected)

    def begin(self, m: Module, outcome: Any, what: Any = Body.NONE) -> None:
        """Reply with a status and this body."""
        m.d.sync += [self.status.eq(outcome), self.body.eq(what)]
        m.next = "Head"

    def after_run(self, m: Module, learning: Signal) -> None:
        """What follows a pattern that was learnt or recalled."""
        self.begin(m, Status.DONE, Mux(learning, Body.LEARNT, Body.RECALLED))

    def offer(self, m: Module, byte: Any, last: Any) -> AbstractContextManager[None]:
        """Offer a byte to the register; what follows in the context happens once it has taken it."""
        m.d.comb += [self._offers.eq(1), self._offering.data.eq(byte), self._offering.last.eq(last)]
        result: AbstractContextManager[None] = m.If(~self.full)
        return result

    def cells_state(self, m: Module, cells: Any) -> None:
        """The state Cells: what READ has read, from the stream ``cells``."""
        with m.State("Cells"):
            m.d.comb += cells.ready.eq(~self.full)
            last = cells.p.last
            with m.If(cells.valid), self.offer(m, cells.p.data, last), m.If(last):
                m.next = "Finish"

    def states(self, m: Module, pattern: PatternLoader) -> None:
        """The states from Head on; ``pattern`` knows where the signs come from."""
        index, body, final = self.index, self.body, self.final
        with m.State("Head"), self.offer(m, self._heading, (index == 2) & (body == Body.NONE)):
            m.d.sync += index.eq(index + 1)
            with m.If(index == 2):
                m.d.sync += index.eq(0)
                self.after_head(m)
        with m.State("Body"), self.offer(m, self.content, final & (body != Body.RECALLED)):
            m.d.sync += index.eq(index + 1)
            with m.If(final & (body == Body.RECALLED)):
                m.next = "AskSigns"
            with m.Elif(final):
                m.next = "Finish"
        with m.State("AskSigns"):
            m.next = "AwaitSigns"
        with m.State("AwaitSigns"):
            m.next = "TakeSigns"
        with m.State("TakeSigns"):
            m.next = "SendSigns"
        with m.State("SendSigns"), self.offer(m, self.machine.sign_bits, pattern.last_sign):
            pattern.next_byte(m, pattern.last_byte, pattern.last_sign)
            m.next = "AskSigns"
            with m.If(pattern.last_sign):
                m.next = "Finish"

    def after_head(self, m: Module) -> None:
        """Where the state Head leads to."""
        m.next = "Body"
        with m.If(self.body == Body.NONE):
            m.next = "Finish"
        with m.Elif(self.body == Body.CELLS):
            m.next = "Cells"

    def _bytes(self, m: Module, whole: Signal, expected: Signal) -> tuple[Signal, Signal, Signal]:
        """Byte ``index`` of a reply's head and of its body, and whether that ends it; a clock after ``index``."""
        machine, requests, index = self.machine, self.requests, self.index
        op, sequence = Mux(whole, requests.op, Op.REFUSED) | REPLY, Mux(whole, requests.sequence, 0)
        heading, content, final = Signal(8, reset_less=True), Signal(8, reset_less=True), Signal(reset_less=True)
        m.d.sync += heading.eq(Array([op, sequence, self.status])[index])
        report = Cat(machine.steps, machine.clocks, machine.lfsr)
        identity = Identity.of(self.spec).pack()
        bodies: dict[Any, Any] = {
            Body.EXPECTED: expected,
            Body.IDENTITY: Const(int.from_bytes(identity, "little"), 8 * len(identity)),
            Body.LEARNT: report[: 8 * LearnReply.size()],
            Body.RECALLED: report[: 8 * RecallReply.size()],
            **self.further,
        }
        with m.Switch(self.body):
            for case, record in bodies.items():
                with m.Case(case):
                    m.d.sync += [content.eq(record.word_select(index, 8)), final.eq(index == len(record) // 8 - 1)]
        return heading, content, final
