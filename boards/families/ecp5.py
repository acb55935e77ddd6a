"""Lattice ECP5: its PLL, and what its tools must be asked for."""

import os
from typing import Any

from amaranth import Elaboratable, Instance, Module, Signal

from ohmprop.boards.design import Memory
from ohmprop.boards.families.family import Family

BLOCK_RAM_BITS = 16_384
#: Range of the PLL's own oscillator, in Hz, and what divides the crystal.
VCO = 400_000_000, 800_000_000
REFERENCE = 5

#: What Yosys does before synthesis. Registers that hold the same stay apart where they were meant to (hw/units/pipeline.py),
#: and the neurons' shallow and wide memories lie in LUTs, since the weights take nearly all block RAMs; tables of tanh are
#: deep. Names with brackets are hidden: Yosys 0.70 takes a word ``o[10]`` for bit 10 of ``o``.
PREPARE = """
proc
rename -hide w:*[[]*
setattr -set keep 1 a:keep %ci1 t:$dff* %i
setattr -set ram_style "distributed" *.neurons*/t:$mem* *.crossbar/r:MEMID=*drive %u */r:MEMID=*tanh %d
"""


def settings(crystal_hz: int, clock_hz: int) -> tuple[int, int] | None:
    """``feedback`` and ``divider`` (1 to 128): clock = crystal / REFERENCE * feedback, the PLL's oscillator / ``divider``."""
    dividers = [divider for divider in range(1, 129) if VCO[0] <= clock_hz * divider <= VCO[1]]
    feedback, rest = divmod(clock_hz * REFERENCE, crystal_hz)
    return None if rest or not dividers else (feedback, dividers[len(dividers) // 2])


class Clock(Elaboratable):
    """The machine's clock from EHXPLLL.

    Members
    -------
    clk : the clock.
    quarter : the same, a quarter of a clock later.
    locked : it is steady.
    """

    def __init__(self, pin: str, chosen: tuple[int, int]):
        self.clk, self.quarter, self.locked = Signal(), Signal(), Signal()
        self.pin = pin
        self.feedback, self.divider = chosen

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        feedback = Signal()
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_CLKI_DIV=REFERENCE,
            p_CLKFB_DIV=self.feedback,
            p_CLKOP_DIV=self.divider,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_CPHASE=self.divider - 1,
            p_CLKOP_FPHASE=0,
            p_CLKOS_DIV=self.divider,
            p_CLKOS_ENABLE="ENABLED",
            # Whole clocks of the PLL's oscillator, and eighths.
            p_CLKOS_CPHASE=self.divider - 1 + self.divider // 4,
            p_CLKOS_FPHASE=2 * (self.divider % 4),
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=platform.request(self.pin, dir="i").i,
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
            o_CLKOS=self.quarter,
            o_LOCK=self.locked,
        )
        m.d.comb += self.clk.eq(feedback)
        return m


def prepare() -> None:
    """The platforms of ECP5 boards ask for this program even if nothing is to be programmed."""
    os.environ.setdefault("OPENFPGALOADER", "true")


#: Bits up to which a table is made of LUTs.
TABLE_BITS = 2048
#: Up to here four times the number of 16 x 4 bits of distributed RAM, as Yosys weighs them, is less than a block RAM.
DISTRIBUTED = 16


def in_logic(memory: Memory) -> bool:
    """What PREPARE says is distributed, small memories and small tables."""
    if memory.forced:
        return False
    # The weights' words are kept in a register at once, so that their memories count as clocked.
    clocked = memory.clocked or memory.name.startswith("cells")
    if (".neurons" in memory.module and memory.name != "tanh") or memory.name == "drive" or not clocked:
        return True
    if not memory.written:
        return memory.bits <= TABLE_BITS
    return -(-memory.depth // 16) * -(-memory.width // 4) < DISTRIBUTED


ECP5 = Family(
    tools=("yosys", "nextpnr-ecp5", "ecppack"),
    cells={
        "luts": (r"LUT4|CCU2C", "TRELLIS_COMB"),
        "flip_flops": (r"TRELLIS_FF", "TRELLIS_FF"),
        "multipliers": (r"MULT18X18D", "MULT18X18D"),
        "block_rams": (r"DP16KD", "DP16KD"),
    },
    settings=settings,
    step_hz=1_000_000,
    clock=Clock,
    block_ram_modes=((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
    in_logic=in_logic,
    options={"script_after_read": PREPARE},
    prepare=prepare,
)
