"""Clocks of a pattern and their bound, by one formula for both topologies; the tables of docs/architecture.md have more."""

import numpy as np
import pytest

from ohmprop.model.layout import Layout
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import DRIVE, Timing


def test_a_decay_programs_every_word_of_a_layered_machine_once() -> None:
    # An input's word takes one clock and a neuron's two.
    timing = MachineSpec.load("digits-64-32-10").timing
    assert (timing.update, timing.decay) == (96, 117)
    assert timing.pattern(0, 1, 64) - timing.pattern(0, 0, 64) == timing.update


@pytest.mark.parametrize("layers", [(100,), (64, 32, 10)], ids=str)
def test_no_update_in_the_bound_where_there_is_none(layers: tuple[int, ...]) -> None:
    spec = MachineSpec(layers=layers)
    rows, timing = 0 if spec.recurrent else spec.inputs, spec.timing
    assert timing.bound(20, 0, rows) < timing.pattern(20, 0, rows)
    update = 2 * spec.layout.pairs + rows * spec.layers[-2] if rows else spec.synapses
    assert timing.bound(20, 1, rows) - timing.bound(20, 0, rows) == update / spec.lanes


def test_the_bound_of_784_128_5() -> None:
    plain, biased = (MachineSpec(layers=(784, 128, 5), biases=biases).timing for biases in (False, True))
    assert plain.bound(24, 1, 784) == 2 * 3136 + 25 * 40
    assert plain.bound(14.5, 0.25, 150) == 1.25 * 150 * 4 + 14.75 * 40
    # 133 biases take a product in the reading and one in the update.
    assert biased.bound(24, 1, 784) == plain.bound(24, 1, 784) + 2 * 133 / 32


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("numbers", [{"reach": 11}, {"inputs": 9, "biases": True}, {"inputs": 9}], ids=str)
def test_clocks_of_many_patterns_are_those_of_each(numbers: dict[str, int], serial: bool) -> None:
    timing = Timing(Layout((12,) if "reach" in numbers else (12, 5), 8, **numbers), serial)
    rows = np.array([1, 4, 9]) * (timing.layout.inputs > 0)
    steps, updated = np.array([7, 30, 2]), np.array([1, 0, 1])
    each = [timing.pattern(*map(int, one)) for one in zip(steps, updated, rows, strict=True)]
    assert timing.pattern(steps, updated, rows).tolist() == each
    assert timing.pattern(10, 1, int(rows[-1])) - timing.pattern(10, 0, int(rows[-1])) == timing.update
    assert timing.pattern(3, 0, 0, side_steps=2) - timing.pattern(3, 0, 0) == 2 * timing.side_step
    reading = timing.pattern(0, 0, int(rows[-1]))
    if serial or not timing.layout.inputs:
        assert (reading == 0) == (not timing.layout.inputs)
    else:
        assert reading == DRIVE + sum(sweep.rows for sweep in timing.layout.reading)


def test_an_empty_list_has_no_pauses() -> None:
    for serial in (False, True):
        timing = Timing(Layout((12,), 8, reach=11), serial)
        assert timing.layout.reading == () == timing.pauses(())
