"""Memristors on a board: what its cells are, and single programming pulses."""

from collections.abc import Iterable, Iterator

import numpy as np

from ohmprop.host.link.access import Access, Request, access, sized
from ohmprop.host.link.exchange import Link
from ohmprop.model.errors import UserError
from ohmprop.model.layout import Cell
from ohmprop.model.link.frames import Op
from ohmprop.model.link.pulses import PulseCounts, pack_stuck, unit_spaces, unpack_counts
from ohmprop.model.link.registers import PulseRequest
from ohmprop.model.link.spaces import Space
from ohmprop.model.memristors.tables import pulse_direction
from ohmprop.model.memristors.unit import PulseUnit, no_cells, outside
from ohmprop.model.spec import MachineSpec


class Memristors:
    """The cells of a connected board, all of one device, or linear ones until a device is loaded."""

    def __init__(self, link: Link, spec: MachineSpec, spaces: Access) -> None:
        self._link, self._spec, self._spaces = link, spec, spaces
        self._unit: PulseUnit | None = None

    def load(self, unit: PulseUnit | None) -> None:
        """Make the cells the devices of ``unit``, or linear ones if it is None; UserError for a machine without a pulse unit.

        Weights that stick at a rail are written with the others.
        """
        if not self._spec.pulses:
            raise UserError(
                "This machine has no pulse unit; give it pulses = true under [machine] in its file, and build the board again."
            )
        if unit:
            unit.check(self._spec)
        for space, content in unit_spaces(self._spec, unit):
            self._spaces.write(space, content)
        self._unit = unit

    def pulse(self, matrix: int, row: int, column: int, conductance: str = "+", pulses: int = 1) -> int:
        """Raise a cell's conductance G+ or G- by programming pulses, or lower it by a negative number of them.

        Returns the cell's weight after them; ``pulse_many`` says more.
        """
        return next(self.pulse_many((matrix, row, column), conductance, [pulses]))

    def pulse_many(self, cell: Cell, conductance: str, commands: Iterable[int]) -> Iterator[int]:
        """Give one command of pulses after another to a cell (matrix, row, column); yields its weight after each.

        Each is 1 to the device's most, or its negative. Which pulses of the weight they are is a matter of the scheme
        (docs/devices.md). The next command is on its way while one is executed. UserError, before that command moves
        anything, for linear cells, a cell that does not exist, another number, and a pulse that the scheme does not have.
        """
        unit, spec = self._unit, self._spec
        if unit is None:
            raise UserError("No device was loaded, and linear synapses take no pulses; load a device first.")
        if not spec.layout.has(*cell):
            raise UserError(f"The cell {outside(spec, *cell)}")
        address, lane = self._place(cell)
        read = Op.READ, access(Space.WEIGHTS, address, 1)

        def requests() -> Iterator[Request]:
            for pulses in commands:
                if not 1 <= abs(pulses) <= unit.most:
                    raise UserError(f"{pulses} pulses at once are impossible with this device; give 1 to {unit.most}.")
                direction = pulse_direction(unit.tables.scheme, conductance, pulses > 0)
                data = PulseRequest.of(spec, cell, direction * abs(pulses)).pack()
                yield Op.WRITE, access(Space.PROGRAM, 0, len(data)) + data
                yield read

        replies = self._link.exchange(requests())
        for _ in replies:
            word = np.frombuffer(sized(next(replies), spec.lanes), np.int8)
            yield int(word[lane])

    def counts(self) -> list[PulseCounts]:
        """Each matrix's counters of pulses, a symmetric pair of cells counting once; none without a pulse unit."""
        return unpack_counts(self._spaces.read(Space.PULSES)) if self._spec.pulses else []

    def _place(self, cell: Cell) -> tuple[int, int]:
        """The word and the lane that store a cell."""
        masks, (matrix, row, column) = no_cells(self._spec), cell
        masks[matrix][row, column] = True
        if self._spec.recurrent:
            # One of the two copies may be the only one that is stored.
            masks[matrix][column, row] = True
        word, lane = np.argwhere(pack_stuck(self._spec, masks))[0].tolist()
        return word, lane
