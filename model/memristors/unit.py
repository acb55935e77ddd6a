"""The pulse unit: what a programming pulse does to a cell, in integers; docs/devices.md states it in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import saturate
from ohmprop.model.errors import UserError
from ohmprop.model.layout import Cell
from ohmprop.model.memristors.curves import Device
from ohmprop.model.memristors.kernels import (
    GAIN_ONE,
    MOST_PULSES,
    NOISY_SETS,
    SETS,
    SPREAD_SHIFT,
    UnitConstants,
    pulse_cell,
    random_sets,
    unit_hashes,
)
from ohmprop.model.memristors.tables import NOISE_UNIT, StepTables, step_tables
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import whole

Integers = NDArray[np.int64]
Masks = tuple[NDArray[np.bool_], ...]


def no_cells(spec: MachineSpec) -> Masks:
    """A mask of each matrix's shape in which no cell is set."""
    return tuple(np.zeros((matrix.rows, matrix.columns), np.bool_) for matrix in spec.matrices)


@dataclass(frozen=True, eq=False)
class PulseUnit:
    """The devices of a machine's cells and what is wrong with them; each field is a switch of its own.

    Members
    -------
    tables : the steps.
    most : most pulses of one update and cell, 1 to 7.
    noise : noise from pulse to pulse is on.
    spread : deviation of the cells' gains from device to device, 0 to 255: the standard deviation is
        ``spread`` * NOISE_UNIT / 2048, but gains end at 0 and 63/32. 0: all cells are alike.
    stuck : cells that no pulse moves, a bool array of each matrix's shape; none if empty.
    read_noise : noise of each current, 0 to 4095: the standard deviation is ``read_noise`` * NOISE_UNIT in LSBs of the
        sum of weight times activity. 0: none.
    decay_every : after this many learnt patterns every weight loses about 2**-decay_shift of itself; 0: never.
    decay_shift : 1 to 15.
    """

    tables: StepTables
    most: int = 1
    noise: bool = False
    spread: int = 0
    stuck: Masks = ()
    read_noise: int = 0
    decay_every: int = 0
    decay_shift: int = 8

    def __post_init__(self) -> None:
        whole("most", self.most, 1, MOST_PULSES)
        whole("spread", self.spread, 0, 255)
        whole("read_noise", self.read_noise, 0, 4095)
        whole("decay_every", self.decay_every, 0, 65535)
        whole("decay_shift", self.decay_shift, 1, 15)

    def check(self, spec: MachineSpec) -> None:
        """Refuse, in one sentence, a machine that these devices do not fit."""
        for matrix in spec.matrices:
            if matrix.weight.bits != self.tables.weight.bits:
                raise UserError(
                    f"The step tables are for weights of {self.tables.weight.bits} bits and the machine has {matrix.weight}; "
                    "make tables for the machine's weights."
                )
        most = spec.accumulator.high - spec.worst_accumulator
        if self.read_noise * 30 > most:
            raise UserError(
                f"read_noise = {self.read_noise} may overflow the accumulator of {spec.accumulator}; give at most "
                f"{most // 30}, or an accumulator of more bits."
            )
        shapes = [(matrix.rows, matrix.columns) for matrix in spec.matrices]
        if self.stuck and [mask.shape for mask in self.stuck] != shapes:
            raise UserError(
                f"The stuck cells are given for arrays of {[mask.shape for mask in self.stuck]}, and the machine's are "
                f"{shapes}; give one mask of each matrix's shape."
            )

    def masks(self, spec: MachineSpec) -> Masks:
        """The stuck cells of each matrix."""
        return self.stuck or no_cells(spec)

    @property
    def sets(self) -> int:
        """Sets of random bytes that an update draws."""
        return NOISY_SETS if self.noise else SETS

    @property
    def constants(self) -> UnitConstants:
        """What the compiled loops take."""
        tables = self.tables
        rails = tables.low, tables.high, -tables.weight.low
        return UnitConstants(tables.steps, tables.noises, *rails, tables.scale, self.most, self.spread)


def pulse_unit(device: Device, spec: MachineSpec, most: int = 1, scheme: str | None = None) -> PulseUnit:
    """The pulse unit of a device with all of its noise and spread; switch off with dataclasses.replace."""
    tables = step_tables(device, spec.matrices[0].weight, scheme)
    spread = min(255, round(device.spread * GAIN_ONE * (1 << SPREAD_SHIFT) / NOISE_UNIT))
    return PulseUnit(tables, most, bool(tables.noises.any()), spread)


def outside(spec: MachineSpec, matrix: int, row: int, column: int) -> str:
    """The end of a sentence about a cell that does not exist."""
    shapes = (f"matrix {index} of {matrix.rows} x {matrix.columns}" for index, matrix in enumerate(spec.matrices))
    return (
        f"({matrix}, {row}, {column}) is outside the array; give matrix, row and column of a synapse in "
        f"{', '.join(shapes)}."
    )


def stuck_cells(
    spec: MachineSpec,
    weights: Sequence[NDArray[np.integer]],
    tables: StepTables,
    cells: Sequence[tuple[int, int, int, str]],
) -> Masks:
    """Masks of stuck cells, each given as matrix, row, column and where: "min", "max" or "frozen" at its weight.

    Those at G_min or G_max are set in ``weights`` (one array per matrix, changed in place). In a recurrent machine (i, j)
    and (j, i) are one cell. UserError if a cell is not in the array or sticks somewhere else.
    """
    masks, layout = no_cells(spec), spec.layout
    places = {"min": tables.low, "max": tables.high, "frozen": None}
    for matrix, row, column, where in cells:
        if not layout.has(matrix, row, column):
            raise UserError(f"The stuck cell {outside(spec, matrix, row, column)}")
        if where not in places:
            raise UserError(f"A cell cannot stick at {where!r}; give one of {', '.join(places)}.")
        for cell in layout.copies(row, column):
            masks[matrix][cell] = True
            level = places[where]
            if level is not None:
                weights[matrix][cell] = level
    return masks


def pulse_one(
    spec: MachineSpec,
    unit: PulseUnit,
    weights: Sequence[NDArray[np.integer]],
    counts: Integers,
    cell: Cell | None,
    pulses: int,
    lfsr: int,
) -> int:
    """Give one cell this many pulses, down if negative; returns the LFSR afterwards.

    The bytes of an update are drawn. ``weights`` (one array per matrix) and ``counts`` (matrices, 3) are changed in place;
    in a recurrent machine (i, j) and (j, i) are one cell. None is no cell, and nothing moves.
    """
    layout = spec.layout
    tables, lfsr = random_sets(unit.sets, layout.code_bits, lfsr)
    if cell is None:
        return int(lfsr)
    matrix, row, column = cell
    rows, columns = layout.numbers[matrix]
    numbers = np.array([rows[row], columns[column]])
    row_hash, column_hash = unit_hashes(numbers)
    weight = pulse_cell(
        np.int64(weights[matrix][row, column]),
        saturate(pulses, -unit.most, unit.most),
        tables[:, numbers[0] ^ numbers[1]],
        row_hash ^ column_hash,
        unit.masks(spec)[matrix][row, column],
        unit.constants,
        counts[matrix],
    )
    for place in layout.copies(row, column):
        weights[matrix][place] = weight
    return int(lfsr)
