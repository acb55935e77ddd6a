"""Patterns, targets and pixels as bytes, and how many bytes they take."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.link.frames import ACCESS_BYTES, CRC_BYTES
from ohmprop.model.link.records import RecallReply
from ohmprop.model.spec import MachineSpec

#: Most bits of a weight: a cell is one byte on the link.
LINK_BITS = 8


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


def input_bytes(spec: MachineSpec, pixel_bits: int | None = None) -> int:
    """Bytes of one input on the link: one bit per neuron, or a layered machine's pixels, packed.

    ``pixel_bits`` are the machine's own unless others are asked for.
    """
    return pattern_bytes(spec) if spec.recurrent else -(-spec.inputs * (pixel_bits or spec.pixel_bits) // 8)


def split_words(spec: MachineSpec, words: NDArray[np.int16]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Whole weights (any shape) as the multipliers have them, rounded to the nearest, ties upwards, and what that leaves.

    The second part, of ``fine_bits`` signed bits, is 0 in a machine without fine bits.
    """
    fine = spec.fine_bits
    rounded = words.astype(np.int32) + ((1 << fine) >> 1) >> fine
    return rounded.astype(np.int8), (words - (rounded << fine)).astype(np.int8)


def join_words(spec: MachineSpec, rounded: NDArray[np.int8], rest: NDArray[np.int8]) -> NDArray[np.int16]:
    """The inverse of ``split_words``; of ``rest`` only the lowest ``fine_bits`` count."""
    half = (1 << spec.fine_bits) >> 1
    signed = (rest.astype(np.int16) + half) % (1 << spec.fine_bits) - half
    return (rounded.astype(np.int16) << spec.fine_bits) + signed


def pack_factors(spec: MachineSpec, factors: NDArray[np.int8]) -> NDArray[np.int8]:
    """Factors of a crossbar's wires (neurons, neurons) as the words of Space.FACTORS (words, lanes)."""
    words = np.zeros((spec.layout.words, spec.lanes), np.int8)
    words[:, : spec.neurons] = factors
    return words


def unpack_factors(spec: MachineSpec, data: bytes) -> NDArray[np.int8]:
    """The factors (neurons, neurons) of those words' bytes; a copy."""
    return np.frombuffer(data, np.int8).reshape(-1, spec.lanes)[:, : spec.neurons].copy()


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


def pack_input(spec: MachineSpec, pattern: NDArray[Any]) -> bytes:
    """An input as bytes: a pattern (neurons,), or a layered machine's pixels (inputs,)."""
    return pack_pattern(spec, pattern) if spec.recurrent else pack_pixels(spec, pattern)


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
