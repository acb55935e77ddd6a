"""What ``ohmprop device pulse`` does: pulses up and then down on one cell of a board, measured after each."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ohmprop.host.experiments.memristor_tables import FOLDER
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import GoldenPort, opened
from ohmprop.host.run.task import machine_of
from ohmprop.host.show.console import progress, show, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import save
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.layout import Cell
from ohmprop.model.link.registers import PulseRequest
from ohmprop.model.memristors.curves import Floats
from ohmprop.model.memristors.fitted import device_named
from ohmprop.model.memristors.kernels import GAIN_ONE, cell_gain, unit_hashes
from ohmprop.model.memristors.unit import PulseUnit, outside, pulse_unit
from ohmprop.model.spec import MachineSpec


@dataclass(frozen=True)
class Pulsing:
    """What is pulsed.

    Members
    -------
    name : the device, by a preset's name or a fitted one's file.
    scheme : how a weight stands for two conductances; None for the device's own.
    cell : row and column of the cell, or matrix, row and column.
    count : pulses up, and then down.
    noise : with the device's noise and spread.
    """

    name: str
    scheme: str | None
    cell: tuple[int, ...]
    count: int
    noise: bool


def run_pulse(pulsing: Pulsing, machine: Path | None, board: str, json_file: Path | None, out: Path | None) -> None:
    """Measure a cell's curve; MachineError if board and golden machine differ, KeyboardInterrupt after Ctrl-C, all drawn."""
    spec = replace(machine_of(machine), pulses=True)
    name, count = pulsing.name, pulsing.count
    unit, place = pulse_unit(device_named(name), spec, scheme=pulsing.scheme), _cell(spec, pulsing.cell)
    if not pulsing.noise:
        unit = replace(unit, noise=False, spread=0)
    folder = out or FOLDER
    check_writable(json_file)
    check_writable(folder, folder=True)
    with opened(board, spec) as port, stoppable() as stopped:
        stairs, differences = Staircase(Board(port, spec), unit, place), []
        try:
            with progress("pulsing", 2 * count) as advance:
                for rising in (True, False):
                    for _ in stairs.climb(count, rising, stopped):
                        advance()
            differences = stairs.finish()
        except MachineError as error:
            broken = str(error)
        else:
            broken = ""
    path = folder / f"{Path(name).stem}-pulses.png"
    save(stairs.picture(name), path)
    figures = {"device": name, "board": board, "spec_hash": spec.spec_hash} | stairs.figures()
    figures |= {"differences": differences, "picture": str(path)}
    if json_file:
        write_json(json_file, figures)
    show("Pulses on one cell, in levels", {key: value for key, value in figures.items() if key not in ("up", "down")})
    if broken:
        raise MachineError(f"{broken.rstrip('.')}; what was measured up to there is in {path}.")
    if differences:
        raise MachineError(
            f"Board and golden machine differ in {', '.join(differences)}; build the board again and report this."
        )
    if stopped():
        raise KeyboardInterrupt(f"Interrupted after {stairs.given} pulses; what was measured is in {path}.")


def _cell(spec: MachineSpec, numbers: tuple[int, ...]) -> Cell:
    """Matrix, row and column of the cell, the matrix 0 if it is left out; UserError if there is no such cell."""
    if len(numbers) not in (2, 3):
        raise UserError(
            f"A cell has two numbers or three, not {len(numbers)}; give row and column, or matrix, row and column."
        )
    matrix, row, column = (0, *numbers)[-3:]
    if not spec.layout.has(matrix, row, column):
        raise UserError(f"The cell {outside(spec, matrix, row, column)}")
    return matrix, row, column


