"""Nudges of other signs in float64: the centred one's update is the sum of the positive one's and the negative one's."""

import numpy as np
import pytest

from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped


def change(spec: MachineSpec, nudge: str) -> list[np.ndarray]:
    """What one pattern adds to the weights."""
    weights, rng = initial_weights(spec, 3), np.random.default_rng(4)
    image = rng.integers(0, 2, spec.inputs).astype(bool if spec.recurrent else np.uint8)
    machine = equipped(spec, nudge=nudge, beta=0.25)
    reference = Reference(machine, machine.settings, weights)
    reference.learn(image, rng.random(spec.outputs) < 0.5)
    return [after - before for after, before in zip(reference.weights, weights, strict=True)]


@pytest.mark.parametrize("layers", [(12,), (9, 7, 5), (9, 7, 6, 5)], ids=str)
def test_a_centred_nudge_compares_the_two_others(layers: tuple[int, ...]) -> None:
    spec = MachineSpec(layers=layers, lanes=4)
    positive, negative, centred, drawn = (
        change(spec, nudge) for nudge in ("positive", "negative", "centred", "random")
    )
    for matrix in zip(centred, positive, negative, strict=True):
        assert np.abs(matrix[0]).max() > 1e-5 and matrix[0] == pytest.approx(matrix[1] + matrix[2])
    assert any(np.allclose(drawn[0], one[0]) for one in (positive, negative))
