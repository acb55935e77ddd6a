"""Bytes from the host in, checked frames out."""

from typing import Any

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.link.frames import byte_stream, check_geometry, crc_processor, requests_signature, verdict_layout
from ohmprop.model.link.frames import CRC_BYTES, Status

#: The COBS code of a run of 254 bytes.
LONGEST_CODE = 0xFF


class FrameReceiver(wiring.Component):
    """Undoes COBS, checks length and CRC, and keeps up to ``window`` frames, so one fills while another is executed.

    Every frame takes a slot until it is released, damaged ones too: they must be answered. A frame that begins while
    all slots are taken is dropped whole. Empty frames are ignored. A zero byte always ends the frame and starts the next one.
    Latency: ``requests.valid`` rises ``latency`` clocks after the zero byte. Throughput: one byte per clock, with no stall. Reset
    forgets all frames.
    """

    latency = 2

    def __init__(self, frame_bytes: int, window: int):
        """Frames of up to ``frame_bytes`` decoded bytes, CRC included; both numbers are powers of two."""
        check_geometry(frame_bytes, window)
        self.frame_bytes = frame_bytes
        self.window = window
        super().__init__(
            {
                "bytes": In(byte_stream()),  #: as they came over the line
                "requests": Out(requests_signature(frame_bytes)),
                "begins": Out(1),  #: for whoever looks at a payload as it comes: its first byte is next
                "op": Out(8),  #: of the frame whose payload comes
                "payload": Out(byte_stream()),  #: its bytes and those of the CRC
                "verdict": In(verdict_layout()),  #: what is to be kept with the frame, one clock after its last byte
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        requests = self.requests
        m.submodules.crc = crc = crc_processor()
        m.submodules.memory = memory = Memory(shape=8, depth=self.window * self.frame_bytes, init=[])
        writing, reading = memory.write_port(), memory.read_port()

        entry_layout = data.StructLayout(
            {"status": 8, "op": 8, "sequence": 8, "length": requests.length.shape(), "verdict": verdict_layout()}
        )
        entries = Array(Signal(entry_layout, name=f"entry_{slot}", reset_less=True) for slot in range(self.window))
        tail = Signal(range(self.window))  # the slot being filled
        head = Signal(range(self.window))  # the oldest frame
        kept = Signal(range(self.window + 1))
        oldest = entries[head]
        m.d.comb += [
            requests.valid.eq(kept != 0),
            requests.status.eq(oldest.status),
            requests.op.eq(oldest.op),
            requests.sequence.eq(oldest.sequence),
            requests.length.eq(oldest.length),
            requests.verdict.eq(oldest.verdict),
            reading.addr.eq(Cat(requests.address, head)),
            requests.byte.eq(reading.data),
        ]

        # A byte is looked at a clock before it is used.
        byte, valid, zero = Signal(8, reset_less=True), Signal(), Signal(reset_less=True)
        m.d.sync += [byte.eq(self.bytes.payload), valid.eq(self.bytes.valid), zero.eq(self.bytes.payload == 0)]

        left = Signal(8, reset_less=True)  # bytes left of the COBS run
        maximal = Signal(reset_less=True)  # a run of 254 stands for no zero at its end
        decoded = Signal(range(self.frame_bytes + 1), reset_less=True)
        too_long = Signal(reset_less=True)
        whole = (left == 0) & (decoded >= 2 + CRC_BYTES) & crc.match_detected
        delivered = Signal()
        finished = Signal()

        with m.If(valid), m.FSM():
            with m.State("Between"), m.If(~zero):
                m.d.sync += [left.eq(byte - 1), maximal.eq(byte == LONGEST_CODE)]
                m.d.sync += [decoded.eq(0), too_long.eq(0)]
                m.d.comb += crc.start.eq(1)
                m.next = "Receiving"
                with m.If(kept == self.window):
                    m.d.comb += requests.dropped.eq(1)
                    m.next = "Dropping"
            with m.State("Receiving"):
                with m.If(zero):
                    m.d.comb += finished.eq(1)
                    m.next = "Between"
                with m.Elif(left == 0):
                    m.d.sync += [left.eq(byte - 1), maximal.eq(byte == LONGEST_CODE)]
                    m.d.comb += delivered.eq(~maximal)
                with m.Else():
                    m.d.sync += left.eq(left - 1)
                    m.d.comb += delivered.eq(1)
            with m.State("Dropping"), m.If(zero):
                m.next = "Between"

        # The payload starts at address 0; op and sequence number land at the slot's end, where nothing needs them.
        place = Signal(range(self.frame_bytes))
        m.d.comb += [place.eq(decoded - 2), writing.addr.eq(Cat(place, tail))]
        m.d.comb += writing.data.eq(Mux(left == 0, 0, byte))
        m.d.comb += [crc.data.eq(writing.data), self.payload.payload.eq(writing.data), self.op.eq(entries[tail].op)]
        with m.If(delivered & (decoded == self.frame_bytes)):
            m.d.sync += too_long.eq(1)
        with m.Elif(delivered):
            m.d.comb += [writing.en.eq(1), crc.valid.eq(1)]
            m.d.comb += [self.begins.eq(decoded < 2), self.payload.valid.eq(decoded >= 2)]
            m.d.sync += decoded.eq(decoded + 1)
            with m.If(decoded == 0):
                m.d.sync += entries[tail].op.eq(writing.data)
            with m.If(decoded == 1):
                m.d.sync += entries[tail].sequence.eq(writing.data)

        with m.If(finished):
            m.d.sync += tail.eq(tail + 1)
            m.d.sync += [entries[tail].length.eq(decoded - 2 - CRC_BYTES), entries[tail].verdict.eq(self.verdict)]
            with m.If(too_long):
                m.d.sync += entries[tail].status.eq(Status.TOO_LONG)
            with m.Elif(whole):
                m.d.sync += entries[tail].status.eq(Status.DONE)
            with m.Else():
                m.d.sync += entries[tail].status.eq(Status.BAD_CRC)
        with m.If(requests.release):
            m.d.sync += head.eq(head + 1)
        m.d.sync += kept.eq(kept + finished - requests.release)
        return m
