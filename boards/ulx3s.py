"""ULX3S-85F: a Lattice ECP5 with 83,640 logic cells, whose block RAMs hold the weights."""

import os

from amaranth import Elaboratable, Instance, Module, Signal
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from ohmprop.boards.description import Board, Resources
from ohmprop.model.errors import UserError

#: The oscillator on the board, and the range of the PLL's own oscillator, in Hz.
CRYSTAL = 25_000_000
VCO = 400_000_000, 800_000_000

#: What Yosys does before synthesis. Registers that hold the same stay apart where they were meant to (hw/units/pipeline.py),
#: and the neurons' shallow and wide memories lie in LUTs, since the weights take nearly all block RAMs; tables of tanh are
#: deep. Names with brackets are hidden: Yosys 0.70 takes a word ``o[10]`` for bit 10 of ``o``.
PREPARE = """
proc
rename -hide w:*[[]*
setattr -set keep 1 a:keep %ci1 t:$dff* %i
setattr -set ram_style "distributed" *.neurons*/t:$mem* *.crossbar/r:MEMID=*drive %u */r:MEMID=*tanh %d
"""


def divisors(clock_hz: int) -> tuple[int, int]:
    """``feedback`` and ``divider`` (1 to 128) of the PLL: clock = CRYSTAL / 5 * feedback, its oscillator divided by ``divider``.

    Raises UserError if it cannot make this clock.
    """
    settings = [divider for divider in range(1, 129) if VCO[0] <= clock_hz * divider <= VCO[1]]
    if not settings or clock_hz % (CRYSTAL // 5):
        raise UserError(
            f"The PLL of the ULX3S cannot make {clock_hz / 1e6:g} MHz from 25 MHz; give a multiple of 5 MHz from 5 to 400."
        )
    return clock_hz // (CRYSTAL // 5), settings[len(settings) // 2]


class Clock(Elaboratable):
    """The machine's clock from EHXPLLL, with what ``divisors`` gives.

    Members
    -------
    clk : the clock.
    locked : it is steady.
    """

    def __init__(self, feedback: int, divider: int):
        self.clk, self.locked = Signal(), Signal()
        self.feedback, self.divider = feedback, divider

    def elaborate(self, platform):
        m = Module()
        feedback = Signal()
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_CLKI_DIV=5,
            p_CLKFB_DIV=self.feedback,
            p_CLKOP_DIV=self.divider,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_CPHASE=self.divider - 1,
            p_CLKOP_FPHASE=0,
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=platform.request("clk25", dir="i").i,
            i_CLKFB=feedback,
            i_RST=0,
            i_STDBY=0,
            i_PHASESEL0=0,
            i_PHASESEL1=0,
            i_PHASEDIR=0,
            i_PHASESTEP=0,
            i_PHASELOADREG=0,
            i_PLLWAKESYNC=0,
            i_ENCLKOP=1,
            o_CLKOP=feedback,
            o_LOCK=self.locked,
        )
        m.d.comb += self.clk.eq(feedback)
        return m


def _platform():
    # The platform asks for this program even if nothing is to be programmed.
    os.environ.setdefault("OPENFPGALOADER", "true")
    return ULX3S_85F_Platform()


BOARD = Board(
    name="ulx3s",
    title="ULX3S-85F (Lattice ECP5)",
    family="ecp5",
    platform=_platform,
    clock=lambda clock_hz: Clock(*divisors(clock_hz)),
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
    options={"script_after_read": PREPARE},
)
