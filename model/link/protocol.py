"""The link's constants and codecs, once for both ends: ops, spaces, statuses, registers, ID block, pattern packing.

docs/protocol.md shows every frame byte by byte. Multi-byte numbers are little-endian. A frame is
COBS(op, sequence number, payload, CRC-32) followed by a zero byte; the CRC is zlib's (CRC-32/ISO-HDLC).
"""

import dataclasses
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from cobs import cobs
from numpy.typing import NDArray

from ohmprop.model.rules import RULES, code_bits, rule_of
from ohmprop.model.spec import UPDATE_SHIFTS, MachineSpec, Settings

VERSION = 1
MAGIC = b"OHMP"
#: Requests that a host may have unanswered at once: frame slots in the receiver, cached replies in the sender.
WINDOW = 2
#: Set in the op of every reply.
REPLY = 0x80
CRC_BYTES = 4
#: Most bits of a weight: a cell is one byte on the link.
LINK_BITS = 8
#: Weight matrices that there are registers for.
MATRICES = 5
#: Bytes of an (address, count) pair and the space before it, in READ and WRITE.
ACCESS_BYTES = 5


class Op(IntEnum):
    """Requests."""

    IDENTIFY = 0x01  #: () -> ID block; always answered, and the next sequence number follows from its own
    LEARN = 0x02  #: input words, target words -> LearnReply
    RECALL = 0x03  #: input words -> RecallReply, sign words
    READ = 0x04  #: space, address (2 bytes), count (2 bytes) -> count words
    WRITE = 0x05  #: space, address (2 bytes), count (2 bytes), count words -> ()
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


class Space(IntEnum):
    """What READ and WRITE reach; a word is ``lanes`` bytes in those that are WIDE, one byte in the others."""

    WEIGHTS = 0  #: the crossbar's words (model/layout/recurrent.py), signed bytes
    STATES = 1  #: the neurons' states, a word a block, signed bytes; read only
    SETTINGS = 2  #: Settings, then the LFSR
    COUNTERS = 3  #: Counters; read only
    SIDE = (
        4  #: the side network's states, two words a block, the low and then the high bytes; recurrent only, read only
    )
    # The rest only in a machine with a pulse unit (model/link/pulses.py).
    DEVICE = 5  #: PulseRegisters
    STEPS = 6  #: the step tables, four bytes an entry; write only
    STUCK = 7  #: a word for each of WEIGHTS, whose bytes are 1 where the cell is stuck; write only
    PULSES = 8  #: each matrix's counters of pulses, 16 bytes a matrix; read only
    PROGRAM = 9  #: PulseRequest, executed when its last byte is written; write only


#: Spaces whose words are ``lanes`` bytes; those that cannot be written; those that cannot be read.
WIDE = (Space.WEIGHTS, Space.STATES, Space.SIDE, Space.STUCK)
READ_ONLY = (Space.STATES, Space.COUNTERS, Space.SIDE, Space.PULSES)
WRITE_ONLY = (Space.STEPS, Space.STUCK, Space.PROGRAM)
#: Bytes of an entry of STEPS, and of a matrix's counters in PULSES.
STEP_BYTES, PULSE_BYTES = 4, 16
#: Bytes of DEVICE and of PROGRAM.
DEVICE_BYTES, REQUEST_BYTES = 12, 5


@dataclass(frozen=True)
class Record:
    """Base of the fixed-size records: fields with a width in bytes each, little-endian, packed."""

    @classmethod
    def widths(cls) -> dict[str, int]:
        """Field names with their widths in bytes, in order."""
        return {item.name: item.metadata["bytes"] for item in dataclasses.fields(cls)}

    @classmethod
    def size(cls) -> int:
        """Bytes of the packed record."""
        return sum(cls.widths().values())

    def pack(self) -> bytes:
        """The record as bytes."""
        return b"".join(int(getattr(self, name)).to_bytes(width, "little") for name, width in self.widths().items())

    @classmethod
    def unpack(cls, data: bytes):  # type: ignore[no-untyped-def]
        """The record from its bytes; the caller has checked the length."""
        values, at = {}, 0
        for name, width in cls.widths().items():
            values[name] = int.from_bytes(data[at : at + width], "little")
            at += width
        return cls(**values)


