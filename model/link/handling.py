"""What a board does between two learnt patterns: it takes in the next one's bytes, and replies."""

from ohmprop.model.link.packing import input_bytes, target_bytes
from ohmprop.model.spec import MachineSpec

#: Clocks of a byte of a pattern: it is fetched, then loaded.
BYTE = 2
#: Clocks from the end of a pattern to the first byte of the next one, with its reply of 13 bytes, and from its last byte to the
#: machine's first clock.
TURNAROUND = 36


def handling_clocks(spec: MachineSpec, pixel_bits: int | None = None) -> int:
    """Clocks from the end of a learnt pattern to the begin of the next, whose frame waits already.

    A byte of pixels is taken apart, a clock for each pixel. ``pixel_bits`` are the machine's own unless others are asked for.
    """
    if spec.recurrent:
        return BYTE * (input_bytes(spec) + target_bytes(spec)) + TURNAROUND
    bits = pixel_bits or spec.pixel_bits
    return -(-spec.inputs * bits // 8) * (BYTE + 8 // bits) + BYTE * target_bytes(spec) + TURNAROUND
