"""ULX3S: one board with a Lattice ECP5 of four sizes, whose block RAMs hold the weights.

The 12F is the 25F's die. Open tools use all of it; Lattice promises half. All have an SDRAM, whose pins lie at one edge of the
die; on the 85F, with nearly all of its block RAMs taken, ways are too long, so that its machines keep patterns only if their
files say so.
"""

from dataclasses import replace

from amaranth_boards.ulx3s import ULX3S_12F_Platform, ULX3S_25F_Platform, ULX3S_45F_Platform, ULX3S_85F_Platform

from ohmprop.boards.description import BoardDescription, Resources, UsbSerial
from ohmprop.boards.families.ecp5 import BLOCK_RAM_BITS, ECP5
from ohmprop.boards.families.family import Oscillator
from ohmprop.model.spec.fields import SDRAM_BYTES

LARGEST = BoardDescription(
    name="ulx3s",
    title="ULX3S-85F (Lattice ECP5)",
    family=ECP5,
    platform=ULX3S_85F_Platform,
    oscillator=Oscillator("clk25", 25_000_000),
    led_busy=("led", 0),
    led_refused=("led", 1),
    clock_hz=75_000_000,
    baud=3_000_000,
    usb=UsbSerial("FT231X", 3_000_000),
    lanes=64,
    serial=False,
    memory_bytes=208 * BLOCK_RAM_BITS // 8,
    resources=Resources(luts=83_640, multipliers=156, block_rams=208, block_ram_bits=BLOCK_RAM_BITS),
    machines=("mnist-784-500-10",),
    cable="ulx3s",
    store=SDRAM_BYTES,
)


def smaller(
    size: str, platform: type, lanes: int, luts: int, multipliers: int, block_rams: int, keeps: bool
) -> BoardDescription:
    """The board with a smaller FPGA, as its name ends."""
    return replace(
        LARGEST,
        name=f"ulx3s-{size.lower()}",
        title=f"ULX3S-{size} (Lattice ECP5)",
        platform=platform,
        lanes=lanes,
        memory_bytes=block_rams * BLOCK_RAM_BITS // 8,
        resources=Resources(luts, multipliers, block_rams, BLOCK_RAM_BITS),
        machines=("mnist-784-128-10",),
        keeps=keeps,
        estimated_as=LARGEST.name,
    )


BOARDS = (
    smaller("12F", ULX3S_12F_Platform, 26, 24_288, 28, 56, keeps=True),
    smaller("25F", ULX3S_25F_Platform, 26, 24_288, 28, 56, keeps=True),
    smaller("45F", ULX3S_45F_Platform, 64, 43_848, 72, 108, keeps=True),
    LARGEST,
)
