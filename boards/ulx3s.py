"""ULX3S-85F: a Lattice ECP5 with 83,640 logic cells, whose block RAMs hold the weights."""

from amaranth_boards.ulx3s import ULX3S_85F_Platform

from ohmprop.boards.description import BoardDescription, Resources
from ohmprop.boards.families.ecp5 import ECP5
from ohmprop.boards.families.family import Oscillator

BOARD = BoardDescription(
    name="ulx3s",
    title="ULX3S-85F (Lattice ECP5)",
    family=ECP5,
    platform=ULX3S_85F_Platform,
    oscillator=Oscillator("clk25", 25_000_000),
    led_busy=("led", 0),
    led_refused=("led", 1),
    clock_hz=75_000_000,
    baud=3_000_000,
    lanes=64,
    serial=False,
    memory_bytes=208 * 2048,
    resources=Resources(luts=83_640, multipliers=156, block_rams=208, block_ram_bits=16_384),
    machines=("mnist-784-500-10",),
    cable="ulx3s",
)