class Staircase:
    """One cell of a board and of a golden one, which are given the same pulses, from the cell's lowest conductance on.

    Members
    -------
    up, down : its weight before the first pulse and after each, in levels.
    """

    def __init__(self, board: Board, unit: PulseUnit, cell: Cell) -> None:
        self.up, self.down = [unit.tables.bottom], list[int]()
        self._board, self._unit, self._cell = board, unit, cell
        self._golden = Board(GoldenPort(GoldenBoard(board.spec)), board.spec)
        self._golden.write_settings(*board.read_settings())
        self._before, self._counted = board.read_weights(), board.memristors.counts()
        start = self._with_weight(unit.tables.bottom)
        for each in (board, self._golden):
            each.write_weights(start)
            each.memristors.load(unit)
        self._wrong = 0

    def _with_weight(self, weight: int) -> list[NDArray[Any]]:
        """The weights that the board had, except the cell's."""
        weights = [matrix.copy() for matrix in self._before]
        matrix, row, column = self._cell
        weights[matrix][row, column] = weight
        if self._board.spec.recurrent:
            weights[matrix][column, row] = weight
        return weights

    @property
    def given(self) -> int:
        """Pulses that were measured."""
        return len(self.up) + len(self.down) - 1 - bool(self.down)

    def climb(self, count: int, rising: bool, stopped: Callable[[], bool]) -> Iterator[int]:
        """This many pulses up or down, or until ``stopped``; yields the weight after each."""
        steps, measured = (self.up if rising else self.down), self.up[-1:]
        if not rising:
            steps += measured
        # The weight of a one-sided pair falls as its other conductance rises.
        falls = ("-", 1) if self._unit.tables.scheme == "one-sided" else ("+", -1)
        conductance, pulses = ("+", 1) if rising else falls

        def commands() -> Iterator[int]:
            for _ in range(count):
                if stopped():
                    return
                yield pulses

        for weight in self._board.memristors.pulse_many(self._cell, conductance, commands()):
            self._wrong += weight != self._golden.memristors.pulse(*self._cell, conductance, pulses)
            steps.append(weight)
            yield weight

    def finish(self) -> list[str]:
        """Give the cell its weight back; returns in what board and golden machine differ."""
        board, golden = self._board, self._golden
        pulses = [
            [asdict(now)[kind] - asdict(then)[kind] for kind in asdict(now)]
            for now, then in zip(board.memristors.counts(), self._counted, strict=True)
        ]
        same = {
            "the cell's weight after a pulse": not self._wrong,
            "weights": all(map(np.array_equal, board.read_weights(), golden.read_weights())),
            "random register": board.read_settings()[1] == golden.read_settings()[1],
            "counters of pulses": pulses == [list(asdict(counts).values()) for counts in golden.memristors.counts()],
        }
        board.write_weights(self._with_weight(int(self._before[self._cell[0]][self._cell[1:]])))
        return [name for name, equal in same.items() if not equal]

    def _tables(self) -> tuple[Floats, Floats]:
        """The curves of the tables, up and from where the pulses down began."""
        tables = self._unit.tables
        falls = tables.curve(len(self.down) - 1, False, self.down[0]) if self.down else np.empty(0)
        return tables.curve(len(self.up) - 1, True), falls

    def figures(self) -> dict[str, Any]:
        """What was measured, and how far it was from the tables."""
        spec, tables = self._board.spec, self._unit.tables
        request = PulseRequest.of(spec, self._cell, 0)
        row, column = unit_hashes(np.array([request.row, request.column])).tolist()
        figures: dict[str, Any] = {
            "scheme": tables.scheme,
            "cell": list(self._cell),
            "gain": cell_gain(row ^ column, self._unit.spread) / GAIN_ONE,
            "pulses": self.given,
        }
        for name, measured, table in zip(("up", "down"), (self.up, self.down), self._tables(), strict=True):
            if measured:
                distances = np.maximum(measured, tables.bottom) - table
                figures |= {name: measured, f"{name}_rms_from_table": float(np.sqrt(np.mean(distances**2)))}
        return figures

    def picture(self, name: str) -> Figure:
        """The levels of G+ over the pulses, measured and by the tables."""
        figure = Figure(figsize=(8, 4), layout="constrained")
        axes = figure.subplots()
        first, tables = 0, self._unit.tables
        for label, measured, table in zip(("up", "down"), (self.up, self.down), self._tables(), strict=True):
            pulses = first + np.arange(len(measured))
            axes.plot(pulses, np.maximum(measured, tables.bottom), ".", markersize=3, label=f"measured, {label}")
            axes.plot(pulses, table, "--", color="black", linewidth=1, label=None if first else "integer table, gain 1")
            first += len(measured) - 1
        axes.set(xlabel="pulses", ylabel="level of G+", title=f"{name}, {tables.scheme}, cell {self._cell}")
        axes.legend()
        axes.grid(alpha=0.3)
        return figure
