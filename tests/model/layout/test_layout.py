"""Where synapses lie, and that the sweeps over them compute what a matrix would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.errors import MachineError
from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.layout import Kind
from ohmprop.model.spec import MachineSpec

SMALL = st.builds(
    lambda neurons, lanes, cut: MachineSpec(layers=(neurons,), lanes=lanes, cut_diagonals=min(cut, neurons - 2)),
    st.integers(2, 40),
    st.integers(1, 20),
    st.integers(0, 38),
)


def random_weights(spec: MachineSpec, seed: int) -> np.ndarray:
    """Symmetric, within reach, no zero where there is a synapse."""
    rng = np.random.default_rng(seed)
    lower = np.tril(rng.integers(1, 128, (spec.neurons, spec.neurons)) * rng.choice([-1, 1], (spec.neurons,) * 2), -1)
    return ((lower + lower.T) * synapse_mask(spec)).astype(np.int8)


@given(SMALL)
def test_every_synapse_is_stored(spec: MachineSpec) -> None:
    layout, stored = spec.layout, np.zeros((spec.neurons, spec.neurons), np.int64)
    for sweep in layout.program:
        first = sweep.block * spec.lanes
        stored[sweep.row : sweep.row + sweep.rows, first : first + spec.lanes] += 1
    assert stored.max() == 1, "no word holds what another one holds"
    assert (stored + stored.T)[synapse_mask(spec)].all()
    addresses = [sweep.address + row for sweep in layout.program for row in range(sweep.rows)]
    assert addresses == list(range(layout.words))


@given(SMALL, st.integers(0, 99))
def test_images_round_trip(spec: MachineSpec, seed: int) -> None:
    layout, weights = spec.layout, random_weights(spec, seed)
    image = layout.to_words((weights,))
    assert image.shape == (layout.words, spec.lanes) and image.dtype == np.int8
    assert np.array_equal(layout.from_words(image)[0], weights)
    values = np.arange(1, spec.neurons + 1)
    blocks = layout.to_blocks(values)
    assert blocks.shape == (layout.blocks, spec.lanes) and blocks.sum() == values.sum()
    assert np.array_equal(layout.from_blocks(blocks), values)


@given(SMALL, st.integers(0, 99))
def test_the_sweeps_of_a_step_compute_the_currents(spec: MachineSpec, seed: int) -> None:
    layout, weights = spec.layout, random_weights(spec, seed)
    image = layout.to_words((weights,)).astype(np.int64)
    g = np.random.default_rng(seed).integers(-127, 128, spec.neurons)
    columns = layout.to_blocks(g)
    accumulators, currents = np.zeros(spec.lanes, np.int64), np.zeros(layout.blocks * spec.lanes, np.int64)
    fired = []
    for sweep in layout.step:
        if sweep.clear:
            accumulators[:] = 0
        for index in range(sweep.rows):
            row, word = sweep.row + index, image[sweep.address + index]
            if sweep.kind is Kind.READ_COLUMNS:
                accumulators += word * g[row]
            else:
                accumulators[row % spec.lanes] += word @ columns[sweep.block]
        if sweep.fires:
            fired.append(sweep.target)
            currents[sweep.target * spec.lanes : (sweep.target + 1) * spec.lanes] = accumulators
    assert fired == list(range(layout.blocks)), "each block of neurons steps once"
    assert np.array_equal(currents[: spec.neurons], weights.astype(np.int64) @ g)


def test_copies_that_differ_are_refused() -> None:
    spec = MachineSpec(layers=(7,), lanes=3)
    layout = spec.layout
    image = layout.to_words((random_weights(spec, 1),))
    # Row 1, column 0; its other copy is row 0, column 1.
    image[1, 0] ^= 4
    with pytest.raises(MachineError, match=r"two copies of synapse \(0, 1\) differ .*\.$"):
        layout.from_words(image)


@pytest.mark.parametrize(
    ("neurons", "lanes", "words", "step"), [(100, 32, 304, 316), (12, 6, 24, 24), (5, 1, 25, 25), (9, 16, 9, 9)]
)
def test_words(neurons: int, lanes: int, words: int, step: int) -> None:
    layout = MachineSpec(layers=(neurons,), lanes=lanes).layout
    assert (layout.words, layout.step_words) == (words, step)


@given(SMALL)
def test_codes_differ(spec: MachineSpec) -> None:
    layout = spec.layout
    codes = layout.codes
    assert len(set(codes.tolist())) == spec.neurons
    assert codes.max() < 1 << layout.lane_bits + layout.block_bits
