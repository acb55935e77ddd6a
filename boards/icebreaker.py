"""iCEBreaker: a Lattice iCE40UP5K with 5,280 logic cells, whose four single-port memories hold the weights."""

from amaranth import Elaboratable, Instance, Module, Signal
from amaranth_boards.icebreaker import ICEBreakerPlatform

from ohmprop.boards.description import Board, Resources
from ohmprop.model.errors import UserError

#: The oscillator on the board, and the range of the PLL's own oscillator, in Hz.
CRYSTAL = 12_000_000
VCO = 533_000_000, 1_066_000_000


def divisors(clock_hz: int) -> tuple[int, int]:
    """``feedback`` (0 to 127) and ``divider`` (1 to 6) of the PLL: clock = CRYSTAL * (feedback + 1) / 2**divider.

    Raises UserError if it cannot make this clock.
    """
    settings = [
        (feedback, divider)
        for divider in range(1, 7)
        for feedback in range(128)
        if CRYSTAL * (feedback + 1) == clock_hz << divider and VCO[0] <= CRYSTAL * (feedback + 1) <= VCO[1]
    ]
    if not settings:
        raise UserError(
            f"The PLL of the iCEBreaker cannot make {clock_hz / 1e6:g} MHz from 12 MHz; give a multiple of 0.375 MHz from "
            "18 to 33 MHz or of 0.75 MHz up to 66 MHz."
        )
    return settings[0]


class Clock(Elaboratable):
    """The machine's clock from SB_PLL40_PAD, with what ``divisors`` gives.

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
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=0,
            p_DIVF=self.feedback,
            p_DIVQ=self.divider,
            p_FILTER_RANGE=1,
            io_PACKAGEPIN=platform.request("clk12", dir="-").io,
            i_RESETB=1,
            i_BYPASS=0,
            o_PLLOUTGLOBAL=self.clk,
            o_LOCK=self.locked,
        )
        return m


BOARD = Board(
    name="icebreaker",
    title="iCEBreaker (Lattice iCE40UP5K)",
    family="ice40",
    platform=ICEBreakerPlatform,
    clock=lambda clock_hz: Clock(*divisors(clock_hz)),
    led_busy=("led_g", 0),
    led_refused=("led_r", 0),
    clock_hz=30_000_000,
    baud=3_000_000,
    lanes=8,
    serial=True,
    memory_bytes=1 << 17,
    resources=Resources(luts=5280, multipliers=8, block_rams=30, block_ram_bits=4096, spram_bytes=1 << 17),
    machines=("mnist-784-128-10", "glyphs-100"),
    cable="ice40_generic",
    # Older versions of nextpnr stop at the names of scopes that Yosys writes.
    options={"synth_opts": "-device u", "script_after_synth": "delete t:$scopeinfo"},
)
