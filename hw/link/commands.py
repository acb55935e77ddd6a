"""The command processor: checks each request, has the machine execute it once, and replies."""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.link.access import CellAccess
from ohmprop.hw.link.frames import replies_signature, reply_token, requests_signature
from ohmprop.hw.link.registers import Registers
from ohmprop.hw.shapes.signatures import Program, machine_signature
from ohmprop.model.layout import bits_for
from ohmprop.model.link.frames import REPLY, WINDOW, Op, Status
from ohmprop.model.link.identity import Identity
from ohmprop.model.link.packing import block_bytes, frame_bytes, input_bytes, target_blocks, target_bytes
from ohmprop.model.link.records import LearnReply, RecallReply
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import MachineSpec


class Body(enum.Enum):
    """The part of a reply behind the status."""

    NONE = 0
    EXPECTED = 1
    IDENTITY = 2
    LEARNT = 3
    RECALLED = 4
    CELLS = 5


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
                "busy": Out(1),  #: there is a request that is not answered yet
                "refused": Out(1),  #: the last request was refused
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec, machine, requests, replies = self.spec, self.machine, self.requests, self.replies
        m.submodules.registers = registers = Registers(spec)
        m.submodules.access = access = CellAccess(spec)
        m.d.comb += self.busy.eq(requests.valid)

        # Request type flags, registered one clock after arrival.
        whole, asking, learning, recalling, reading, writing = (Signal(reset_less=True) for _ in range(6))
        accessing = reading | writing
        m.d.sync += whole.eq(requests.status == Status.DONE)
        flags = (
            (asking, Op.IDENTIFY),
            (learning, Op.LEARN),
            (recalling, Op.RECALL),
            (reading, Op.READ),
            (writing, Op.WRITE),
        )
        m.d.sync += [flag.eq(requests.op == op) for flag, op in flags]
        self._connect_cells(m, access, registers, writing)
        # The slot of its reply, and whether it comes in sequence.
        cacheable = Signal(reset_less=True)
        slot = requests.sequence[: bits_for(WINDOW)]
        cached = Array(Signal(name=f"cached_{at}") for at in range(WINDOW))
        cached_sequence = Array(Signal(8, name=f"cached_sequence_{at}", reset_less=True) for at in range(WINDOW))
        expected = Signal(8)
        identified = Signal()
        behind, kept = Signal(8, reset_less=True), Signal(reset_less=True)
        m.d.sync += behind.eq(expected - requests.sequence)
        m.d.sync += kept.eq(cached[slot] & (cached_sequence[slot] == requests.sequence))
        # The decision that follows from them, one clock later.
        empty, fits, due, repeated = (Signal(reset_less=True) for _ in range(4))
        m.d.sync += [
            empty.eq(requests.length == 0),
            fits.eq(requests.length == input_bytes(spec) + Mux(learning, target_bytes(spec), 0)),
            due.eq(behind == 0),
            repeated.eq(kept & (behind <= WINDOW)),
        ]

        status = Signal(Status, reset_less=True)
        body = Signal(Body, reset_less=True)
        refusal = Signal(reset_less=True)
        index = Signal(range(max(Identity.size(), LearnReply.size())), reset_less=True)  # within a part of the reply

        # A register for a byte and its slot, so that the sender's readiness goes no further in one clock.
        full, byte_slot = Signal(), Signal.like(replies.slot, reset_less=True)
        offered, offering = Signal(reply_token(), reset_less=True), Signal(reply_token())
        offers = Signal()
        m.d.comb += [
            replies.bytes.valid.eq(full),
            replies.bytes.p.eq(offered),
            replies.slot.eq(byte_slot),
        ]
        with m.If(full):
            m.d.sync += full.eq(~replies.bytes.ready)
        with m.Else():
            m.d.sync += [full.eq(offers), offered.eq(offering), byte_slot.eq(Mux(refusal, WINDOW, slot))]

        def reply(outcome, what=Body.NONE):
            m.d.sync += [status.eq(outcome), body.eq(what)]
            m.next = "Head"

        def offer(byte, last):
            m.d.comb += [offers.eq(1), offering.data.eq(byte), offering.last.eq(last)]
            return m.If(~full)

        position = Signal(range(frame_bytes(spec)), reset_less=True)  # in the payload of LEARN and RECALL
        m.d.comb += requests.address.eq(Mux(accessing, access.position, position))

        # Patterns go to the machine, and signs come from it, block by block.
        target = Signal(reset_less=True)
        block = Signal.like(machine.load_block, reset_less=True)
        byte = Signal.like(machine.load_byte, reset_less=True)
        # Registers, since a byte takes two clocks at least.
        last_byte, last_sign, last_of_target, last_input_byte = (Signal(reset_less=True) for _ in range(4))
        ends_block = byte == block_bytes(spec) - 1
        m.d.sync += [
            last_byte.eq(ends_block),
            last_sign.eq(ends_block & (block == spec.layout.blocks - 1)),
            last_of_target.eq(ends_block & (block == len(target_blocks(spec)) - 1)),
            # A layered machine's input is one block of pixels.
            last_input_byte.eq(ends_block if spec.recurrent else byte == input_bytes(spec) - 1),
        ]
        last_of_input = last_sign if spec.recurrent else last_input_byte
        last_loaded = Mux(target, last_of_target, last_of_input)
        m.d.comb += [
            machine.program.eq(Mux(learning, Program.LEARN, Program.RECALL)),
            machine.sign_block.eq(block),
            machine.sign_byte.eq(byte),
        ]
        loads = Signal()
        m.d.sync += [
            machine.load.eq(loads),
            machine.load_target.eq(target),
            machine.load_block.eq(block),
            machine.load_byte.eq(byte),
            machine.load_bits.eq(requests.byte),
        ]

        def next_byte(last, last_of_all):
            m.d.sync += byte.eq(byte + 1)
            with m.If(last):
                m.d.sync += [byte.eq(0), block.eq(block + 1)]
            with m.If(last_of_all):
                m.d.sync += block.eq(0)

        heading, content, final = self._reply_bytes(m, whole, status, body, index, expected)
        m.d.sync += machine.start.eq(0)
        with m.FSM():
            with m.State("Idle"):
                for signal in (index, position, target, block, byte, refusal, cacheable):
                    m.d.sync += signal.eq(0)
                with m.If(requests.valid):
                    m.next = "Compare"
            with m.State("Compare"):
                m.next = "Sort"

            with m.State("Sort"):
                m.d.comb += registers.frame.eq(whole)
                with m.If(~whole):
                    m.d.sync += refusal.eq(1)
                    reply(requests.status, Body.EXPECTED)
                with m.Elif(asking):
                    m.d.sync += [expected.eq(requests.sequence + 1), identified.eq(1)]
                    m.d.sync += [cached[at].eq(0) for at in range(WINDOW)]
                    reply(Status.DONE, Body.IDENTITY)
                    with m.If(~empty):
                        reply(Status.BAD_LENGTH)
                with m.Elif(~identified):
                    m.d.sync += refusal.eq(1)
                    reply(Status.NOT_IDENTIFIED, Body.EXPECTED)
                with m.Elif(due):
                    m.d.sync += [expected.eq(expected + 1), cached[slot].eq(0), cacheable.eq(1)]
                    m.next = "Check"
                with m.Elif(repeated):
                    m.next = "Repeat"
                with m.Else():
                    m.d.sync += refusal.eq(1)
                    reply(Status.OUT_OF_SEQUENCE, Body.EXPECTED)

            with m.State("Check"):
                with m.If(learning | recalling):
                    m.next = "FetchPattern"
                    with m.If(~fits):
                        reply(Status.BAD_LENGTH)
                with m.Elif(accessing):
                    m.d.comb += access.start.eq(1)
                    m.next = "Access"
                with m.Else():
                    reply(Status.UNKNOWN_OP)

            with m.State("FetchPattern"):
                m.next = "LoadPattern"
            with m.State("LoadPattern"), m.If(machine.load_ready):
                m.d.comb += loads.eq(1)
                m.d.sync += position.eq(position + 1)
                next_byte(Mux(target, last_byte, last_input_byte), last_loaded)
                m.next = "FetchPattern"
                with m.If(last_loaded):
                    m.d.sync += target.eq(1)
                    with m.If(target | ~learning):
                        m.next = "Start"
            with m.State("Start"), m.If(machine.load_ready & ~machine.load):
                m.d.sync += machine.start.eq(1)
                m.next = "Begin"
            with m.State("Begin"), m.If(machine.busy):
                m.next = "Run"
            with m.State("Run"), m.If(~machine.busy):
                reply(Status.DONE, Mux(learning, Body.LEARNT, Body.RECALLED))

            with m.State("Access"), m.If(access.done):
                reply(access.status)
                with m.If(reading & (access.status == Status.DONE)):
                    reply(Status.DONE, Body.CELLS)
            with m.State("Cells"):
                m.d.comb += access.reply.ready.eq(~full)
                last = access.reply.p.last
                with m.If(access.reply.valid), offer(access.reply.p.data, last), m.If(last):
                    m.next = "Finish"

            with m.State("Head"), offer(heading, (index == 2) & (body == Body.NONE)):
                m.d.sync += index.eq(index + 1)
                with m.If(index == 2):
                    m.d.sync += index.eq(0)
                    m.next = "Body"
                    with m.If(body == Body.NONE):
                        m.next = "Finish"
                    with m.Elif(body == Body.CELLS):
                        m.next = "Cells"
            with m.State("Body"), offer(content, final & (body != Body.RECALLED)):
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
            with m.State("SendSigns"), offer(machine.sign_bits, last_sign):
                next_byte(last_byte, last_sign)
                m.next = "AskSigns"
                with m.If(last_sign):
                    m.next = "Finish"

            with m.State("Repeat"), m.If(~full):
                m.next = "Resend"
            with m.State("Resend"), m.If(replies.free):
                m.d.comb += [replies.resend.eq(1), registers.repeated.eq(1)]
                m.next = "Release"

            with m.State("Finish"):
                m.d.comb += registers.refused.eq(status != Status.DONE)
                m.d.sync += self.refused.eq(status != Status.DONE)
                with m.If(cacheable):
                    m.d.sync += [cached[slot].eq(1), cached_sequence[slot].eq(requests.sequence)]
                m.next = "Release"
            with m.State("Release"):
                m.d.comb += requests.release.eq(1)
                m.next = "Idle"
        return m

    def _reply_bytes(self, m, whole, status, body, index, expected):
        """Byte ``index`` of a reply's head and of its body, and whether that ends it; a clock after ``index``."""
        machine, requests = self.machine, self.requests
        op, sequence = Mux(whole, requests.op, Op.REFUSED) | REPLY, Mux(whole, requests.sequence, 0)
        heading, content, final = Signal(8, reset_less=True), Signal(8, reset_less=True), Signal(reset_less=True)
        m.d.sync += heading.eq(Array([op, sequence, status])[index])
        report = Cat(machine.steps, machine.clocks, machine.lfsr)
        identity = Identity.of(self.spec).pack()
        bodies = {
            Body.EXPECTED: expected,
            Body.IDENTITY: Const(int.from_bytes(identity, "little"), 8 * len(identity)),
            Body.LEARNT: report[: 8 * LearnReply.size()],
            Body.RECALLED: report[: 8 * RecallReply.size()],
        }
        with m.Switch(body):
            for case, record in bodies.items():
                with m.Case(case):
                    m.d.sync += [content.eq(record.word_select(index, 8)), final.eq(index == len(record) // 8 - 1)]
        return heading, content, final

    def _connect_cells(self, m, access, registers, writing):
        """Weights and states are the machine's, settings and counters are here."""
        machine, requests, cells = self.machine, self.requests, access.cells
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
