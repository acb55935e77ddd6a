"""STORE, LEARN_STORED, RECALL_STORED and DIGEST: records go through a buffer into the store, and out of it to the machine."""

from typing import Any, NamedTuple

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, Signature

from ohmprop.hw.link.frames import crc_processor, verdict_layout
from ohmprop.hw.link.sparse import RecordEnd
from ohmprop.hw.link.stored_run import Buffered, StoredRun
from ohmprop.hw.shapes.signatures import machine_signature
from ohmprop.hw.store.memory import BUFFER_WORDS, WORD_BITS, slots_of, store_signature
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.link.frames import Op, Status
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.link.records import Holding, Record, StoredReply
from ohmprop.model.link.stored import NUMBER_BYTES, RELATIVE_BYTES, SLOTS, STORE_HEADER
from ohmprop.model.spec import MachineSpec

#: What of the machine a run of stored patterns needs.
MACHINE_PORTS = (
    *("load", "load_target", "load_block", "load_byte", "load_bits", "load_sparse", "load_ready", "load_ended"),
    *("start", "program", "busy", "steps", "clocks", "lfsr"),
    *("access", "access_space", "access_write", "access_address", "access_lane", "access_done", "access_read"),
)


def record_layout(kind: type[Record]) -> data.StructLayout:
    """A record of the link."""
    return data.StructLayout({name: 8 * width for name, width in kind.widths().items()})


def stored_machine(spec: MachineSpec) -> Signature:
    """Those of the machine's ports that stored patterns need."""
    members = machine_signature(spec).members
    return Signature({name: members[name] for name in MACHINE_PORTS})


def share_machine(m: Module, spec: MachineSpec, machine: Any, stored: "StoredPatterns") -> Any:
    """The machine as other requests see it; while stored patterns run it is theirs."""
    seen = machine_signature(spec).create(path=("seen",))
    for name, member in machine_signature(spec).members.items():
        outer, inner = getattr(machine, name), getattr(seen, name)
        theirs = getattr(stored.machine, name, None)
        if member.flow is In:
            m.d.comb += [inner.eq(outer), *([] if theirs is None else [theirs.eq(outer)])]
            continue
        m.d.comb += outer.eq(inner)
        if theirs is not None:
            with m.If(stored.active):
                m.d.comb += outer.eq(theirs)
    m.d.comb += stored.skip.eq(machine.settings.skip[0])
    return seen


class Kind(NamedTuple):
    """What a request is."""

    storing: Signal
    digesting: Signal
    learning: Signal


class LateCrc:
    """The CRC of bytes that are given to it a clock before, as comes late in its clock what a memory gives.

    Members
    -------
    data, valid : a byte, and that there is one.
    processor : has the CRC in the next clock but one, and begins again with its ``start``.
    """

    def __init__(self, m: Module, name: str):
        self.processor = crc_processor()
        m.submodules[name] = self.processor
        self.data, self.valid = Signal(8, name=f"{name}_byte"), Signal(name=f"{name}_valid")
        m.d.comb += [
            self.processor.data.eq(delayed(m, self.data, 1)),
            self.processor.valid.eq(delayed(m, self.valid, 1)),
        ]


