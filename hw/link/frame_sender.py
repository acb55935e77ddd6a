"""Replies in, bytes for the serial port out."""

from typing import Any

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.hdl import Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.link.frames import check_geometry, crc_processor, replies_signature
from ohmprop.model.link.frames import CRC_BYTES

#: Data bytes after which a COBS run ends by itself.
LONGEST_RUN = 254


def slot_bytes(frame_bytes: int) -> int:
    """Bytes kept for one frame as it goes over the line: codes and closing zero byte included, a power of two."""
    encoded = frame_bytes + -(-frame_bytes // LONGEST_RUN) + 1
    return 1 << (encoded - 1).bit_length()


class FrameSender(wiring.Component):
    """Appends the CRC to each reply, encodes it in its slot while it is being written, sends it, and keeps it.

    Slots 0 to ``window`` - 1 are the cache from which a reply can be sent again, slot ``window`` is for refusals, which
    nobody repeats. Slots are sent in the order in which they were finished. A reply cannot begin while its slot is
    being sent: ``replies.bytes`` stalls.
    Latency: the first byte is offered ``latency`` clocks after the one that accepts the last byte of a reply of up to
    248 bytes without a pending frame before it. Throughput: one byte per clock in, one byte every three clocks out. Reset
    forgets all replies.
    """

    #: Four bytes of CRC, the last code, the zero byte; four to enter and leave the queue and to read the first byte.
    latency = CRC_BYTES + 2 + 4

    def __init__(self, frame_bytes: int, window: int):
        """Frames of up to ``frame_bytes`` bytes before encoding, CRC included; both numbers are powers of two."""
        check_geometry(frame_bytes, window)
        self.frame_bytes = frame_bytes
        self.window = window
        super().__init__({"replies": In(replies_signature(window)), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        slots, size = self.window + 1, slot_bytes(self.frame_bytes)
        m.submodules.memory = memory = Memory(shape=8, depth=slots * size, init=[])
        m.submodules.queue = queue = SyncFIFO(width=len(self.replies.slot), depth=slots)
        waiting = Array(Signal(name=f"waiting_{slot}") for slot in range(slots))  # queued or being sent
        with m.If(queue.w_en):
            m.d.sync += waiting[queue.w_data].eq(1)
        self._encode(m, memory.write_port(), queue, waiting, size)
        self._send(m, memory.read_port(), queue, waiting, size)
        return m

    def _encode(self, m: Module, writing: Any, queue: SyncFIFO, waiting: Any, size: int) -> None:
        """Write the reply into its slot: the place of each zero is kept free and later takes the next code."""
        replies = self.replies
        m.submodules.crc = crc = crc_processor()
        code_place = Signal(range(size))
        place = Signal(range(size), init=1)
        code = Signal(8, init=1)
        begun = Signal()
        in_crc = Signal()
        crc_index = Signal(range(CRC_BYTES))
        kept_slot = Signal.like(replies.slot, reset_less=True)
        slot = Signal.like(replies.slot)
        m.d.comb += slot.eq(Mux(begun, kept_slot, replies.slot))
        m.d.sync += kept_slot.eq(slot)

        byte = Signal(8)
        accept = Signal()
        m.d.comb += replies.free.eq(~begun & ~waiting[replies.slot])
        available = in_crc | (replies.bytes.valid & (begun | replies.free))
        m.d.comb += byte.eq(Mux(in_crc, crc.crc.word_select(crc_index, 8), replies.bytes.p.data))
        m.d.comb += [crc.data.eq(byte), crc.valid.eq(accept & ~in_crc)]
        m.d.comb += replies.bytes.ready.eq(accept & ~in_crc)
        m.d.comb += queue.w_data.eq(slot)

        def write(offset: Value, value: ValueLike) -> None:
            m.d.comb += [writing.addr.eq(Cat(offset, slot)), writing.data.eq(value), writing.en.eq(1)]

        def end_run() -> None:
            write(code_place, code)
            m.d.sync += [code_place.eq(place), place.eq(place + 1), code.eq(1)]

        with m.FSM():
            with m.State("Bytes"), m.If(available):
                with m.If(code == LONGEST_RUN + 1):
                    end_run()
                with m.Else():
                    m.d.comb += accept.eq(1)
                    with m.If(byte == 0):
                        end_run()
                    with m.Else():
                        write(place, byte)
                        m.d.sync += [place.eq(place + 1), code.eq(code + 1)]
                    m.d.sync += begun.eq(1)
                    with m.If(in_crc):
                        m.d.sync += crc_index.eq(crc_index + 1)
                        with m.If(crc_index == CRC_BYTES - 1):
                            m.next = "Code"
                    with m.Elif(replies.bytes.p.last):
                        m.d.sync += in_crc.eq(1)
            with m.State("Code"):
                write(code_place, code)
                m.next = "Zero"
            with m.State("Zero"):
                write(place, 0)
                m.d.comb += [queue.w_en.eq(1), crc.start.eq(1)]
                for signal in (code_place, place, code, begun, in_crc):
                    m.d.sync += signal.eq(signal.init)
                m.next = "Bytes"
        with m.If(replies.resend):
            m.d.comb += queue.w_en.eq(1)

    def _send(self, m: Module, reading: Any, queue: SyncFIFO, waiting: Any, size: int) -> None:
        """Send the slot at the head of the queue up to its zero byte."""
        position, last = Signal(range(size), reset_less=True), Signal(reset_less=True)
        m.d.comb += reading.addr.eq(Cat(position, queue.r_data))
        m.d.comb += self.bytes.payload.eq(reading.data)
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += position.eq(0)
                with m.If(queue.r_rdy):
                    m.next = "Fetch"
            with m.State("Fetch"):
                m.next = "Look"
            with m.State("Look"):
                # A memory's byte comes late in its clock.
                m.d.sync += last.eq(reading.data == 0)
                m.next = "Offer"
            with m.State("Offer"):
                m.d.comb += self.bytes.valid.eq(1)
                with m.If(self.bytes.ready):
                    m.d.sync += position.eq(position + 1)
                    m.next = "Fetch"
                    with m.If(last):
                        m.d.sync += waiting[queue.r_data].eq(0)
                        m.d.comb += queue.r_en.eq(1)
                        m.next = "Idle"