def number_bytes(width: int) -> int:
    """A field of a Record: a number of so many bytes."""
    return dataclasses.field(default=0, metadata={"bytes": width})


@dataclass(frozen=True)
class LearnReply(Record):
    """What one learnt pattern reports: steps of both phases, the machine's clocks, the LFSR after it."""

    free_steps: int = number_bytes(1)
    nudged_steps: int = number_bytes(1)
    clocks: int = number_bytes(4)
    lfsr: int = number_bytes(4)


@dataclass(frozen=True)
class RecallReply(Record):
    """What one recall reports before the sign words: steps with the input on and off, the machine's clocks."""

    driven_steps: int = number_bytes(1)
    released_steps: int = number_bytes(1)
    clocks: int = number_bytes(4)


@dataclass(frozen=True)
class SettingsRegisters(Record):
    """Space.SETTINGS: the run-time settings and the LFSR's value (never zero)."""

    free_steps: int = number_bytes(1)
    nudged_steps: int = number_bytes(1)
    driven_steps: int = number_bytes(1)
    released_steps: int = number_bytes(1)
    update_shift_0: int = number_bytes(1)
    update_shift_1: int = number_bytes(1)
    update_shift_2: int = number_bytes(1)
    update_shift_3: int = number_bytes(1)
    update_shift_4: int = number_bytes(1)
    tolerance: int = number_bytes(1)
    stop_when_settled: int = number_bytes(1)
    feedforward: int = number_bytes(1)
    skip: int = number_bytes(1)
    rule: int = number_bytes(1)
    lfsr: int = number_bytes(4)

    @classmethod
    def used_bits(cls, spec: MachineSpec) -> dict[str, int]:
        """Bits of each register that the machine has, the LFSR apart; the others read as 0."""
        shifts = {f"update_shift_{number}": 3 for number in range(len(spec.matrices))}
        flags = ("skip",) if spec.recurrent else ("skip", "feedforward")
        steps = {"free_steps": 8, "nudged_steps": 8, "driven_steps": 8, "released_steps": 8 if spec.recurrent else 0}
        used = {**steps, **shifts, "tolerance": 7, "stop_when_settled": 1, **dict.fromkeys(flags, 1)}
        used["rule"] = code_bits(spec.topology.name)
        return {name: used.get(name, 0) for name in cls.widths() if name != "lfsr"}

    @classmethod
    def of(cls, spec: MachineSpec, settings: Settings, lfsr: int) -> "SettingsRegisters":
        """The registers' values for ``settings``."""
        used = [shift - matrix.shift_base for shift, matrix in zip(settings.eta_shifts, spec.matrices, strict=True)]
        shift_0, shift_1, shift_2, shift_3, shift_4 = [*used, 0, 0, 0, 0][:MATRICES]
        return cls(
            settings.free_steps,
            settings.nudged_steps,
            settings.driven_steps,
            settings.released_steps,
            shift_0,
            shift_1,
            shift_2,
            shift_3,
            shift_4,
            settings.tolerance,
            int(settings.stop_when_settled),
            int(settings.feedforward),
            int(settings.skip),
            RULES[settings.rule].code,
            lfsr,
        )

    def settings(self, spec: MachineSpec) -> Settings:
        """The settings that the registers stand for."""
        shifts = (
            self.update_shift_0,
            self.update_shift_1,
            self.update_shift_2,
            self.update_shift_3,
            self.update_shift_4,
        )
        return Settings(
            self.free_steps,
            self.nudged_steps,
            self.driven_steps,
            self.released_steps,
            tuple(
                shift % UPDATE_SHIFTS + matrix.shift_base for shift, matrix in zip(shifts, spec.matrices, strict=False)
            ),
            self.tolerance & 127,
            bool(self.stop_when_settled & 1),
            bool(self.feedforward & 1),
            bool(self.skip & 1),
            rule_of(self.rule, spec.topology.name).name,
        )


