"""ECPIX-5: a Lattice ECP5-5G of 85F behind an FT2232H, which carries four times as much as the ULX3S's chip."""

from dataclasses import replace

from amaranth_boards.ecpix5 import ECPIX585Platform

from ohmprop.boards.description import UsbSerial
from ohmprop.boards.families.family import Oscillator
from ohmprop.boards.ulx3s import LARGEST

BOARDS = (
    replace(
        LARGEST,
        name="ecpix5",
        title="ECPIX-5 (Lattice ECP5-5G, 85F)",
        platform=ECPIX585Platform,
        oscillator=Oscillator("clk100", 100_000_000),
        led_busy=("rgb_led", 0, "g"),
        led_refused=("rgb_led", 1, "r"),
        # The PLL makes multiples of 20 MHz of this oscillator's.
        clock_hz=60_000_000,
        baud=8_000_000,
        usb=UsbSerial("FT2232H", 12_000_000),
        # Place and route of mnist-784-500-10 takes more than an hour for this speed grade.
        machines=("mnist-784-128-10",),
        cable="ecpix5",
        store=0,
        estimated_as=LARGEST.name,
    ),
)
