"""A crossbar's wires, exactly and in closed form."""

import json
from pathlib import Path

import numpy as np
import pytest

from ohmprop.analog.crossbar import effective
from ohmprop.analog.engines import Neospice
from ohmprop.model.memristors.wires import closed_form, conductances
from tests.kit.memories import memory

#: Made once by badcrossbar 1.1.0, which needs a graphics library: currents at the feet of the columns for a volt at each row.
BADCROSSBAR = json.loads((Path(__file__).parents[1] / "vectors/badcrossbar.json").read_text())


@pytest.mark.parametrize("segment", ["0.001", "0.01"])
def test_the_exact_solution_is_badcrossbar_s(segment):
    cells = np.array(BADCROSSBAR["siemens"])
    expected = np.array(BADCROSSBAR["currents"][segment])
    assert np.abs(effective(cells, float(segment)) / expected - 1).max() <= 1e-9


def test_the_exact_solution_is_spice_s():
    cells, segment = np.random.default_rng(1).uniform(0.01, 1, (3, 4)), 0.01
    found = effective(cells, segment)
    for driven in range(3):
        lines = ["* crossbar", ".options reltol=1e-9 gmin=1e-18"]
        for row in range(3):
            lines.append(f"Vr{row} s{row} 0 {int(row == driven)}")
            lines.append(f"Rs{row} s{row} r{row}_0 {segment}")
            lines += [f"Rr{row}_{column} r{row}_{column - 1} r{row}_{column} {segment}" for column in range(1, 4)]
            lines += [
                f"Rc{row}_{column} r{row}_{column} c{row}_{column} {1 / cells[row, column]:.17g}" for column in range(4)
            ]
        for column in range(4):
            lines += [f"Rd{row}_{column} c{row - 1}_{column} c{row}_{column} {segment}" for row in (1, 2)]
            lines.append(f"Rg{column} c2_{column} 0 {segment}")
        volts = Neospice().operating_point(
            "\n".join([*lines, ".op", ".end", ""]), [f"c2_{column}" for column in range(4)]
        )
        assert np.allclose(volts / segment, found[driven], rtol=1e-6)


def test_the_closed_form_is_its_formula():
    cells, ratio = np.random.default_rng(2).uniform(0.01, 1, (4, 5)), 1e-3
    rows, columns = cells.shape
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            along = sum(min(column, other) * cells[row - 1, other - 1] for other in range(1, columns + 1))
            down = sum((rows + 1 - max(other, row)) * cells[other - 1, column - 1] for other in range(1, rows + 1))
            expected = 1 / (1 + ratio * (along + down))
            assert closed_form(cells, ratio)[row - 1, column - 1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("ratio", "most"), [(1e-4, 1e-3), (1e-3, 0.03), (1e-2, 0.2)])
def test_the_closed_form_is_near_the_exact_solution(ratio, most):
    cells = np.random.default_rng(1).uniform(0.01, 1, (32, 32))
    away = np.abs(effective(cells, ratio) - cells * closed_form(cells, ratio)).max()
    # First order in the ratio, so that it is not nearer either.
    assert most / 10 < away < most


def test_the_closed_form_holds_for_a_trained_memory():
    """Within a quarter of a weight's LSB at r/R_on = 1e-4, 100 neurons, cells from a hundredth to one."""
    weights, limit = memory(100, 16)[0].weights[0], 127
    cells = conductances(weights, limit, 100.0)
    exact, closed = effective(cells, 1e-4), cells * closed_form(cells, 1e-4)
    away = np.abs((exact - closed)[:, 0::2] - (exact - closed)[:, 1::2]).max() * limit / 0.99
    assert 0.02 < away <= 0.25
