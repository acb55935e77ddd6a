"""Estimates without synthesis: rules that are exact, and factors whose error is that of syntheses they were not fitted to."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.boards.description import board, boards, needs
from ohmprop.boards.design import Memory, read_design
from ohmprop.boards.estimate import FITTED, PROPERTIES, block_rams, design_of, factors, properties, syntheses
from ohmprop.host.cli.main import main
from scripts.syntheses import spec_of
from tests.kit.paths import ROOT

BOARDS = ("icebreaker", "ulx3s")


@pytest.mark.parametrize("name", BOARDS)
def test_logic_cells_of_syntheses_outside_the_fit_are_within_a_tenth(name):
    """Each synthesis left out once, and those that were never in the fit."""
    by, error = factors(name, "luts")
    assert error <= 0.10
    outside = [one for one in syntheses(name) if not one["fitted"]]
    assert len(outside) >= 3
    for one in outside:
        assert np.dot(one["properties"], by) == pytest.approx(one["luts"], rel=0.10), one["machine"]


@pytest.mark.parametrize("name", BOARDS)
def test_every_property_occurs_in_several_syntheses(name):
    """A factor that a single machine decides says nothing of that machine."""
    parts = np.array([one["properties"] for one in syntheses(name) if one["fitted"]])
    assert parts.shape[1] == len(PROPERTIES) and (np.count_nonzero(parts, axis=0) > 1).all()
    assert all((factors(name, what)[0] >= 0).all() for what in FITTED)


#: A recurrent and a layered machine on each board, one of them with pulses.
ELABORATED = [
    ("icebreaker", "[machine]\nlayers=[64]\npulses=true\n", 8),
    ("icebreaker", "[machine]\nlayers=[196,128,5]\n", 8),
    ("ulx3s", "[machine]\nlayers=[64]\n", 8),
    ("ulx3s", "[machine]\nlayers=[784,128,10]\n", 16),
]


@pytest.mark.parametrize(("name", "machine", "lanes"), ELABORATED)
def test_memories_and_multipliers_are_those_of_the_synthesis(name, machine, lanes):
    (entry,) = (one for one in syntheses(name) if (one["machine"], one["lanes"]) == (machine, lanes))
    spec = spec_of(entry)
    design = design_of(board(name), spec)
    assert block_rams(board(name), spec, design) == entry["block_rams"]
    assert needs(spec)["multipliers"] == entry["multipliers"]
    # The design is still about the one that was synthesised; else `python -m scripts.syntheses` is due.
    assert properties(spec, design) == pytest.approx(entry["properties"], rel=0.03)


def test_a_design_is_read():
    text = """
module \\part
  attribute \\ram_style "block"
  memory width 4 size 2 \\table

  cell $memrd_v2 $1
    parameter \\MEMID "\\\\table"
    parameter \\CLK_ENABLE 1'1
  end

  cell $meminit_v2 $2
    parameter \\MEMID "\\\\table"
    connect \\DATA 8'01100101
  end

  cell $dff $3
    parameter \\WIDTH 5
  end
end

module \\top
  cell \\part \\first
  end

  cell \\part \\second
  end

  cell $lt $4
    parameter \\A_WIDTH 7
    parameter \\Y_WIDTH 1
  end
end
"""
    design = read_design(text)
    assert design.logic == {"registers": 10, "adders": 7}
    # The words differ in the two lowest bits only.
    assert design.memories == 2 * [Memory("\\part", "table", 2, 2, clocked=True, forced=True)]


@pytest.mark.parametrize(("width", "depth", "count"), [(16, 256, 1), (17, 257, 3), (8, 512, 1), (9, 512, 2)])
def test_modes_of_block_rams(width, depth, count):
    assert Memory("m", "x", width, depth).blocks(((256, 16), (512, 8))) == count


def run(*words):
    return CliRunner().invoke(main, ["board", "build", *map(str, words)])


def test_every_board_at_once(tmp_path):
    """784-500-10 does not fit the small board, and why is said."""
    result = run("--estimate", "--all", "--machine", "mnist-784-500-10", "--json", tmp_path / "e.json")
    assert result.exit_code == 0 and "An estimate" in result.output and "131072" in result.output
    found = {row["board"]: row for row in json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))["boards"]}
    assert set(found) == {one.name for one in boards()}
    small, large = found["icebreaker"], found["ulx3s"]
    assert small["board"] == "icebreaker" and small["fits"] is False and "does not fit" in small["why"]
    assert large["fits"] is True and large["block_rams"] == 191 and large["multipliers"] == 64
    assert {"luts", "flip_flops", "clocks_per_pattern_dense", "patterns_per_second"} <= set(large)
    report = json.loads((ROOT / "docs/boards/ulx3s-mnist-784-500-10.json").read_text(encoding="utf-8"))
    assert large["clocks_per_pattern_dense"] == report["clocks_per_pattern_dense"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--all",), "--all goes with --estimate"),
        (("icebreaker", "--estimate", "--all"), "--all goes with --estimate"),
        (("--estimate",), "Missing argument 'NAME'"),
        (("icebreaker", "--estimate", "--machine", "mnist-784-500-10"), "does not fit icebreaker"),
        (("ulx3s", "--estimate", "--freq", "76"), "give --freq 75 or 80"),
    ],
)
def test_what_the_hardware_refuses_is_refused(words, said):
    result = run(*words)
    assert result.exit_code == 2 and said in result.stderr
