"""What a family of FPGAs is to the boards: the tools, their options, the clock, and the names of cells in reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ohmprop.boards.design import Memory
from ohmprop.model.errors import UserError


@dataclass(frozen=True)
class Oscillator:
    """The oscillator on a board, from which the PLL makes the machine's clock.

    Members
    -------
    pin : its name in the board's Amaranth platform.
    hz : its frequency.
    """

    pin: str
    hz: int


@dataclass(frozen=True)
class Family:
    """One family.

    Members
    -------
    tools : synthesis, place and route, bitstream.
    cells : patterns of a cell's type for each resource of a report: in a netlist of Yosys, and in a report of nextpnr if it
        counts otherwise.
    settings : the PLL's settings for an oscillator's frequency and a clock, both in Hz; None if it cannot make this clock.
    step_hz : a step in which clocks are looked for that the PLL can make.
    clock : makes the component with ports ``clk`` (the clock) and ``locked`` (it is steady), from an oscillator's pin and the
        PLL's settings.
    block_ram_modes : (words, bits of a word) that a block RAM can have; empty if machines are not estimated.
    in_logic : whether synthesis makes a memory of logic cells and not of block RAMs.
    options : of the tools, by Amaranth's names (``synth_opts``, ``nextpnr_opts``, ``script_after_read``).
    prepare : what else Amaranth's platform needs before a build.
    commands : what becomes of the command lines that Amaranth plans.
    extra : of the package, which installs the tools.
    """

    tools: tuple[str, str, str]
    cells: Mapping[str, tuple[str, str | None]]
    settings: Callable[[int, int], tuple[int, ...] | None]
    step_hz: int
    clock: Callable[[str, Any], Any]
    block_ram_modes: tuple[tuple[int, int], ...] = ()
    in_logic: Callable[[Memory], bool] = lambda memory: False
    options: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = lambda: None
    commands: Callable[[list[list[str]]], list[list[str]]] = lambda planned: planned
    extra: str = "boards"

    def make_clock(self, board: str, oscillator: Oscillator, clock_hz: int) -> Any:
        """The clock's component; UserError that names the nearest possible clocks if the PLL cannot make this one."""
        settings = self.settings(oscillator.hz, clock_hz)
        if settings:
            return self.clock(oscillator.pin, settings)
        start = clock_hz // self.step_hz * self.step_hz
        ways = (range(start, 0, -self.step_hz), range(start + self.step_hz, 10**9, self.step_hz))
        near = [next((hz for hz in way if self.settings(oscillator.hz, hz)), None) for way in ways]
        possible = " or ".join(f"{hz / 1e6:g}" for hz in near if hz)
        raise UserError(
            f"The PLL of {board} cannot make {clock_hz / 1e6:g} MHz from {oscillator.hz / 1e6:g} MHz; give --freq {possible}."
        )
