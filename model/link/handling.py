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
    apart = 0 if spec.recurrent else 8 // (pixel_bits or spec.pixel_bits)
    return input_bytes(spec, pixel_bits) * (BYTE + apart) + target_bytes(spec) * BYTE + TURNAROUND
