"""Requests, statuses and frames of the link; docs/protocol.md shows every frame byte by byte.

Multi-byte numbers are little-endian. A frame is COBS(op, sequence number, payload, CRC-32) followed by a zero byte; the
CRC is zlib's (CRC-32/ISO-HDLC).
"""

import zlib
from enum import IntEnum

from cobs import cobs

#: Requests that a host may have unanswered at once: frame slots in the receiver, cached replies in the sender.
WINDOW = 2
#: Set in the op of every reply.
REPLY = 0x80
CRC_BYTES = 4
#: Bits of a byte on the line, those of its start and its end included.
LINE_BITS = 10
#: Bytes that many a cable's chip sends to the host at once, without waiting for more.
PACKET = 62
#: Of these a reply's frame takes op, sequence number, status and CRC, and two more for COBS. What is left is filled.
REPLY_BYTES = PACKET - 3 - CRC_BYTES - 2
#: Bytes of an (address, count) pair and the space before it, in READ and WRITE.
ACCESS_BYTES = 5


class Op(IntEnum):
    """Requests."""

    IDENTIFY = 0x01  #: () -> ID block; always answered, and the next sequence number follows from its own
    LEARN = 0x02  #: input words, target words -> LearnReply
    RECALL = 0x03  #: input words -> RecallReply, sign words
    READ = 0x04  #: space, address (2 bytes), count (2 bytes) -> count words
    WRITE = 0x05  #: space, address (2 bytes), count (2 bytes), count words -> ()
    LEARN_SPARSE = 0x06  #: records (model/link/sparse.py) -> a LearnReply each, then zeros up to REPLY_BYTES
    RECALL_SPARSE = 0x07  #: a record, whose class does not matter -> as RECALL
    STORE = 0x08  #: first number (3 bytes), slots of a record (1), records -> Holding
    LEARN_STORED = 0x09  #: first number (3 bytes), numbers from there on (2 bytes each) -> StoredReply
    RECALL_STORED = 0x0A  #: as LEARN_STORED
    DIGEST = 0x0B  #: first number (3 bytes), count (3 bytes) -> Holding
    REFUSED = 0x7F  #: reply only: the request could not be read at all


class Status(IntEnum):
    """First byte of every reply's payload; all but DONE mean that nothing was executed or changed."""

    DONE = 0
    BAD_CRC = 1  #: the frame was damaged; send it again
    TOO_LONG = 2  #: the frame does not fit the buffer announced in the ID block
    UNKNOWN_OP = 3
    BAD_LENGTH = 4  #: the payload's length does not match the op
    BAD_ADDRESS = 5  #: no such space, or words beyond its end, or a space that cannot be written or read
    OUT_OF_SEQUENCE = 6  #: neither the next number nor a recent one; the payload has the expected number
    NOT_IDENTIFIED = 7  #: nobody has sent IDENTIFY since the reset
    BAD_PATTERN = 8  #: not the records that the op takes, a class or more pixels than there are, or ``skip`` is 0
    NOT_STORED = 9  #: no record of this number, or one that cannot be stored there


def encode_frame(op: int, sequence: int, payload: bytes) -> bytes:
    """One frame as it goes over the wire, its closing zero byte included."""
    body = bytes([op, sequence]) + payload
    return bytes(cobs.encode(body + zlib.crc32(body).to_bytes(CRC_BYTES, "little"))) + b"\0"


def decode_frame(frame: bytes) -> tuple[int, int, bytes] | None:
    """Op, sequence number and payload of a frame without its zero byte; None if it is damaged."""
    try:
        data = bytes(cobs.decode(frame))
    except cobs.DecodeError:
        return None
    body, check = data[:-CRC_BYTES], data[-CRC_BYTES:]
    if len(data) < 2 + CRC_BYTES or zlib.crc32(body).to_bytes(CRC_BYTES, "little") != check:
        return None
    return body[0], body[1], body[2:]