@dataclass(frozen=True)
class Counters(Record):
    """Space.COUNTERS: counts since power-up; all wrap around."""

    clocks: int = number_bytes(6)  #: every clock
    busy_clocks: int = number_bytes(6)  #: clocks spent learning or recalling
    steps: int = number_bytes(4)  #: Euler steps
    learnt: int = number_bytes(4)  #: patterns learnt
    recalled: int = number_bytes(4)  #: patterns recalled
    rows_skipped: int = number_bytes(6)  #: words of zero inputs that were neither read nor programmed
    updates_skipped: int = number_bytes(4)  #: updates left out, as no nudged step had changed a state
    frames: int = number_bytes(4)  #: frames received whole
    refused: int = number_bytes(2)  #: requests refused, damaged ones included
    repeated: int = number_bytes(2)  #: requests answered from the cache
    dropped: int = number_bytes(2)  #: frames that found no free buffer


@dataclass(frozen=True)
class Identity:
    """The ID block: who is at the other end of the link."""

    FORMAT = "<4sBBH8sHBBIII"

    version: int
    window: int
    frame_bytes: int
    spec_hash: str
    neurons: int
    lanes: int
    weight_bits: int
    words: int
    clock_hz: int
    baud: int

    @classmethod
    def of(cls, spec: MachineSpec) -> "Identity":
        """The ID block of a machine."""
        return cls(
            VERSION,
            WINDOW,
            frame_bytes(spec),
            spec.spec_hash,
            spec.neurons,
            spec.lanes,
            spec.weight.bits,
            spec.layout.words,
            spec.clock_hz,
            spec.baud,
        )

    def pack(self) -> bytes:
        """The block as the machine sends it."""
        return struct.pack(
            self.FORMAT,
            MAGIC,
            self.version,
            self.window,
            self.frame_bytes,
            bytes.fromhex(self.spec_hash),
            self.neurons,
            self.lanes,
            self.weight_bits,
            self.words,
            self.clock_hz,
            self.baud,
        )

    @classmethod
    def size(cls) -> int:
        """Bytes of the packed block."""
        return struct.calcsize(cls.FORMAT)

    @classmethod
    def unpack(cls, data: bytes) -> "Identity | None":
        """The block from its bytes; None if they are no ID block at all (the magic or the size is wrong)."""
        if len(data) != cls.size() or data[:4] != MAGIC:
            return None
        _, version, window, size, digest, *rest = struct.unpack(cls.FORMAT, data)
        return cls(version, window, size, digest.hex(), *rest)


# -- frames ------------------------------------------------------------------------------------------------------


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


# -- spaces ------------------------------------------------------------------------------------------------------


def space_words(spec: MachineSpec) -> dict[Space, int]:
    """Words of each space that the machine has, in the order of their codes."""
    layout = spec.layout
    sizes = {
        Space.WEIGHTS: layout.words,
        Space.STATES: layout.blocks,
        Space.SETTINGS: SettingsRegisters.size(),
        Space.COUNTERS: Counters.size(),
        Space.SIDE: 2 * layout.blocks if spec.recurrent else 0,
    }
    if spec.pulses:
        sizes |= {
            Space.DEVICE: DEVICE_BYTES,
            Space.STEPS: 2 * STEP_BYTES << spec.weight.bits,
            Space.STUCK: layout.words,
            Space.PULSES: PULSE_BYTES * len(spec.matrices),
            Space.PROGRAM: REQUEST_BYTES,
        }
    return sizes


# -- patterns ----------------------------------------------------------------------------------------------------


