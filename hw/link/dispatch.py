"""The command processor: checks each request, has the machine execute it once, and replies."""

from typing import Any, NamedTuple

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ohmprop.hw.link.access import CellAccess
from ohmprop.hw.link.frames import replies_signature, requests_signature
from ohmprop.hw.link.load_pattern import PatternLoader
from ohmprop.hw.link.registers import Registers
from ohmprop.hw.link.reply import Body, ReplyWriter
from ohmprop.hw.link.sparse import SparseLoader, SparseReply
from ohmprop.hw.link.stored import StoredPatterns, share_machine
from ohmprop.hw.shapes.signatures import machine_signature
from ohmprop.hw.store.memory import slots_of, store_signature
from ohmprop.model.layout import bits_for
from ohmprop.model.link.frames import WINDOW, Op, Status
from ohmprop.model.link.packing import frame_bytes, input_bytes, target_bytes
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import MachineSpec


class Kind(NamedTuple):
    """What a request is: a whole frame, and its op."""

    whole: Signal
    asking: Signal
    learning: Signal
    recalling: Signal
    reading: Signal
    writing: Signal
    sparse: Signal
    stored: Signal


class Turn(NamedTuple):
    """Which requests are answered, and where replies are kept."""

    slot: Any  #: of the request at hand
    cached: Any  #: of each slot: it holds a reply
    sequences: Any  #: of each slot: the request that it answers
    expected: Signal  #: the sequence number that comes next
    identified: Signal  #: there was an IDENTIFY
    cacheable: Signal  #: the reply at hand may be asked for again
    due: Signal  #: the request has the expected number
    repeated: Signal  #: the request's reply is still kept


