"""The SDRAM chips that boards carry: their times, by their makers' data sheets."""

from dataclasses import dataclass, fields
from math import ceil


@dataclass(frozen=True)
class Chip:
    """One chip of 16 bits and four banks. Times are in nanoseconds, and the least, unless something else is said.

    Members
    -------
    row_bits, column_bits : of an address.
    activate : from ACTIVATE to READ or WRITE (tRCD).
    precharge : from PRECHARGE to the bank's next command (tRP).
    refresh : from REFRESH to the next command (tRFC).
    opened : from ACTIVATE to PRECHARGE of the bank (tRAS).
    cycle : from ACTIVATE to ACTIVATE of the bank (tRC).
    write : from the last word written to PRECHARGE (tWR).
    mode : from LOAD MODE REGISTER to the next command (tMRD).
    power_up : from power-up to the first command.
    interval : between two refreshes in the mean, at most (tREFI); eight of them may be late.
    clock : of a clock with a latency of two clocks.
    """

    row_bits: int
    column_bits: int
    activate: float
    precharge: float
    refresh: float
    opened: float
    cycle: float
    write: float
    mode: float
    power_up: float
    interval: float
    clock: float


CHIPS = {
    "IS42S16160G-7": Chip(13, 9, 20, 20, 70, 45, 67.5, 20, 20, 100_000, 7812.5, 10),
    "MT48LC16M16A2-7E": Chip(13, 9, 15, 15, 66, 37, 60, 15, 20, 100_000, 7812.5, 7.5),
    "AS4C32M16SB-7": Chip(13, 10, 21, 21, 63, 42, 63, 14, 20, 200_000, 7812.5, 10),
}
#: Latency of READ in clocks, and refreshes that may be late.
LATENCY, MOST_LATE = 2, 8
#: Refreshes before the mode is set.
FIRST_REFRESHES = 8


def all_of_them() -> Chip:
    """A chip as slow as the slowest in each time and as small as the smallest, so that what suits it suits all."""
    columns = {item.name: [getattr(chip, item.name) for chip in CHIPS.values()] for item in fields(Chip)}
    least = ("row_bits", "column_bits", "interval")
    return Chip(**{name: min(values) if name in least else max(values) for name, values in columns.items()})


def clocks(nanoseconds: float, clock_hz: int) -> int:
    """Clocks that this takes at least."""
    return ceil(round(nanoseconds * clock_hz / 1e9, 6))
