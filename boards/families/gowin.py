"""Gowin LittleBee: its PLL, and what its tools must be asked for."""

from typing import Any

from amaranth import Elaboratable, Instance, Module, Signal

from ohmprop.boards.families.family import Family

#: Ranges of the PLL's own oscillator and of what it compares, in Hz, and its last dividers.
VCO, COMPARED = (400_000_000, 1_200_000_000), (3_000_000, 400_000_000)
DIVIDERS = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
#: Place and route: what Amaranth calls it and what it is now, and what it must know of the FPGA.
RETIRED, PLACER = "nextpnr-gowin", "nextpnr-himbaechel-gowin"


def settings(crystal_hz: int, clock_hz: int) -> tuple[int, int, int] | None:
    """``input``, ``feedback`` and ``divider``: clock = crystal * feedback / input, the PLL's oscillator / ``divider``."""
    possible = [
        (divided, clock_hz * divided // crystal_hz, divider)
        for divided in range(1, 65)
        for divider in DIVIDERS
        if clock_hz * divided % crystal_hz == 0
        and 1 <= clock_hz * divided // crystal_hz <= 64
        and COMPARED[0] <= crystal_hz / divided <= COMPARED[1]
        and VCO[0] <= clock_hz * divider <= VCO[1]
    ]
    return possible[0] if possible else None


class Clock(Elaboratable):
    """The machine's clock from rPLL.

    Members
    -------
    clk : the clock.
    locked : it is steady.
    """

    def __init__(self, pin: str, chosen: tuple[int, int, int]):
        self.clk, self.locked = Signal(), Signal()
        self.pin = pin
        self.divided, self.feedback, self.divider = chosen

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pll = Instance(
            "rPLL",
            p_DEVICE=platform.family,
            p_FCLKIN=f"{platform.lookup(self.pin).clock.frequency / 1e6:g}",
            p_IDIV_SEL=self.divided - 1,
            p_FBDIV_SEL=self.feedback - 1,
            p_ODIV_SEL=self.divider,
            p_DYN_IDIV_SEL="false",
            p_DYN_FBDIV_SEL="false",
            p_DYN_ODIV_SEL="false",
            p_CLKFB_SEL="internal",
            i_CLKIN=platform.request(self.pin, dir="i").i,
            i_CLKFB=0,
            i_RESET=0,
            i_RESET_P=0,
            i_FBDSEL=0,
            i_IDSEL=0,
            i_ODSEL=0,
            i_PSDA=0,
            i_DUTYDA=0,
            i_FDLY=0,
            o_CLKOUT=self.clk,
            o_LOCK=self.locked,
        )
        return m


def commands(planned: list[list[str]]) -> list[list[str]]:
    """The command lines, with the program for place and route that has taken the place of the one that Amaranth calls."""
    return [_placing(command) if command[0] == RETIRED else command for command in planned]


def _placing(command: list[str]) -> list[str]:
    """Place and route as it is called now: what it must know of the FPGA are options of the family's."""
    words, kept, family = iter(command[1:]), [], {}
    for word in words:
        if word in ("--family", "--cst", "--log"):
            family[word] = next(words)
        else:
            kept.append(word)
    return [PLACER, *kept, "--vopt", f"family={family['--family']}", "--vopt", f"cst={family['--cst']}"]


GOWIN = Family(
    tools=("yosys", PLACER, "gowin_pack"),
    cells={
        "luts": (r"LUT\d|ALU|MUX2\w*|RAM16\w*", "LUT4"),
        "flip_flops": (r"DFF\w*", "DFF"),
        "multipliers": (r"MULT18X18|MULT9X9|MULTALU\w*|MULT36X36", "MULT18X18"),
        "block_rams": (r"(SDPX9|DPX9|SDP|DP)B|SPX9|SP|pROM\w*", "BSRAM"),
    },
    settings=settings,
    step_hz=1_000_000,
    clock=Clock,
    # Reports read the netlist under this name.
    options={"script_after_synth": "write_json top.json"},
    commands=commands,
    extra="gowin",
)