class CommandProcessor(wiring.Component):
    """Executes the requests of model/link, in order and each only once.

    A request with the expected sequence number is executed; one of the last WINDOW is answered with the reply that the
    sender still keeps; all others are refused. IDENTIFY is always answered, forgets all replies, and the numbers continue from
    its own; until the first one after a reset all else is refused. All checks come before the first change. It is idle again
    after any request, whatever its bytes.
    Latency: ``latency`` clocks from a request to the first byte of IDENTIFY's reply. Throughput: a request at a time;
    two clocks per byte of a pattern or reply, four clocks and the machine's access per cell.
    """

    latency = 4

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "machine": Out(machine_signature(spec)),
                "requests": In(requests_signature(frame_bytes(spec))),
                "replies": Out(replies_signature(WINDOW)),
                **({"store": Out(store_signature(slots_of(spec)))} if spec.store else {}),
                "busy": Out(1),  #: there is a request that is not answered yet
                "refused": Out(1),  #: the last request was refused
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, machine, requests = self.spec, self.machine, self.requests
        m.submodules.registers = registers = Registers(spec)
        m.submodules.access = access = CellAccess(spec)
        m.d.comb += self.busy.eq(requests.valid)
        kind = self._kind(m)
        turn = self._turn(m)
        stored = None
        if spec.store:
            m.submodules.stored = stored = StoredPatterns(spec)
            machine = share_machine(m, spec, self.machine, stored)
            connect(m, stored.store, flipped(self.store))
            described = ("op", "length", "verdict", "byte")
            m.d.comb += [getattr(stored, name).eq(getattr(requests, name)) for name in described]
        answering = spec, machine, requests, self.replies, kind.whole, turn.expected
        if spec.sparse:
            pattern: PatternLoader = SparseLoader(m, spec, machine, requests, kind.learning, kind.sparse)
            several = kind.sparse & kind.learning
            reply: ReplyWriter = SparseReply(m, *answering, several=several, stored=stored)
        else:
            pattern = PatternLoader(m, spec, machine, requests, kind.learning)
            reply = ReplyWriter(m, *answering)
        self._connect_cells(m, machine, access, registers, kind.writing)
        accessing = kind.reading | kind.writing
        m.d.comb += requests.address.eq(Mux(accessing, access.position, pattern.position))
        if stored:
            with m.If(kind.stored):
                m.d.comb += requests.address.eq(stored.position)
        # What the payload's length makes of it, as late as ``turn``.
        empty, fits = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            empty.eq(requests.length == 0),
            fits.eq(requests.length == input_bytes(spec) + Mux(kind.learning, target_bytes(spec), 0)),
        ]

        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [reply.index.eq(0), reply.refusal.eq(0), turn.cacheable.eq(0)]
                m.d.sync += [signal.eq(0) for signal in (pattern.position, pattern.target, pattern.block, pattern.byte)]
                with m.If(requests.valid):
                    m.next = "Compare"
            with m.State("Compare"):
                m.next = "Sort"
            with m.State("Sort"):
                m.d.comb += registers.frame.eq(kind.whole)
                self._sort(m, kind, turn, reply, empty)
            with m.State("Check"):
                with m.If(kind.learning | kind.recalling):
                    m.next = "FetchPattern"
                    with m.If(~fits):
                        reply.begin(m, Status.BAD_LENGTH)
                with m.Elif(accessing):
                    m.d.comb += access.start.eq(1)
                    m.next = "Access"
                with m.Else():
                    reply.begin(m, Status.UNKNOWN_OP)
                if spec.sparse:
                    self._check_records(m, kind, reply)
                if stored:
                    with m.If(kind.stored):
                        m.d.comb += stored.start.eq(1)
                        m.next = "Stored"

            pattern.states(m, lambda: reply.after_run(m, kind.learning))
            with m.State("Access"), m.If(access.done):
                reply.begin(m, access.status)
                with m.If(kind.reading & (access.status == Status.DONE)):
                    reply.begin(m, Status.DONE, Body.CELLS)
            reply.cells_state(m, access.reply)
            if stored:
                with m.State("Stored"), m.If(stored.done):
                    reply.begin(m, stored.status)
                    with m.If(stored.status == Status.DONE):
                        asks = (requests.op == Op.STORE) | (requests.op == Op.DIGEST)
                        reply.begin(m, Status.DONE, Mux(asks, Body.HOLDING, Body.TOGETHER))
            reply.states(m, pattern)
            self._last_states(m, registers, turn, reply)
        return m

    def _kind(self, m: Module) -> Kind:
        """Request type flags, registered one clock after arrival."""
        kind = Kind(*(Signal(reset_less=True, name=name) for name in Kind._fields))
        m.d.sync += kind.whole.eq(self.requests.status == Status.DONE)
        m.d.sync += [
            flag.eq(self.requests.op == op)
            for flag, op in (
                (kind.asking, Op.IDENTIFY),
                (kind.reading, Op.READ),
                (kind.writing, Op.WRITE),
            )
        ]
        learning, recalling = self.requests.op == Op.LEARN, self.requests.op == Op.RECALL
        if self.spec.sparse:
            both = [self.requests.op == op for op in (Op.LEARN_SPARSE, Op.RECALL_SPARSE)]
            m.d.sync += kind.sparse.eq(both[0] | both[1])
            learning, recalling = learning | both[0], recalling | both[1]
        stored = (self.requests.op >= Op.STORE) & (self.requests.op <= Op.DIGEST)
        m.d.sync += kind.stored.eq(stored if self.spec.store else 0)
        m.d.sync += [kind.learning.eq(learning), kind.recalling.eq(recalling)]
        return kind

    def _turn(self, m: Module) -> Turn:
        """Where the request's reply is kept, and whether it comes in its turn: registered two clocks after arrival."""
        sequence = self.requests.sequence
        turn = Turn(
            slot=sequence[: bits_for(WINDOW)],
            cached=Array(Signal(name=f"cached_{at}") for at in range(WINDOW)),
            sequences=Array(Signal(8, name=f"cached_sequence_{at}", reset_less=True) for at in range(WINDOW)),
            expected=Signal(8, name="expected"),
            identified=Signal(name="identified"),
            cacheable=Signal(reset_less=True, name="cacheable"),
            due=Signal(reset_less=True, name="due"),
            repeated=Signal(reset_less=True, name="repeated"),
        )
        behind, kept = Signal(8, reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            behind.eq(turn.expected - sequence),
            kept.eq(turn.cached[turn.slot] & (turn.sequences[turn.slot] == sequence)),
            turn.due.eq(behind == 0),
            turn.repeated.eq(kept & (behind <= WINDOW)),
        ]
        return turn

    def _sort(self, m: Module, kind: Kind, turn: Turn, reply: ReplyWriter, empty: Signal) -> None:
        """What becomes of a request: it is answered at once, executed, answered again, or refused."""
        with m.If(~kind.whole):
            m.d.sync += reply.refusal.eq(1)
            reply.begin(m, self.requests.status, Body.EXPECTED)
        with m.Elif(kind.asking):
            m.d.sync += [turn.expected.eq(self.requests.sequence + 1), turn.identified.eq(1)]
            m.d.sync += [turn.cached[at].eq(0) for at in range(WINDOW)]
            reply.begin(m, Status.DONE, Body.IDENTITY)
            with m.If(~empty):
                reply.begin(m, Status.BAD_LENGTH)
        with m.Elif(~turn.identified):
            m.d.sync += reply.refusal.eq(1)
            reply.begin(m, Status.NOT_IDENTIFIED, Body.EXPECTED)
        with m.Elif(turn.due):
            m.d.sync += [turn.expected.eq(turn.expected + 1), turn.cached[turn.slot].eq(0), turn.cacheable.eq(1)]
            m.next = "Check"
        with m.Elif(turn.repeated):
            m.next = "Repeat"
        with m.Else():
            m.d.sync += reply.refusal.eq(1)
            reply.begin(m, Status.OUT_OF_SEQUENCE, Body.EXPECTED)

    def _check_records(self, m: Module, kind: Kind, reply: ReplyWriter) -> None:
        """In the state Check: records are refused, or the first is loaded; several are answered from then on."""
        verdict = self.requests.verdict
        with m.If(kind.sparse):
            m.next = "FetchClass"
            with m.If(kind.learning):
                reply.begin(m, Status.DONE, Body.LEARNT)
            with m.If(~verdict.sound | ~self.machine.settings.skip[0] | (kind.recalling & ~verdict.single)):
                reply.begin(m, Status.BAD_PATTERN)

    def _last_states(self, m: Module, registers: Registers, turn: Turn, reply: ReplyWriter) -> None:
        """A kept reply is sent again; the request is done with."""
        requests, replies = self.requests, self.replies
        with m.State("Repeat"), m.If(~reply.full):
            m.next = "Resend"
        with m.State("Resend"), m.If(replies.free):
            m.d.comb += [replies.resend.eq(1), registers.repeated.eq(1)]
            m.next = "Release"

        with m.State("Finish"):
            m.d.comb += registers.refused.eq(reply.status != Status.DONE)
            m.d.sync += self.refused.eq(reply.status != Status.DONE)
            with m.If(turn.cacheable):
                m.d.sync += [turn.cached[turn.slot].eq(1), turn.sequences[turn.slot].eq(requests.sequence)]
            m.next = "Release"
        with m.State("Release"):
            m.d.comb += requests.release.eq(1)
            m.next = "Idle"

    def _connect_cells(
        self, m: Module, machine: Any, access: CellAccess, registers: Registers, writing: Signal
    ) -> None:
        """Weights and states are the machine's, settings and counters are here."""
        requests, cells = self.requests, access.cells
        ours = Signal(reset_less=True)  # known long before the first cell is asked for
        m.d.sync += ours.eq((cells.space == Space.SETTINGS) | (cells.space == Space.COUNTERS))
        m.d.sync += [
            cells.done.eq(Mux(ours, registers.cells.done, machine.access_done)),
            cells.read.eq(Mux(ours, registers.cells.read, machine.access_read)),
        ]
        m.d.comb += [
            access.writing.eq(writing),
            access.length.eq(requests.length),
            access.byte.eq(requests.byte),
            machine.access.eq(cells.access & ~ours),
            machine.access_space.eq(cells.space),
            machine.access_write.eq(cells.write),
            machine.access_address.eq(cells.address),
            machine.access_lane.eq(cells.lane),
            machine.access_data.eq(cells.data),
            registers.cells.access.eq(cells.access & ours),
            registers.cells.space.eq(cells.space),
            registers.cells.write.eq(cells.write),
            registers.cells.address.eq(cells.address),
            registers.cells.data.eq(cells.data),
            registers.snapshot.eq(access.done),
            registers.lfsr.eq(machine.lfsr),
            registers.machine.eq(machine.events if self.spec.serial else machine.counters),
            registers.dropped.eq(requests.dropped),
            machine.settings.eq(registers.settings),
            machine.lfsr_load.eq(registers.lfsr_load),
            machine.lfsr_next.eq(registers.lfsr_next),
        ]
