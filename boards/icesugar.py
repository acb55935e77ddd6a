"""iCESugar: the iCEBreaker's FPGA with another USB chip, which shows the board as a drive."""

from dataclasses import replace

from amaranth_boards.icesugar import ICESugarPlatform

from ohmprop.boards.description import UsbSerial
from ohmprop.boards.icebreaker import ICEBREAKER

BOARDS = (
    replace(
        ICEBREAKER,
        name="icesugar",
        title="iCESugar (Lattice iCE40UP5K)",
        platform=ICESugarPlatform,
        baud=1_000_000,
        usb=UsbSerial("iCELink", 1_000_000),
        cable="",
        drive="iCELink",
        estimated_as=ICEBREAKER.name,
    ),
)
