"""Tang Nano 9K: a Gowin GW1NR-9 with 8,640 LUTs, whose block RAMs hold the weights."""

from amaranth_boards.tang_nano_9k import TangNano9kPlatform

from ohmprop.boards.description import BoardDescription, Resources, UsbSerial
from ohmprop.boards.families.family import Oscillator
from ohmprop.boards.families.gowin import GOWIN

BOARDS = (
    BoardDescription(
        name="tangnano9k",
        title="Tang Nano 9K (Gowin GW1NR-9)",
        family=GOWIN,
        platform=lambda: TangNano9kPlatform(toolchain="Apicula"),
        oscillator=Oscillator("clk27", 27_000_000),
        led_busy=("led", 0),
        led_refused=("led", 1),
        clock_hz=54_000_000,
        baud=1_000_000,
        usb=UsbSerial("BL702", 2_000_000),
        lanes=8,
        serial=True,
        memory_bytes=26 * 2048,
        resources=Resources(luts=8_640, multipliers=20, block_rams=26, block_ram_bits=18_432),
        machines=("mnist-196-128-5",),
        cable="tangnano9k",
    ),
)
