"""What a board does between learnt patterns: it takes in the next one's bytes, and replies."""

from ohmprop.model.link.frames import REPLY_BYTES
from ohmprop.model.link.packing import input_bytes, target_bytes
from ohmprop.model.link.records import LearnReply
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SLOT_BYTES

#: Clocks of a byte of a pattern: it is fetched, then loaded.
BYTE = 2
#: Clocks from the end of a pattern to the first byte of the next one, with its reply of 13 bytes, and from its last byte to the
#: machine's first clock.
TURNAROUND = 36
#: Clocks of a frame of stored patterns beside the first one's way out of the store, and of each pattern beside its reply's bytes.
STORED_FRAME, STORED_PATTERN = 46, 10
#: Clocks of a frame of sparse patterns beside those of bytes, and of each of its patterns.
FRAME, RECORD = 11, 7


def handling_clocks(spec: MachineSpec, pixel_bits: int | None = None) -> int:
    """Clocks from the end of a learnt pattern to the begin of the next, whose frame waits already.

    A byte of pixels is taken apart while the next one is fetched, a clock for each pixel. ``pixel_bits`` are the machine's own
    unless others are asked for.
    """
    turn = 1 if spec.store else 0
    apart = 0 if spec.recurrent else 8 // (pixel_bits or spec.pixel_bits)
    return input_bytes(spec, pixel_bits) * max(BYTE, apart) + target_bytes(spec) * BYTE + TURNAROUND + turn


def sparse_clocks(spec: MachineSpec, records: int, size: int) -> int:
    """Clocks of a frame of ``records`` sparse patterns, ``size`` bytes in all, beside those of learning them.

    From the end of the last pattern of such a frame to that of the next, which waits already. A byte, which is two nibbles, is
    taken apart while the next one is fetched; the reply, always of one length, takes two clocks for each byte.
    """
    return FRAME + BYTE * (REPLY_BYTES + size + records * target_bytes(spec)) + RECORD * records


def stored_clocks(spec: MachineSpec, patterns: int, slots: int, first: int) -> int:
    """Clocks of a frame of stored patterns beside those of learning them, each loaded by the end of the one before.

    Of the first, of ``first`` bytes in ``slots`` slots, nothing is hidden; an SDRAM takes a few clocks more for it. Between two
    patterns a reply's bytes go into their CRC while a target's go to the machine.
    """
    out_of_store = SLOT_BYTES // 2 * slots + BYTE * (first + REPLY_BYTES)
    between = max(LearnReply.size() + 1, target_bytes(spec))
    return STORED_FRAME + out_of_store + patterns * (STORED_PATTERN + between)
