"""Lattice iCE40 UltraPlus: its PLL, and what its tools must be asked for."""

from typing import Any

from amaranth import Elaboratable, Instance, Module, Signal

from ohmprop.boards.design import Memory
from ohmprop.boards.families.family import Family

#: Range of the PLL's own oscillator, in Hz.
VCO = 533_000_000, 1_066_000_000


def settings(crystal_hz: int, clock_hz: int) -> tuple[int, int] | None:
    """``feedback`` (0 to 127) and ``divider`` (1 to 6) of the PLL: clock = crystal * (feedback + 1) / 2**divider."""
    possible = [
        (feedback, divider)
        for divider in range(1, 7)
        for feedback in range(128)
        if crystal_hz * (feedback + 1) == clock_hz << divider and VCO[0] <= crystal_hz * (feedback + 1) <= VCO[1]
    ]
    return possible[0] if possible else None


class Clock(Elaboratable):
    """The machine's clock from SB_PLL40_PAD.

    Members
    -------
    clk : the clock.
    locked : it is steady.
    """

    def __init__(self, pin: str, chosen: tuple[int, int]):
        self.clk, self.locked = Signal(), Signal()
        self.pin = pin
        self.feedback, self.divider = chosen

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=0,
            p_DIVF=self.feedback,
            p_DIVQ=self.divider,
            p_FILTER_RANGE=1,
            io_PACKAGEPIN=platform.request(self.pin, dir="-").io,
            i_RESETB=1,
            i_BYPASS=0,
            o_PLLOUTGLOBAL=self.clk,
            o_LOCK=self.locked,
        )
        return m


BLOCK_RAM_MODES = ((256, 16), (512, 8), (1024, 4), (2048, 2))
#: Bits for each block RAM up to which a memory is made of flip-flops, and a table of LUTs.
FEW_BITS, TABLE_BITS = 64, 1024


def in_logic(memory: Memory) -> bool:
    """Small memories become flip-flops, small tables LUTs, and so does what is read without a clock."""
    if memory.forced:
        return False
    few = FEW_BITS if memory.written else TABLE_BITS
    return not memory.clocked or memory.bits <= few * memory.blocks(BLOCK_RAM_MODES)


ICE40 = Family(
    tools=("yosys", "nextpnr-ice40", "icepack"),
    cells={
        "luts": (r"SB_LUT4", "ICESTORM_LC"),
        "flip_flops": (r"SB_DFF\w*", None),
        "multipliers": (r"SB_MAC16", "ICESTORM_DSP"),
        "block_rams": (r"SB_RAM40_4K\w*", "ICESTORM_RAM"),
        "sprams": (r"SB_SPRAM256KA", "ICESTORM_SPRAM"),
    },
    settings=settings,
    step_hz=125_000,
    clock=Clock,
    block_ram_modes=BLOCK_RAM_MODES,
    in_logic=in_logic,
    # Older versions of nextpnr stop at the names of scopes that Yosys writes.
    options={"synth_opts": "-device u", "script_after_synth": "delete t:$scopeinfo"},
)
