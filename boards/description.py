"""What a board is, the list of boards, and a machine file's machine as a board runs it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ohmprop.boards.families.family import Family, Oscillator
from ohmprop.hw.control.machine import check_widths
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: Baud rates whose speed is reported.
BAUDS = (115_200, 1_000_000, 2_000_000, 3_000_000)


@dataclass(frozen=True)
class Resources:
    """What the FPGA has.

    Members
    -------
    luts : logic cells, of a LUT with four inputs and a flip-flop each.
    multipliers : multipliers of at least 16 x 16 bits.
    block_rams : block RAMs of ``block_ram_bits`` each.
    spram_bytes : weight memory beside the block RAMs; with it the weights lie there, without it in block RAMs.
    """

    luts: int
    multipliers: int
    block_rams: int
    block_ram_bits: int
    spram_bytes: int = 0


@dataclass(frozen=True)
class UsbSerial:
    """The chip between USB and the serial line.

    Members
    -------
    chip : its name.
    baud : the most that it carries, by its maker's word.
    """

    chip: str
    baud: int


@dataclass(frozen=True)
class BoardDescription:
    """One board.

    Members
    -------
    name, title : what the command line calls it, and its full name with that of its FPGA.
    family : of its FPGA.
    platform : makes its Amaranth platform.
    oscillator : where the PLL takes the machine's clock from.
    led_busy, led_refused : (resource, number) of the two LEDs, and of one with several colours which.
    clock_hz, baud : those of its machines unless something else is asked for.
    usb : the chip of its serial line.
    lanes : of its machines, or fewer where the multipliers do not suffice.
    serial : its machines have one neuron and one synapse unit.
    memory_bytes : of the weight memory.
    resources : what the FPGA has.
    machines : names of the machine files that ``make boards`` builds, the first one being the default.
    overrides : of the machine's other fields.
    options : of its tools, by Amaranth's names, beside those of the family.
    cable : what openFPGALoader calls the board; empty if it does not know it.
    store : bytes of the SDRAM beside the FPGA; 0 if there is none.
    keeps : its machines keep patterns there, whether their files say so or not.
    drive : a board that shows itself as a drive of this name takes a bitstream as a file.
    estimated_as : the board whose syntheses its estimates follow from; itself if not given.
    """

    name: str
    title: str
    family: Family
    platform: Callable[[], Any]
    oscillator: Oscillator
    led_busy: tuple[str, int] | tuple[str, int, str]
    led_refused: tuple[str, int] | tuple[str, int, str]
    clock_hz: int
    baud: int
    usb: UsbSerial
    lanes: int
    serial: bool
    memory_bytes: int
    resources: Resources
    machines: tuple[str, ...]
    cable: str
    overrides: dict[str, Any] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    store: int = 0
    keeps: bool = False
    drive: str = ""
    estimated_as: str = ""

    def clock(self, clock_hz: int) -> Any:
        """The component of the machine's clock, of a frequency in Hz; UserError if the PLL cannot make it."""
        return self.family.make_clock(self.name, self.oscillator, clock_hz)

    def machine(
        self, spec: MachineSpec, clock_hz: int | None = None, baud: int | None = None, lanes: int | None = None
    ) -> MachineSpec:
        """The machine as this board runs it: its lanes, memory, clock and serial rate; UserError if it does not fit."""
        check_widths(spec)
        if lanes and self.serial and lanes != self.lanes:
            raise UserError(f"Machines on {self.name} have {self.lanes} lanes; leave --lanes out.")
        if baud and baud > self.usb.baud:
            raise UserError(
                f"The {self.usb.chip} of {self.name} carries at most {self.usb.baud} baud; give --baud {self.usb.baud} or less."
            )
        wanted = replace(
            spec,
            lanes=lanes or min(self.lanes, self.resources.multipliers // lane_multipliers(spec, self.serial)),
            serial=self.serial,
            memory_bytes=1 << 30,
            clock_hz=clock_hz or self.clock_hz,
            baud=baud or self.baud,
            store=self._store(spec),
            **self.overrides,
        )
        check_fits(self, wanted)
        return replace(wanted, memory_bytes=self.memory_bytes)

    def _store(self, spec: MachineSpec) -> int:
        """The board's own memory beside the FPGA if the machine is to use it; else the store that it asks for and can have."""
        if self.keeps and spec.sparse:
            return self.store
        return self.store if spec.sdram else spec.store


def boards() -> list[BoardDescription]:
    """Every board: those in ``BOARDS`` of this package's modules; UserError if packages that boards need are missing."""
    package = import_module(__package__ or "")
    try:
        modules = [import_module(f"{package.__name__}.{entry.name}") for entry in iter_modules(package.__path__)]
    except ModuleNotFoundError as error:
        raise UserError(
            f"Boards need the Python package {error.name}; install it with `pip install 'ohmprop[boards]'`."
        ) from None
    return [board for module in modules for board in getattr(module, "BOARDS", ())]


def board(name: str) -> BoardDescription:
    """The board of this name; UserError if there is none, or if the packages that boards need are missing."""
    known = {found.name: found for found in boards()}
    if name not in known:
        raise UserError(f"There is no board {name!r}; the boards are {', '.join(known)}.")
    return known[name]


def lane_multipliers(spec: MachineSpec, serial: bool) -> int:
    """Multipliers that a lane takes: its own; of a side network another; with pulses two, and the read noise's.

    A serial machine has one neuron and one synapse unit, whose products are made of logic cells.
    """
    return 1 if serial else 1 + (spec.recurrent and not spec.asymmetric) + 3 * spec.pulses


def needs(spec: MachineSpec) -> dict[str, int]:
    """What the machine needs by its spec alone: multipliers and bytes of weight memory."""
    multipliers = spec.lanes * lane_multipliers(spec, spec.serial)
    return {"multipliers": multipliers, "weight_bytes": spec.layout.words * spec.lanes}


def available(board: BoardDescription) -> dict[str, int]:
    """What the board has of each."""
    memory = board.resources.spram_bytes or board.memory_bytes
    return {"multipliers": board.resources.multipliers, "weight_bytes": memory}


def check_fits(board: BoardDescription, spec: MachineSpec) -> None:
    """UserError that names what does not fit and the largest machine of this kind that would."""
    has = available(board)
    for name, needed in needs(spec).items():
        if needed > has[name]:
            what = {"multipliers": "multipliers", "weight_bytes": "bytes of weight memory"}[name]
            fewer = f"give --lanes {has[name] * spec.lanes // needed} or fewer"
            raise UserError(
                f"The machine does not fit {board.name}: it needs {needed} {what} of {has[name]}; "
                f"{fewer if name == 'multipliers' else _largest(board, spec)}."
            )


def _largest(board: BoardDescription, spec: MachineSpec) -> str:
    """The largest machine of the kind that fits, in words."""
    index = 0 if spec.recurrent else max(range(1, len(spec.layers) - 1), key=lambda layer: spec.layers[layer])

    def shrunk(units: int) -> MachineSpec:
        layers = tuple(units if layer == index else count for layer, count in enumerate(spec.layers))
        cut = min(spec.cut_diagonals, max(0, units - 2))
        return replace(spec, layers=layers, cut_diagonals=cut, memory_bytes=1 << 30)

    has = available(board)
    for units in range(spec.layers[index] - 1, 1, -1):
        smaller = shrunk(units)
        if all(needed <= has[name] for name, needed in needs(smaller).items()):
            return f"the largest that would is {'-'.join(map(str, smaller.layers))}"
    return "choose another board"
