"""iCEBreaker: a Lattice iCE40UP5K with 5,280 logic cells, whose four single-port memories hold the weights."""

from amaranth_boards.icebreaker import ICEBreakerPlatform

from ohmprop.boards.description import BoardDescription, Resources, UsbSerial
from ohmprop.boards.families.family import Oscillator
from ohmprop.boards.families.ice40 import ICE40

ICEBREAKER = BoardDescription(
    name="icebreaker",
    title="iCEBreaker (Lattice iCE40UP5K)",
    family=ICE40,
    platform=ICEBreakerPlatform,
    oscillator=Oscillator("clk12", 12_000_000),
    led_busy=("led_g", 0),
    led_refused=("led_r", 0),
    clock_hz=30_000_000,
    baud=3_000_000,
    usb=UsbSerial("FT2232H", 12_000_000),
    lanes=8,
    serial=True,
    memory_bytes=1 << 17,
    resources=Resources(luts=5280, multipliers=8, block_rams=30, block_ram_bits=4096, spram_bytes=1 << 17),
    machines=("mnist-784-128-10", "glyphs-100"),
    cable="ice40_generic",
)

BOARDS = (ICEBREAKER,)
