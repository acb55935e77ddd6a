"""LEARN_SPARSE and RECALL_SPARSE: records are checked as they come, then go to the machine one by one, each answered."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.link.frames import byte_stream, verdict_layout
from ohmprop.hw.link.load_pattern import PatternLoader
from ohmprop.hw.link.reply import Body, ReplyWriter
from ohmprop.model.link.frames import CRC_BYTES, REPLY_BYTES, Op
from ohmprop.model.link.packing import block_bytes
from ohmprop.model.link.sparse import LONGEST, MOST_PATTERNS
from ohmprop.model.link.stored import STORE_HEADER
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SLOT_BYTES


class RecordCheck(wiring.Component):
    """Whether a payload is made of records that the machine can learn (model/link/sparse.py), as it comes over the line.

    What it says is of the bytes up to the fourth last, since those behind are the frame's CRC.
    Latency: none but the clock of the last byte. Throughput: a byte, which is two nibbles, a clock.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "begin": In(1),  #: the next byte is a payload's first
                "bytes": In(byte_stream()),
                "verdict": Out(verdict_layout()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, byte = self.spec, self.bytes.payload
        between, bad = Signal(), Signal()  # the byte is a class; something was wrong
        size = Signal(range(2 * 2 * SLOT_BYTES), reset_less=True)  # bytes of the record before this one
        long, too_long = Signal(), Signal()
        found = Signal(range(MOST_PATTERNS + 1))
        # Wrong from the clock on in which it is more than there are.
        pixels = Signal(range(spec.inputs + 2 * LONGEST + 1))
        within, longer = Signal(), Signal()
        lower = _Nibble(byte[:4], within, longer)
        upper = _Nibble(byte[4:], lower.within, lower.longer)
        too_many = pixels > spec.inputs
        verdicts = [Signal(verdict_layout(), name=f"verdict_{behind}", reset_less=True) for behind in range(CRC_BYTES)]
        m.d.comb += self.verdict.eq(verdicts[-1])

        with m.If(self.begin):
            m.d.sync += [between.eq(1), bad.eq(0), found.eq(0), pixels.eq(0), long.eq(0), too_long.eq(0)]
        with m.Elif(self.bytes.valid):
            m.d.sync += [bad.eq(bad | too_many), pixels.eq(0)]
            m.d.sync += [
                verdicts[0].sound.eq(between & (found != 0) & ~bad & ~too_many),
                verdicts[0].single.eq(found == 1),
                verdicts[0].records.eq(found),
                verdicts[0].long.eq(long),
                verdicts[0].too_long.eq(too_long),
            ]
            m.d.sync += [later.eq(earlier) for earlier, later in pairwise(verdicts)]
            with m.If(between):
                m.d.sync += [between.eq(0), within.eq(0), longer.eq(0), size.eq(1)]
                with m.If((byte >= spec.outputs) | (found == MOST_PATTERNS)):
                    m.d.sync += bad.eq(1)
                with m.Else():
                    m.d.sync += found.eq(found + 1)
            with m.Else():
                m.d.sync += [size.eq(size + 1), long.eq(long | (size >= SLOT_BYTES))]
                m.d.sync += too_long.eq(too_long | (size >= 2 * SLOT_BYTES))
                m.d.sync += [
                    pixels.eq(pixels + lower.pixels + Mux(lower.ends, 0, upper.pixels)),
                    between.eq(lower.ends | upper.ends),
                    within.eq(upper.within),
                    longer.eq(upper.longer),
                ]
        return m


def check_records(m: Module, spec: MachineSpec, receiver: Any) -> None:
    """Let payloads be checked as they come, if the machine takes sparse patterns; those to be stored begin behind a header."""
    if spec.sparse:
        m.submodules.check = check = RecordCheck(spec)
        m.d.comb += [
            check.begin.eq(receiver.begins),
            check.bytes.payload.eq(receiver.payload.payload),
            check.bytes.valid.eq(receiver.payload.valid),
            receiver.verdict.eq(check.verdict),
        ]
    if spec.store:
        behind = Signal(range(STORE_HEADER + 1), reset_less=True)
        with m.If(receiver.begins):
            m.d.sync += behind.eq(0)
        with m.Elif(receiver.payload.valid & (receiver.op == Op.STORE) & (behind != STORE_HEADER)):
            m.d.comb += check.begin.eq(1)
            m.d.sync += behind.eq(behind + 1)


class _Nibble:
    """What a nibble means behind another one.

    Members
    -------
    pixels : it stands for.
    ends : the record ends with it.
    within, longer : the next one is a digit of a run; a digit before that one says that the run goes on.
    """

    def __init__(self, nibble: Value, within: Value, longer: Value):
        self.pixels = Mux(within, nibble, nibble != 0)
        self.ends = within & ~longer & (nibble == 0)
        self.longer = within & (nibble == LONGEST)
        self.within = Mux(within, self.longer, nibble == 0)


class RecordEnd:
    """Where a record ends, whose bytes are taken one after the other."""

    def __init__(self) -> None:
        self._within, self._longer = Signal(name="within", reset_less=True), Signal(name="longer", reset_less=True)

    def take(self, m: Module, byte: Value, is_class: Value) -> Value:
        """Take the next byte, or a record's first, which is its class; whether the record ends with it."""
        lower = _Nibble(byte[:4], self._within, self._longer)
        upper = _Nibble(byte[4:], lower.within, lower.longer)
        m.d.sync += [self._within.eq(~is_class & upper.within), self._longer.eq(~is_class & upper.longer)]
        return ~is_class & (lower.ends | upper.ends)


class SparseLoader(PatternLoader):
    """A loader that takes sparse patterns too, and whose states those of their records join.

    Members
    -------
    sparse : the request's patterns are sparse.
    """

    def __init__(self, m: Module, spec: MachineSpec, machine: Any, requests: Any, learning: Signal, sparse: Signal):
        super().__init__(m, spec, machine, requests, learning)
        self._spec, self._requests, self.sparse = spec, requests, sparse
        # Lanes between the class's and that of the next byte's first bit; behind its own it has wrapped around.
        self._ahead = ahead = Signal(8, reset_less=True, name="ahead")
        m.d.comb += machine.load_sparse.eq(sparse)
        with m.If(sparse & self.target):
            m.d.sync += machine.load_bits.eq(Mux(ahead[3:] == 0, 1 << ahead[:3], 0))

    def load(self, m: Module) -> None:
        """The state LoadPattern once the machine is ready: to the end of the record, then the outputs' bytes."""
        machine = self.machine
        begun = self.byte != 0
        with m.If(~self.sparse):
            super().load(m)
        with m.Elif(~self.target & begun & machine.load_ended):
            m.d.sync += [self.target.eq(1), self.byte.eq(0)]
            m.next = "FetchPattern"
            with m.If(~self.learning):
                m.next = "Start"
        with m.Elif(self.target):
            narrow = self._spec.lanes - 8 * (block_bytes(self._spec) - 1)
            m.d.sync += self._ahead.eq(self._ahead - Mux(self.last_byte, narrow, 8))
            self.load_byte(m)
        with m.Else():
            m.d.comb += self.loads.eq(1)
            # Which one it is does not matter, except that it is not the first.
            m.d.sync += [self.position.eq(self.position + 1), self.byte.eq(1)]
            m.next = "FetchPattern"

    def states(self, m: Module, ran: Callable[[], None]) -> None:
        """The states from FetchClass on."""
        with m.State("FetchClass"):
            m.d.sync += [signal.eq(0) for signal in (self.target, self.block, self.byte)]
            m.next = "TakeClass"
        with m.State("TakeClass"):
            m.d.sync += [self._ahead.eq(self._requests.byte), self.position.eq(self.position + 1)]
            m.next = "FetchPattern"
        super().states(m, ran)


class SparseReply(ReplyWriter):
    """A reply that may also be one to several patterns: what each has to say as soon as it is learnt, then zeros.

    Members
    -------
    several : the reply is such a one.
    """

    def __init__(self, m: Module, *parts: Any, several: Value, stored: Any = None):
        """``several``: the request asks for it; ``stored``: what answers for stored patterns; the other parts are a
        ReplyWriter's."""
        if stored:
            self.further = {Body.HOLDING: stored.holding.as_value(), Body.TOGETHER: stored.together.as_value()}
        super().__init__(m, *parts)
        self.several = several & (self.body == Body.LEARNT)
        self._count = Signal(range(REPLY_BYTES), name="body_bytes", reset_less=True)

    def after_run(self, m: Module, learning: Signal) -> None:
        """What follows a pattern that was learnt or recalled."""
        super().after_run(m, learning)
        with m.If(self.several):
            m.next = "Report"

    def after_head(self, m: Module) -> None:
        """Where the state Head leads to."""
        super().after_head(m)
        m.d.sync += self._count.eq(0)
        with m.If(self.several):
            m.next = "FetchClass"

    def states(self, m: Module, pattern: PatternLoader) -> None:
        """The states from Head on, and from Report on once one of several patterns has been learnt."""
        super().states(m, pattern)
        last = self._count == REPLY_BYTES - 1
        with m.State("Report"):
            m.next = "Record"
        with m.State("Record"), self.offer(m, self.content, 0):
            m.d.sync += [self.index.eq(self.index + 1), self._count.eq(self._count + 1)]
            with m.If(self.final):
                m.d.sync += self.index.eq(0)
                m.next = "FetchClass"
                with m.If(pattern.position == self.requests.length):
                    m.next = "Fill"
        with m.State("Fill"), self.offer(m, 0, last):
            m.d.sync += self._count.eq(self._count + 1)
            with m.If(last):
                m.next = "Finish"
