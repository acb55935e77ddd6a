"""The SDRAM's controller uses each chip as its data sheet says, and brings back every word."""

import re

import pytest

from ohmprop.hw.store.chips import CHIPS, all_of_them, clocks
from ohmprop.hw.store.sdram import check_clock
from tests.sdram import bench, run

ULX3S = 75_000_000


def test_random_records(tmp_path):
    # One after the other, since the bench is compiled once for all.
    program, store = bench(ULX3S, tmp_path / "bench")
    for chip in CHIPS:
        said = re.search(r"at most (\d+) refreshes late and (\d+) clocks", run(program, ULX3S, chip, 300_000))
        assert int(said[1]) == 1 and store.latency < int(said[2]) <= store.latency + store.refresh


def test_the_controller_suits_the_slowest_chip():
    slowest = all_of_them()
    assert (slowest.activate, slowest.precharge, slowest.interval, slowest.power_up) == (21, 21, 7812.5, 200_000)
    assert [clocks(time, ULX3S) for time in (20, 26.6, 26.7, 40)] == [2, 2, 3, 3]


@pytest.mark.parametrize("clock_hz", [2_000_000, 110_000_000])
def test_clocks_that_suit_no_chip(clock_hz):
    with pytest.raises(ValueError, match=f"SDRAM cannot be used at clock_hz {clock_hz}"):
        check_clock(clock_hz)
