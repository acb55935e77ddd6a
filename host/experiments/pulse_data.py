"""Measured pulses as a spreadsheet or a program exported them."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError
from ohmprop.model.text import read_text

Floats = NDArray[np.float64]

#: Fewest conductances of a branch: one more than three parameters take.
LEAST = 5
#: Headings of the columns, by their first word: the field's and the plain ones.
COLUMNS = {
    "pulse": ("pulse", "pulses"),
    "up": ("up", "potentiation", "ltp"),
    "down": ("down", "depression", "ltd"),
}
_FORM = "give a heading line pulse,up,down and lines of three numbers, as 0,1.0,9.5"


def read_pulses(path: Path) -> tuple[Floats, Floats]:
    """Conductances after 0, 1, ... pulses up, and after 0, 1, ... down, (pulses + 1,) each, from a table of text.

    Its heading names the columns pulse, up and down, in any order, beside others or not; cells are separated by commas,
    semicolons, tabs or spaces. A comma is a decimal comma where others separate. Blank lines, and those that begin with
    #, % or //, are skipped. UserError, which names the line, if a number is missing or is not one.
    """
    text = read_text(path, "pulse data", "give the path of a CSV file")
    # Spreadsheets may write a first line sep=; for one another.
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip(" \t,;") and not line.lstrip().startswith(("#", "%", "//", "sep=", '"sep='))
    ]
    heading = lines[0][1] if lines else ""
    separator = next((mark for mark in ";\t," if mark in heading), " ")
    places = _places(_cells(heading, separator))
    if len(places) < len(COLUMNS):
        raise UserError(f"The pulse data {path} has no heading pulse,up,down; {_FORM}.")
    values: list[tuple[float, float]] = []
    for number, line in lines[1:]:
        cells = _cells(line, separator)
        pulse, up, down = (_value(cells, places[name], separator, f"Line {number} of {path}") for name in COLUMNS)
        if pulse != len(values):
            raise UserError(
                f"Line {number} of {path} has pulse {pulse:g} where pulse {len(values)} is expected; give every pulse from 0 on."
            )
        values.append((up, down))
    if len(values) < LEAST:
        raise UserError(f"The pulse data {path} has {len(values)} lines of numbers; give at least {LEAST} pulses.")
    rising, falling = np.array(values).T
    if rising[-1] <= rising[0] or falling[-1] >= falling[0]:
        raise UserError(
            f"The conductances of {path} do not rise in column up and fall in column down; check the columns."
        )
    return rising, falling


def _cells(line: str, separator: str) -> list[str]:
    cells = line.split() if separator == " " else next(csv.reader([line], delimiter=separator))
    return [cell.strip() for cell in cells]


def _places(heading: list[str]) -> dict[str, int]:
    """The column of each of COLUMNS that the heading has: by the first word, without a unit behind it."""
    words = ["".join(c if c.isalpha() else " " for c in cell.lower()).split()[:1] for cell in heading]
    return {
        name: index
        for name, known in COLUMNS.items()
        for index, word in reversed([*enumerate(words)])
        if {*word} & {*known}
    }


def _value(cells: list[str], place: int, separator: str, where: str) -> float:
    text = cells[place] if place < len(cells) else ""
    if not text:
        raise UserError(f"{where} has a gap; {_FORM}.")
    try:
        value = float(text if separator == "," else text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise UserError(
            f"{where} holds {text[:40]!r}, which is not a finite number; measure again or leave that pulse's end out."
        )
    return value