def block_bytes(spec: MachineSpec) -> int:
    """Bytes of one block's bits on the link: the lanes, rounded up to whole bytes."""
    return -(-spec.lanes // 8)


def pattern_bytes(spec: MachineSpec) -> int:
    """Bytes of one bit for every neuron on the link."""
    return spec.layout.blocks * block_bytes(spec)


def target_blocks(spec: MachineSpec) -> range:
    """Blocks of neurons that have a target: all of a recurrent layer, the outputs' of a layered machine."""
    return spec.layout.layer_blocks[-1]


def target_bytes(spec: MachineSpec) -> int:
    """Bytes of one target on the link."""
    return len(target_blocks(spec)) * block_bytes(spec)


def input_bytes(spec: MachineSpec) -> int:
    """Bytes of one input on the link: one bit a neuron, or a layered machine's pixels, packed."""
    return pattern_bytes(spec) if spec.recurrent else -(-spec.inputs * spec.pixel_bits // 8)


def pack_pattern(spec: MachineSpec, pattern: NDArray[np.bool_]) -> bytes:
    """A pattern (neurons,), True white, as bytes: each block starts at a byte, lane c is bit c % 8 of byte c // 8."""
    blocks = spec.layout.to_blocks(np.asarray(pattern, np.uint8))
    return bytes(np.packbits(blocks, axis=1, bitorder="little"))


def unpack_pattern(spec: MachineSpec, data: bytes) -> NDArray[np.bool_]:
    """The inverse of ``pack_pattern``."""
    layout = spec.layout
    rows = np.frombuffer(data, np.uint8).reshape(layout.blocks, block_bytes(spec))
    bits = np.unpackbits(rows, axis=1, bitorder="little")[:, : spec.lanes]
    return layout.from_blocks(bits).astype(np.bool_)


def pack_target(spec: MachineSpec, target: NDArray[np.bool_]) -> bytes:
    """A target (outputs,), True white or 1, as bytes: packed as a pattern's last blocks."""
    pattern = np.zeros(spec.neurons, np.bool_)
    pattern[spec.neurons - spec.outputs :] = target
    return pack_pattern(spec, pattern)[-target_bytes(spec) :]


def unpack_target(spec: MachineSpec, data: bytes) -> NDArray[np.bool_]:
    """The inverse of ``pack_target``."""
    before = bytes(pattern_bytes(spec) - len(data))
    return unpack_pattern(spec, before + data)[spec.neurons - spec.outputs :]


def unpack_input(spec: MachineSpec, data: bytes) -> NDArray[np.bool_] | NDArray[np.uint8]:
    """An input from its bytes: a pattern (neurons,), or a layered machine's pixels (inputs,)."""
    return unpack_pattern(spec, data) if spec.recurrent else unpack_pixels(spec, data)


def pack_pixels(spec: MachineSpec, pixels: NDArray[np.uint8]) -> bytes:
    """A layered machine's input (inputs,), 0 to 2**pixel_bits - 1 each, as bytes: the first pixel lies lowest."""
    per_byte = 8 // spec.pixel_bits
    padded = np.zeros(input_bytes(spec) * per_byte, np.uint8)
    padded[: spec.inputs] = pixels
    shifts = np.arange(per_byte, dtype=np.uint8) * spec.pixel_bits
    return bytes(np.bitwise_or.reduce(padded.reshape(-1, per_byte) << shifts, axis=1).astype(np.uint8))


def unpack_pixels(spec: MachineSpec, data: bytes) -> NDArray[np.uint8]:
    """The inverse of ``pack_pixels``."""
    shifts = np.arange(8 // spec.pixel_bits, dtype=np.uint8) * spec.pixel_bits
    spread = np.frombuffer(data, np.uint8)[:, None] >> shifts & ((1 << spec.pixel_bits) - 1)
    pixels: NDArray[np.uint8] = spread.reshape(-1)[: spec.inputs].astype(np.uint8)
    return pixels


def frame_bytes(spec: MachineSpec) -> int:
    """Bytes of one frame buffer: op, sequence number, payload and CRC of any frame fit; a power of two."""
    learn, recall = input_bytes(spec) + target_bytes(spec), RecallReply.size() + 1 + pattern_bytes(spec)
    longest = max(learn, ACCESS_BYTES + spec.lanes, recall)
    return max(256, 1 << (2 + longest + CRC_BYTES - 1).bit_length())
