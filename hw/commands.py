"""The command processor: checks each request, has the machine execute it once, and replies."""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from hw.cells import CellAccess
from hw.frames import replies_signature, requests_signature
from hw.port import Program, machine_signature
from hw.registers import Registers
from model.layered_layout import layout_of
from model.layout import bits_for
from model.protocol import (
    REPLY,
    WINDOW,
    Identity,
    LearnReply,
    Op,
    RecallReply,
    Space,
    Status,
    block_bytes,
    frame_bytes,
    input_bytes,
    target_blocks,
    target_bytes,
)
from model.spec import MachineSpec


class Body(enum.Enum):
    """What follows the status in a reply."""

    NONE = 0
    EXPECTED = 1
    IDENTITY = 2
    LEARNT = 3
    RECALLED = 4
    CELLS = 5


class CommandProcessor(wiring.Component):
    """Executes the requests of model/protocol.py, in order and each only once.

    A request with the expected sequence number is executed; one of the last WINDOW is answered with the reply that the
    sender still keeps; all others are refused. IDENTIFY is always answered, forgets all replies, and the numbers go on from
    its own; until the first one after a reset all else is refused. All checks come before the first change. It is idle again
    after any request, whatever its bytes.
    Latency: ``latency`` clocks from a request to the first byte of IDENTIFY's reply. Throughput: a request at a time;
    two clocks a pattern byte, three clocks and the machine's access a cell.
    """

    latency = 1

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "machine": Out(machine_signature(spec)),
                "requests": In(requests_signature(frame_bytes(spec))),
                "replies": Out(replies_signature(WINDOW)),
                "busy": Out(1),  #: there is a request that is not answered yet
                "refused": Out(1),  #: one clock for each that is refused
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec, machine, requests, replies = self.spec, self.machine, self.requests, self.replies
        m.submodules.registers = registers = Registers(spec)
        m.submodules.access = access = CellAccess(spec)
        self._connect_cells(m, access, registers)
        m.d.comb += [self.busy.eq(requests.valid), self.refused.eq(registers.refused)]

        # What a request is, and where its reply is kept.
        learning = requests.op == Op.LEARN
        accessing = (requests.op == Op.READ) | (requests.op == Op.WRITE)
        cacheable = Signal(reset_less=True)
        slot = requests.sequence[: bits_for(WINDOW)]
        cached = Array(Signal(name=f"cached_{at}") for at in range(WINDOW))
        cached_sequence = Array(Signal(8, name=f"cached_sequence_{at}", reset_less=True) for at in range(WINDOW))
        expected = Signal(8)
        identified = Signal()
        behind = Signal(8)
        m.d.comb += behind.eq(expected - requests.sequence)
        kept = (behind <= WINDOW) & cached[slot] & (cached_sequence[slot] == requests.sequence)

        status = Signal(Status, reset_less=True)
        body = Signal(Body, reset_less=True)
        refusal = Signal(reset_less=True)
        index = Signal(range(max(Identity.size(), LearnReply.size())), reset_less=True)  # within a part of the reply
        m.d.comb += replies.slot.eq(Mux(refusal, WINDOW, slot))

        def reply(outcome, what=Body.NONE):
            m.d.sync += [status.eq(outcome), body.eq(what)]
            m.next = "Head"

        def offer(byte, last):
            m.d.comb += [replies.bytes.valid.eq(1), replies.bytes.p.data.eq(byte), replies.bytes.p.last.eq(last)]
            return m.If(replies.bytes.ready)

        def finish():
            m.d.comb += [requests.release.eq(1), registers.refused.eq(status != Status.DONE)]
            with m.If(cacheable):
                m.d.sync += [cached[slot].eq(1), cached_sequence[slot].eq(requests.sequence)]
            m.next = "Idle"

        position = Signal(range(frame_bytes(spec)), reset_less=True)  # in the payload of LEARN and RECALL
        m.d.comb += requests.address.eq(Mux(accessing, access.position, position))

        # Patterns go to the machine, and signs come from it, block by block.
        target = Signal(reset_less=True)
        block = Signal.like(machine.load_block, reset_less=True)
        byte = Signal.like(machine.load_byte, reset_less=True)
        last_byte = byte == block_bytes(spec) - 1
        last_sign = last_byte & (block == layout_of(spec).blocks - 1)
        last_of_target = last_byte & (block == len(target_blocks(spec)) - 1)
        # A layered machine's input is one block of pixels.
        last_input_byte = last_byte if spec.recurrent else byte == input_bytes(spec) - 1
        last_of_input = last_sign if spec.recurrent else last_input_byte
        last_loaded = Mux(target, last_of_target, last_of_input)
        m.d.comb += [
            machine.program.eq(Mux(learning, Program.LEARN, Program.RECALL)),
            machine.load_target.eq(target),
            machine.load_block.eq(block),
            machine.load_byte.eq(byte),
            machine.load_bits.eq(requests.byte),
            machine.sign_block.eq(block),
            machine.sign_byte.eq(byte),
        ]

        def next_byte(ends_block, ends_all):
            m.d.sync += byte.eq(byte + 1)
            with m.If(ends_block):
                m.d.sync += [byte.eq(0), block.eq(block + 1)]
            with m.If(ends_all):
                m.d.sync += block.eq(0)

        with m.FSM():
            with m.State("Idle"):
                for signal in (index, position, target, block, byte, refusal, cacheable):
                    m.d.sync += signal.eq(0)
                with m.If(requests.valid):
                    m.d.comb += registers.frame.eq(requests.status == Status.DONE)
                    with m.If(requests.status != Status.DONE):
                        m.d.sync += refusal.eq(1)
                        reply(requests.status, Body.EXPECTED)
                    with m.Elif(requests.op == Op.IDENTIFY):
                        m.d.sync += [expected.eq(requests.sequence + 1), identified.eq(1)]
                        m.d.sync += [cached[at].eq(0) for at in range(WINDOW)]
                        reply(Status.DONE, Body.IDENTITY)
                        with m.If(requests.length != 0):
                            reply(Status.BAD_LENGTH)
                    with m.Elif(~identified):
                        m.d.sync += refusal.eq(1)
                        reply(Status.NOT_IDENTIFIED, Body.EXPECTED)
                    with m.Elif(behind == 0):
                        m.d.sync += [expected.eq(expected + 1), cached[slot].eq(0), cacheable.eq(1)]
                        m.next = "Check"
                    with m.Elif(kept):
                        m.next = "Repeat"
                    with m.Else():
                        m.d.sync += refusal.eq(1)
                        reply(Status.OUT_OF_SEQUENCE, Body.EXPECTED)

            with m.State("Check"), m.Switch(requests.op):
                with m.Case(Op.LEARN, Op.RECALL):
                    m.next = "FetchPattern"
                    with m.If(requests.length != input_bytes(spec) + Mux(learning, target_bytes(spec), 0)):
                        reply(Status.BAD_LENGTH)
                with m.Case(Op.READ, Op.WRITE):
                    m.d.comb += access.start.eq(1)
                    m.next = "Access"
                with m.Default():
                    reply(Status.UNKNOWN_OP)

            with m.State("FetchPattern"):
                m.next = "LoadPattern"
            with m.State("LoadPattern"), m.If(machine.load_ready):
                m.d.comb += machine.load.eq(1)
                m.d.sync += position.eq(position + 1)
                next_byte(Mux(target, last_byte, last_input_byte), last_loaded)
                m.next = "FetchPattern"
                with m.If(last_loaded):
                    m.d.sync += target.eq(1)
                    with m.If(target | ~learning):
                        m.next = "Start"
            with m.State("Start"), m.If(machine.load_ready):
                m.d.comb += machine.start.eq(1)
                m.next = "Run"
            with m.State("Run"), m.If(~machine.busy):
                reply(Status.DONE, Mux(learning, Body.LEARNT, Body.RECALLED))

            with m.State("Access"), m.If(access.done):
                reply(access.status)
                with m.If((requests.op == Op.READ) & (access.status == Status.DONE)):
                    reply(Status.DONE, Body.CELLS)
            with m.State("Cells"):
                m.d.comb += access.reply.ready.eq(replies.bytes.ready)
                last = access.reply.p.last
                with m.If(access.reply.valid), offer(access.reply.p.data, last), m.If(last):
                    finish()

            with m.State("Head"):
                op = Mux(requests.status == Status.DONE, requests.op, Op.REFUSED) | REPLY
                sequence = Mux(requests.status == Status.DONE, requests.sequence, 0)
                with offer(Array([op, sequence, status])[index], (index == 2) & (body == Body.NONE)):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == 2):
                        m.d.sync += index.eq(0)
                        m.next = "Body"
                        with m.If(body == Body.NONE):
                            finish()
                        with m.Elif(body == Body.CELLS):
                            m.next = "Cells"
            with m.State("Body"):
                report = Cat(machine.steps, machine.clocks, machine.lfsr)
                identity = int.from_bytes(Identity.of(spec).pack(), "little")
                content = Signal(8)
                final = Signal.like(index)
                with m.Switch(body):
                    with m.Case(Body.EXPECTED):
                        m.d.comb += content.eq(expected)
                    with m.Case(Body.IDENTITY):
                        m.d.comb += content.eq(Const(identity, 8 * Identity.size()).word_select(index, 8))
                        m.d.comb += final.eq(Identity.size() - 1)
                    with m.Case(Body.LEARNT):
                        m.d.comb += [content.eq(report.word_select(index, 8)), final.eq(LearnReply.size() - 1)]
                    with m.Case(Body.RECALLED):
                        m.d.comb += [content.eq(report.word_select(index, 8)), final.eq(RecallReply.size() - 1)]
                with offer(content, (index == final) & (body != Body.RECALLED)):
                    m.d.sync += index.eq(index + 1)
                    with m.If((index == final) & (body == Body.RECALLED)):
                        m.next = "AskSigns"
                    with m.Elif(index == final):
                        finish()
            with m.State("AskSigns"):
                m.next = "AwaitSigns"
            with m.State("AwaitSigns"):
                m.next = "SendSigns"
            with m.State("SendSigns"), offer(machine.sign_bits, last_sign):
                next_byte(last_byte, last_sign)
                m.next = "AskSigns"
                with m.If(last_sign):
                    finish()

            with m.State("Repeat"), m.If(replies.free):
                m.d.comb += [replies.resend.eq(1), requests.release.eq(1), registers.repeated.eq(1)]
                m.next = "Idle"
        return m

    def _connect_cells(self, m, access, registers):
        """Weights and states are the machine's, settings and counters are here."""
        machine, requests, cells = self.machine, self.requests, access.cells
        ours = (cells.space == Space.SETTINGS) | (cells.space == Space.COUNTERS)
        m.d.comb += [
            access.writing.eq(requests.op == Op.WRITE),
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
            cells.done.eq(Mux(ours, registers.cells.done, machine.access_done)),
            cells.read.eq(Mux(ours, registers.cells.read, machine.access_read)),
            registers.snapshot.eq(access.done),
            registers.lfsr.eq(machine.lfsr),
            registers.machine.eq(machine.counters),
            registers.dropped.eq(requests.dropped),
            machine.settings.eq(registers.settings),
            machine.lfsr_load.eq(registers.lfsr_load),
            machine.lfsr_next.eq(registers.lfsr_next),
        ]
