"""Sparse patterns: a class and its pixels of four bits, of which runs of zeros take little (docs/protocol.md)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.link.frames import REPLY_BYTES
from ohmprop.model.link.records import LearnReply
from ohmprop.model.spec import MachineSpec

#: Patterns of a LEARN_SPARSE, since the replies to all of them must fit.
MOST_PATTERNS = REPLY_BYTES // LearnReply.size()
#: A digit of a run that is followed by another one; smaller ones end it.
LONGEST = 15


@dataclass(frozen=True)
class Sparse:
    """A record: the class, and pixels (inputs,) of 0 to 15."""

    label: int
    pixels: NDArray[np.uint8]

    def pack(self) -> bytes:
        """The record as bytes: the class, then nibbles, the lower one of a byte first.

        A pixel that is not zero is its own nibble. A run of zeros is a 0 and its length in digits, of which those of 15 are
        followed by another. The zeros at the end are not sent: 0 and an empty run end the record.
        """
        places = np.flatnonzero(self.pixels)
        runs = np.diff(places, prepend=-1) - 1
        digits = np.where(runs > 0, 2 + runs // LONGEST, 0)
        ends = np.cumsum(digits + 1)
        count = int(ends[-1]) if len(places) else 0
        # The digits but the last of each run remain as they are here; the record ends with two zeros, and in a whole byte.
        nibbles = np.full(count + 2 + count % 2, LONGEST, np.uint8)
        nibbles[count:] = 0
        led = runs > 0
        nibbles[(ends - 1 - digits)[led]] = 0
        nibbles[(ends - 2)[led]] = (runs % LONGEST)[led]
        nibbles[ends - 1] = self.pixels[places]
        return bytes([self.label]) + (nibbles[::2] | nibbles[1::2] << 4).tobytes()


def unpack_sparse(spec: MachineSpec, payload: bytes) -> list[Sparse] | None:
    """The records of a payload, one to MOST_PATTERNS; None if there are none or more, one is cut short, or one has a class or
    more pixels than the machine has."""
    found = split_sparse(spec, payload)
    return [record for record, _ in found] if found else None


def split_sparse(spec: MachineSpec, payload: bytes) -> list[tuple[Sparse, bytes]] | None:
    """As `unpack_sparse`, each record with its bytes."""
    found: list[tuple[Sparse, bytes]] = []
    at = 0
    while at < len(payload):
        label, pixels = payload[at], np.zeros(spec.inputs, np.uint8)
        end = _unpack_pixels(payload, at + 1, pixels)
        if end is None or label >= spec.outputs or len(found) == MOST_PATTERNS:
            return None
        found.append((Sparse(label, pixels), payload[at:end]))
        at = end
    return found or None


def _unpack_pixels(payload: bytes, at: int, pixels: NDArray[np.uint8]) -> int | None:
    """Set ``pixels`` by the nibbles from byte ``at`` on; where the record ends, or None if it does not, or has too many."""
    place, digits = 0, -1  # digits of the run so far; -1 outside of one
    for number, byte in enumerate(payload[at:], at + 1):
        for nibble in (byte & 15, byte >> 4):
            if digits < 0 and nibble:
                if place < len(pixels):
                    pixels[place] = nibble
                place += 1
            elif digits < 0:
                digits = 0
            elif nibble == LONGEST:
                digits, place = digits + 1, place + LONGEST
            elif digits == 0 and nibble == 0:
                return number if place <= len(pixels) else None
            else:
                digits, place = -1, place + nibble
    return None
