"""Where the weights of layered machines lie, and that the sweeps over them compute what the matrices would."""

from itertools import pairwise

import numpy as np
import pytest

from ohmprop.model.float64.bptt import couplings
from ohmprop.model.layout import Kind, Sweep
from ohmprop.model.spec import MachineSpec
from tests.model.golden.test_layered_machine import SPECS, random_machine, random_patterns


def numbered(spec: MachineSpec) -> list[np.ndarray]:
    """Weights that all differ and are not 0."""
    ends = np.cumsum([0, *(m.rows * m.columns for m in spec.matrices)])
    return [
        (np.arange(m.rows * m.columns) + first + 1).reshape(m.rows, m.columns).astype(np.int16)
        for m, first in zip(spec.matrices, ends[:-1], strict=True)
    ]


@pytest.mark.parametrize("name", SPECS)
def test_every_synapse_is_stored_once(name: str) -> None:
    spec = SPECS[name]
    layout, weights = spec.layout, numbered(spec)
    image = layout.to_words(weights)
    assert sorted(image[image != 0]) == list(range(1, spec.synapses + 1))
    assert all(np.array_equal(a, b) for a, b in zip(layout.from_words(image), weights, strict=True))
    addresses = [sweep.address + row for sweep in layout.program for row in range(sweep.rows)]
    assert addresses == list(range(layout.words)) and image.shape == (layout.words, layout.lanes)


def run(spec: MachineSpec, sweeps: tuple[Sweep, ...], pixels: np.ndarray, states: np.ndarray) -> np.ndarray:
    """What the sweeps leave for each neuron."""
    layout, lanes = spec.layout, spec.lanes
    image, places = layout.to_words(random_machine(spec, 1).weights).astype(np.int64), layout.to_blocks(states)
    accumulators, currents = np.zeros(lanes, np.int64), np.zeros((layout.blocks, lanes), np.int64)
    fired = []
    for sweep in sweeps:
        if sweep.clear:
            accumulators[:] = 0
        for index in range(sweep.rows):
            row, word = sweep.row + index, image[sweep.address + index]
            if sweep.kind is Kind.READ_ROWS:
                accumulators[row % lanes] += word @ places[sweep.block]
            else:
                accumulators += word * (pixels[row] if sweep.pixels else places.reshape(-1)[row])
        if sweep.fires:
            fired.append(sweep.target)
            currents[sweep.target] = accumulators
    assert sorted(fired) == list(range(len(fired))), "each block of neurons once"
    return layout.from_blocks(currents)


@pytest.mark.parametrize("name", SPECS)
def test_the_sweeps_compute_the_currents(name: str) -> None:
    spec = SPECS[name]
    weights = random_machine(spec, 1).weights
    layout, first = spec.layout, weights[0]
    pixels = np.append(random_patterns(spec, 1, 1)[0][0].astype(np.int64), spec.brightest)
    states = np.random.default_rng(2).integers(0, 256, spec.neurons)
    driven = run(spec, layout.reading, pixels, states)
    drives = weights[-1][0] * pixels[-1] if spec.biases else np.zeros(spec.neurons, np.int64)
    drives[: spec.layers[1]] += pixels[:-1] @ first.astype(np.int64)
    assert np.array_equal(driven, drives)
    expected = states @ couplings(spec, [matrix.astype(np.float64) for matrix in weights]).astype(np.int64)
    assert np.array_equal(run(spec, layout.step, pixels, states), expected)


@pytest.mark.parametrize("name", SPECS)
def test_no_cell_goes_without_a_random_byte(name: str) -> None:
    layout = SPECS[name].layout
    codes = [*layout.codes.tolist(), *layout.input_codes.tolist()]
    assert len(set(codes)) == len(codes) and max(codes) < 1 << layout.code_bits
    ends = np.cumsum(SPECS[name].layers[1:])
    layers = [layout.input_codes, *np.split(layout.codes, ends[:-1])]
    for lower, upper in pairwise(layers):
        assert np.bitwise_xor.outer(lower, upper).all()
    if layout.asymmetric:
        assert np.bitwise_xor.outer(layout.row_codes, layout.codes).all()


def test_words_of_784_128_5() -> None:
    layout = MachineSpec(layers=(784, 128, 5)).layout
    assert (layout.words, layout.step_words, sum(sweep.rows for sweep in layout.reading)) == (3156, 40, 3136)
    assert (layout.words_per_input, layout.neuron_words, layout.bias_words, layout.code_bits) == (4, 20, 0, 11)
    # Five blocks of neurons.
    layout = MachineSpec(layers=(784, 128, 5), biases=True).layout
    assert (layout.words, layout.step_words, sum(sweep.rows for sweep in layout.reading)) == (3161, 40, 3141)
    assert (layout.words_per_input, layout.neuron_words, layout.bias_words, layout.code_bits) == (4, 20, 5, 11)