class StoredPatterns(wiring.Component):
    """Executes the requests on stored patterns (model/link/stored.py), after all of a request has been checked.

    While a pattern is learnt the next one is read from the store and loaded. A record that has been damaged in the store ends
    with the buffer.
    Latency: ``done`` comes after ``start`` in any case, whatever the request. Throughput: model/link/handling.py. Reset:
    nothing is stored.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        payload = range(frame_bytes(spec))
        super().__init__(
            {
                "start": In(1),  #: one clock: there is a request; what describes it holds to the end
                "op": In(8),
                "length": In(payload),  #: bytes of its payload
                "verdict": In(verdict_layout()),  #: on the records of STORE
                "position": Out(payload),  #: where in the payload to read
                "byte": In(8),  #: the payload there, one clock later
                "skip": In(1),  #: the setting
                "active": Out(1),  #: the machine is this one's
                "done": Out(1),  #: one clock: reply with ``status``
                "status": Out(Status),
                "holding": Out(record_layout(Holding)),
                "together": Out(record_layout(StoredReply)),
                "machine": Out(stored_machine(spec)),
                "store": Out(store_signature(slots_of(spec))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        kind = Kind(*(Signal(reset_less=True, name=name) for name in Kind._fields))
        ops = (Op.STORE, Op.DIGEST, Op.LEARN_STORED)
        m.d.sync += [flag.eq(self.op == op) for flag, op in zip(kind, ops, strict=True)]
        self._received, self._replies = LateCrc(m, "received"), LateCrc(m, "replies")
        # What is stored: how many records, and whether each has two slots.
        self._filled, self._wide = Signal(24), Signal()
        self._header = Signal(8 * 2 * NUMBER_BYTES, reset_less=True)
        self._number = Signal(24, reset_less=True)  # of the record at hand
        self._buffered = buffered = self._buffer(m)
        self._run = run = StoredRun(m, self.spec, self.machine, self.together, self._replies, buffered)
        self._end = RecordEnd()
        first = self._header[: 8 * NUMBER_BYTES]
        m.d.comb += [
            self.store.slot.eq(self._number << self._wide),
            self.store.wide.eq(self._wide),
            self.store.write.eq(kind.storing),
            self.holding.records.eq(self._filled),
            self.holding.slots.eq(Mux(self._wide, SLOTS[1], SLOTS[0])),
            self.holding.received.eq(self._received.processor.crc),
            self.holding.read.eq(self._replies.processor.crc),
            self.together.replies.eq(self._replies.processor.crc),
            self.together.lfsr.eq(self.machine.lfsr),
        ]
        with m.FSM() as states:
            m.d.comb += self.active.eq(~states.ongoing("Idle"))
            self._check(m, kind, first)
            self._numbers(m, first)
            self._copy(m)
            self._read(m, kind)
            self._digest(m)
            run.states(m, kind.learning, self.position == self.length, lambda: self._tell(m, Status.DONE))
        return m

    def _tell(self, m: Module, status: Status) -> None:
        m.d.sync += self.status.eq(status)
        m.next = "Tell"

    def _buffer(self, m: Module) -> Buffered:
        """The buffer of one record, between the store and the payload or the machine."""
        store = self.store
        m.submodules.buffer = buffer = Memory(shape=WORD_BITS, depth=BUFFER_WORDS, init=[])
        read, self._write = buffer.read_port(), buffer.write_port(granularity=8)
        at = Signal(range(2 * BUFFER_WORDS), reset_less=True)
        m.d.comb += [
            read.addr.eq(Mux(store.busy, store.place, at[1:])),
            store.word.eq(read.data),
            self._write.addr.eq(Mux(store.busy, store.place, at[1:])),
            self._write.data.eq(Mux(store.busy, store.taken, Cat(self.byte, self.byte))),
        ]
        with m.If(store.busy):
            m.d.comb += self._write.en.eq(store.take.replicate(2))
        return Buffered(at, read.data.word_select(delayed(m, at[0], 1), 8))

    def _check(self, m: Module, kind: Kind, first: Any) -> None:
        """The states Idle to Tell: the request's header, and whether it can be executed."""
        length, verdict, header, at = self.length, self.verdict, self._header, self._buffered.at
        slots, count = header[8 * NUMBER_BYTES :][:8], header[8 * NUMBER_BYTES :]
        last = Signal(range(2 * NUMBER_BYTES), reset_less=True)  # of the header
        end, asks_wide = Signal(25, reset_less=True), Signal(reset_less=True)
        beyond, full, follows, fits = (
            Signal(reset_less=True, name=name) for name in ("beyond", "full", "follows", "fits")
        )
        self._scanning, self._unknown = (
            Signal(reset_less=True, name="scanning"),
            Signal(reset_less=True, name="unknown"),
        )
        with m.State("Idle"):
            m.d.sync += [self.position.eq(0), at.eq(0), self._scanning.eq(1)]
            m.d.sync += [flag.eq(0) for flag in (self._unknown, self._run.running, self._run.pending)]
            with m.If(self.start):
                m.d.comb += self._replies.processor.start.eq(1)
                sums = ("patterns", "wrong", "first_steps", "second_steps", "clocks")
                m.d.sync += [self.together[name].eq(0) for name in sums]
                m.next = "Measure"
        with m.State("Measure"):
            m.d.sync += last.eq(
                Mux(kind.storing, STORE_HEADER, Mux(kind.digesting, 2 * NUMBER_BYTES, NUMBER_BYTES)) - 1
            )
            relative = length - NUMBER_BYTES
            short = Mux(kind.storing, length <= STORE_HEADER, (length < NUMBER_BYTES + RELATIVE_BYTES) | relative[0])
            m.next = "Fetch"
            with m.If(Mux(kind.digesting, length != 2 * NUMBER_BYTES, short)):
                self._tell(m, Status.BAD_LENGTH)
        with m.State("Fetch"):
            m.next = "Take"
        with m.State("Take"):
            m.d.sync += [header.word_select(self.position[:3], 8).eq(self.byte), self.position.eq(self.position + 1)]
            m.next = "Fetch"
            with m.If(self.position == last):
                m.next = "Weigh"
        with m.State("Weigh"):
            m.d.sync += [
                end.eq(first + Mux(kind.storing, verdict.records, count)),
                asks_wide.eq(slots == SLOTS[1]),
                fits.eq(Mux(slots == SLOTS[1], 1, ~verdict.long & (slots == SLOTS[0])) & ~verdict.too_long),
                follows.eq((first == 0) | ((first == self._filled) & (self.holding.slots == slots))),
            ]
            m.next = "Compare"
        with m.State("Compare"):
            m.d.sync += [beyond.eq(end > self._filled), full.eq((end << asks_wide) > slots_of(self.spec))]
            m.next = "Judge"
        with m.State("Judge"):
            m.d.sync += self._number.eq(first)
            with m.If(kind.storing):
                with m.If(~verdict.sound):
                    self._tell(m, Status.BAD_PATTERN)
                with m.Elif(~follows | ~fits | full):
                    self._tell(m, Status.NOT_STORED)
                with m.Else():
                    with m.If(first == 0):
                        m.d.sync += [self._wide.eq(asks_wide), self._filled.eq(0)]
                        m.d.comb += self._received.processor.start.eq(1)
                    m.next = "CopyFetch"
            with m.Elif(~kind.digesting):
                m.next = "NumberFetch"
            with m.Elif(beyond):
                self._tell(m, Status.NOT_STORED)
            with m.Else():
                m.next = "NextDigest"
        with m.State("Tell"):
            m.d.comb += self.done.eq(1)
            m.next = "Idle"

    def _numbers(self, m: Module, first: Any) -> None:
        """The states NumberFetch to Scanned: a number of the payload; all are looked at before the first is used."""
        # A memory's byte comes late in its clock, from the other side of a large die: it is added in the next one.
        relative, upper, looks = Signal(8 * RELATIVE_BYTES, reset_less=True), Signal(), Signal(name="looks")
        m.d.sync += [looks.eq(0), self._unknown.eq(self._unknown | (looks & (self._number >= self._filled)))]
        with m.State("NumberFetch"):
            m.next = "NumberTake"
        with m.State("NumberTake"):
            m.d.sync += [relative.eq(Cat(relative[8:], self.byte)), upper.eq(~upper)]
            m.d.sync += self.position.eq(self.position + 1)
            m.next = "NumberFetch"
            with m.If(upper):
                m.next = "Number"
        with m.State("Number"):
            m.d.sync += [self._number.eq(first + relative), looks.eq(self._scanning)]
            m.next = "Read"
            with m.If(self._scanning):
                m.next = "NumberFetch"
                with m.If(self.position == self.length):
                    m.next = "Look"
        with m.State("Look"):
            m.next = "Scanned"
        with m.State("Scanned"):
            m.d.sync += [self._scanning.eq(0), self.position.eq(NUMBER_BYTES)]
            m.next = "NumberFetch"
            with m.If(self._unknown):
                self._tell(m, Status.NOT_STORED)
            with m.Elif(~self.skip):
                self._tell(m, Status.BAD_PATTERN)

    def _copy(self, m: Module) -> None:
        """The states CopyFetch to Writing: records from the payload into the buffer, and from there into the store."""
        at, ended = self._buffered.at, Signal(reset_less=True)
        with m.State("CopyFetch"):
            m.next = "Copy"
        with m.State("Copy"):
            m.d.comb += [
                self._write.en.eq(1 << at[0]),
                self._received.data.eq(self.byte),
                self._received.valid.eq(1),
            ]
            m.d.sync += [at.eq(at + 1), self.position.eq(self.position + 1)]
            m.d.sync += ended.eq(self._end.take(m, self.byte, at == 0))
            m.next = "Copied"
        # A memory's byte comes late in its clock, so that what it means is acted upon in the next.
        with m.State("Copied"):
            m.next = "Copy"
            with m.If(ended):
                m.next = "Write"
        with m.State("Write"):
            m.d.comb += self.store.start.eq(1)
            m.d.sync += at.eq(0)
            m.next = "Writing"
        with m.State("Writing"), m.If(~self.store.busy):
            m.d.sync += self._number.eq(self._number + 1)
            m.next = "CopyFetch"
            with m.If(self.position == self.length):
                m.d.sync += self._filled.eq(self._number + 1)
                self._tell(m, Status.DONE)

    def _read(self, m: Module, kind: Kind) -> None:
        """The states Read and Reading: a record from the store into the buffer."""
        with m.State("Read"):
            m.d.comb += self.store.start.eq(1)
            m.d.sync += self._buffered.at.eq(0)
            m.next = "Reading"
        with m.State("Reading"), m.If(~self.store.busy):
            m.next = "ClassFetch"
            with m.If(kind.digesting):
                m.next = "DigestFetch"

    def _digest(self, m: Module) -> None:
        """The states NextDigest to Digest: records from the buffer into the CRC."""
        left, (at, byte) = self._header[8 * NUMBER_BYTES :], self._buffered
        ended = Signal(reset_less=True)
        with m.State("NextDigest"):
            m.next = "Read"
            with m.If(left == 0):
                self._tell(m, Status.DONE)
        with m.State("DigestFetch"):
            m.next = "Digest"
        with m.State("Digest"):
            m.d.comb += [self._replies.data.eq(byte), self._replies.valid.eq(1)]
            m.d.sync += at.eq(at + 1)
            m.d.sync += ended.eq(self._end.take(m, byte, at == 0) | at.all())
            m.next = "Digested"
        with m.State("Digested"):
            m.next = "Digest"
            with m.If(ended):
                m.d.sync += [left.eq(left - 1), self._number.eq(self._number + 1)]
                m.next = "NextDigest"
