"""What a board does between learnt patterns: it takes in the next one's bytes, and replies."""

from ohmprop.model.link.packing import input_bytes, target_bytes
from ohmprop.model.link.sparse import REPLY_BYTES
from ohmprop.model.spec import MachineSpec

#: Clocks of a byte of a pattern: it is fetched, then loaded.
BYTE = 2
#: Clocks from the end of a pattern to the first byte of the next one, with its reply of 13 bytes, and from its last byte to the
#: machine's first clock.
TURNAROUND = 36
#: Clocks of a frame of sparse patterns beside those of bytes, and of each of its patterns.
FRAME, RECORD = 11, 7


def handling_clocks(spec: MachineSpec, pixel_bits: int | None = None) -> int:
    """Clocks from the end of a learnt pattern to the begin of the next, whose frame waits already.

    A byte of pixels is taken apart while the next one is fetched, a clock for each pixel. ``pixel_bits`` are the machine's own
    unless others are asked for.
    """
    apart = 0 if spec.recurrent else 8 // (pixel_bits or spec.pixel_bits)
    return input_bytes(spec, pixel_bits) * max(BYTE, apart) + target_bytes(spec) * BYTE + TURNAROUND


def sparse_clocks(spec: MachineSpec, records: int, size: int) -> int:
    """Clocks of a frame of ``records`` sparse patterns, ``size`` bytes in all, beside those of learning them.

    From the end of the last pattern of such a frame to that of the next, which waits already. A byte, which is two nibbles, is
    taken apart while the next one is fetched; the reply, always of one length, takes two clocks for each byte.
    """
    return FRAME + BYTE * (REPLY_BYTES + size + records * target_bytes(spec)) + RECORD * records
