"""Interfaces between transport, frame receiver and sender, and command processor; frames are in model/link."""

from amaranth.lib import data, stream
from amaranth.lib.crc import Processor
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out, Signature

from ohmprop.model.link.frames import CRC_BYTES


def crc_processor() -> Processor:
    """The CRC of every frame, one byte per clock."""
    return CRC32_ISO_HDLC(data_width=8).create()


def check_geometry(frame_bytes: int, window: int) -> None:
    """Raise ValueError unless both are powers of two, as slots are found by address bits and sequence number bits."""
    for name, value, least in (("frame_bytes", frame_bytes, 16), ("window", window, 2)):
        if value < least or value & (value - 1):
            raise ValueError(f"{name} {value!r} is not a power of two from {least} upwards")


def byte_stream() -> Signature:
    """Bytes as they come over a line: a stream without ``ready``, since a line cannot wait."""
    return Signature({"payload": Out(8), "valid": Out(1)})


def transport_signature() -> Signature:
    """Bytes from the host and to it, seen from what carries them: a serial port, or anything else in its place."""
    return Signature({"received": Out(byte_stream()), "sent": In(stream.Signature(8))})


def reply_token() -> data.StructLayout:
    """A byte of a reply; ``last`` goes with the final one."""
    return data.StructLayout({"data": 8, "last": 1})


def verdict_layout() -> data.StructLayout:
    """What a RecordCheck says of a payload: it is made of whole records that the machine can learn; it is a single one, or how
    many; one takes more than a slot of the store, or more than two."""
    return data.StructLayout({"sound": 1, "single": 1, "records": 3, "long": 1, "too_long": 1})


def requests_signature(frame_bytes: int) -> Signature:
    """The oldest frame in the receiver, seen from the receiver; it stays until released."""
    return Signature(
        {
            #: There is a frame; what describes it holds until ``release``.
            "valid": Out(1),
            #: DONE if the frame is whole, BAD_CRC or TOO_LONG if not; op, sequence and length are then meaningless.
            "status": Out(8),
            "op": Out(8),
            "sequence": Out(8),
            #: Bytes of the payload.
            "length": Out(range(frame_bytes - 2 - CRC_BYTES + 1)),
            #: What was said of the payload by whoever saw it come.
            "verdict": Out(verdict_layout()),
            #: ``byte`` is the payload's byte ``address`` one clock later.
            "address": In(range(frame_bytes)),
            "byte": Out(8),
            #: One clock: the frame is done with, and its slot free.
            "release": In(1),
            #: One clock for each frame that found no free slot.
            "dropped": Out(1),
        }
    )


def replies_signature(window: int) -> Signature:
    """The reply being written, seen from the command processor."""
    return Signature(
        {
            #: Where the reply is kept, 0 to ``window``; constant from its first byte to its last.
            "slot": Out(range(window + 1)),
            #: Op, sequence number, status, payload; at least one byte, and a frame of at most ``frame_bytes``.
            "bytes": Out(stream.Signature(reply_token())),
            #: One clock, only while ``free`` and between replies: send again what the slot holds.
            "resend": Out(1),
            #: The slot is neither being sent nor waiting for it.
            "free": In(1),
        }
    )
