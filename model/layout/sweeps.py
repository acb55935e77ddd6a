"""The sweeps over the weight memory: those of an update, those that read the inputs, and those of an Euler step.

A word holds ``lanes`` weights of one row (word line); its columns (bit lines) are the neurons of one block. Matrix lies
after matrix, column block after column block, row after row.

Between two layers every weight is stored once: the lower layer reads it along the columns and the upper one along the
rows, through the adder tree. In a recurrent layer, w_ij = w_ji, the column blocks that fill every lane keep every row
within reach. The last block, if it does not fill the lanes, keeps only its own rows (the corner): its columns' other
weights are the last rows of the full blocks, read there along the rows. So 100 neurons on 32 lanes take 316 words per
step and not 400. Within the full blocks each pair stands twice; both copies see the same products and the same random
byte, so they cannot drift apart (docs/arithmetic.md). With a weight for each direction every column block keeps every row
within reach, and no word is read along its rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from ohmprop.model.layout.geometry import Geometry, Part


class Kind(IntEnum):
    """What a sweep does with each word."""

    READ_COLUMNS = 0  #: lane c accumulates W[r, c] * g_r
    READ_ROWS = 1  #: the sum over the lanes of W[r, c] * g_c goes to the neuron of row r
    PROGRAM = 2  #: W[r, c] learns


@dataclass(frozen=True)
class Sweep:
    """Consecutive words of one column block, one row after another.

    Members
    -------
    kind : what is done.
    block : the column block.
    row, rows : first row and their count; the first one's word lies at ``address``. A row is a place (block * lanes +
        lane of its unit) or, with ``pixels``, the number of an input.
    clear : the first word clears the accumulators.
    fires : after the last word the neurons of ``target`` take their step or, in a list that is read once per pattern,
        keep the currents as their drive.
    target : the block whose neurons the currents belong to.
    matrix : number of the matrix (``Geometry.parts``).
    pixels : the row values are inputs, not activities.
    """

    kind: Kind
    block: int
    row: int
    rows: int
    address: int
    clear: bool
    fires: bool
    target: int
    matrix: int = 0
    pixels: bool = False

    @property
    def row_range(self) -> range:
        """The rows."""
        return range(self.row, self.row + self.rows)


def program_sweeps(geometry: Geometry) -> tuple[Sweep, ...]:
    """The sweeps of one weight update: every stored word once, in the order of the addresses."""
    sweeps, address = [], 0
    for matrix, part in enumerate(geometry.parts):
        for block in part.blocks:
            rows = _stored_rows(geometry, part, block)
            sweeps.append(
                Sweep(Kind.PROGRAM, block, rows.start, len(rows), address, False, False, block, matrix, part.pixels)
            )
            address += len(rows)
    return tuple(sweeps)


def _stored_rows(geometry: Geometry, part: Part, block: int) -> range:
    """Rows of a matrix that a column block stores: all, but in a recurrent layer those within reach or, in the corner,
    its own ones.
    """
    if not geometry.reach:
        return part.rows
    own = geometry.block_places(block)
    if len(own) < geometry.lanes and not geometry.asymmetric:
        return own
    return range(max(0, own.start - geometry.reach), min(part.rows.stop, own.stop + geometry.reach))


def input_sweeps(geometry: Geometry, program: Sequence[Sweep]) -> tuple[Sweep, ...]:
    """The sweeps that read the currents of inputs and biases, once per pattern; none in a recurrent machine."""
    sweeps: list[Sweep] = []
    for target in range(geometry.blocks):
        found = [sweep for sweep in program if sweep.pixels and sweep.block == target]
        sweeps += _one_target([replace(sweep, kind=Kind.READ_COLUMNS) for sweep in found], target)
    return tuple(sweeps)


def step_sweeps(geometry: Geometry, program: Sequence[Sweep]) -> tuple[Sweep, ...]:
    """The sweeps of one Euler step: for each block its currents along the columns, then those along the rows.

    The blocks follow each other in the order of the turns if neurons can step in turn.
    """
    stored = [sweep for sweep in program if not sweep.pixels]
    sweeps: list[Sweep] = []
    targets = [block for turn in geometry.turns for block in turn] if geometry.in_turn else range(geometry.blocks)
    for target in targets:
        own = [replace(sweep, kind=Kind.READ_COLUMNS) for sweep in stored if sweep.block == target]
        sweeps += _one_target(own + _along_rows(geometry, stored, target), target)
    return tuple(sweeps)


def _along_rows(geometry: Geometry, stored: Sequence[Sweep], target: int) -> list[Sweep]:
    """The weights of ``target`` that lie in other columns only, where its neurons are the rows."""
    mine = [sweep for sweep in stored if sweep.block == target]
    found = []
    for sweep in stored:
        rows = _common(sweep.row_range, geometry.block_places(target))
        if rows and not any(_common(own.row_range, geometry.block_places(sweep.block)) for own in mine):
            address = sweep.address + rows.start - sweep.row
            found.append(replace(sweep, kind=Kind.READ_ROWS, row=rows.start, rows=len(rows), address=address))
    return found


def _common(first: range, second: range) -> range:
    """What two ranges have in common."""
    return range(max(first.start, second.start), min(first.stop, second.stop))


def _one_target(sweeps: Sequence[Sweep], target: int) -> list[Sweep]:
    """The sweeps of one block's currents: the first clears the accumulators, after the last its neurons fire."""
    last = len(sweeps) - 1
    return [replace(sweep, target=target, clear=index == 0, fires=index == last) for index, sweep in enumerate(sweeps)]
