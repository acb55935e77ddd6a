"""The compiled board under random and damaged frames, wrong baud rates, noise and breaks."""

import pytest

from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import decode_frame
from tests import fuzz


def missed(coverage, *machines):
    return [name for name, (clocks, _) in coverage.items() if not clocks and name.split(":")[0] in machines]


def test_the_board_takes_what_comes_as_the_golden_device_does():
    figures, coverage = fuzz.fuzz("recurrent", 400_000, seed=1)
    assert figures["learnt"] and figures["sent"]["break"] and figures["sent"]["dropped by the board"]
    assert not missed(coverage, "serial receiver", "frame receiver")


class Careless(GoldenBoard):
    """Executes a request whatever its number."""

    def _answer(self, frame):
        if decoded := decode_frame(frame):
            self._expected = decoded[1]
        return super()._answer(frame)


def test_another_behaviour_is_noticed(monkeypatch):
    monkeypatch.setattr(fuzz, "GoldenBoard", Careless)
    with pytest.raises(AssertionError, match=r"seed 1, burst \d+, clock \d+: replies"):
        fuzz.fuzz("recurrent", 400_000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz.MACHINES)
def test_ten_million_clocks(name):
    _, coverage = fuzz.fuzz(name, 10_000_000, seed=2)
    assert not [state for state, (clocks, _) in coverage.items() if not clocks]
