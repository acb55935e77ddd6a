"""Nonlinear resistive networks: their solution, and that EP's local update is the loss's gradient."""

import shutil

import numpy as np
import pytest

from ohmprop.analog.engines import Neospice, Ngspice
from ohmprop.analog.resistive import ResistiveNetwork, ResistiveSpec, alike
from ohmprop.model.errors import MachineError

RNG = np.random.default_rng(0)
INPUTS = RNG.uniform(-1, 1, (5, 4))
TARGETS = np.where(np.eye(3)[RNG.integers(0, 3, 5)] > 0, 0.3, -0.3)
SPICES = [
    Neospice,
    pytest.param(Ngspice, marks=pytest.mark.skipif(not shutil.which("ngspice"), reason="ngspice is not on the PATH")),
]


@pytest.fixture
def network():
    return ResistiveNetwork((4, 10, 3), ResistiveSpec(), 1)


def test_the_adjoint_is_the_slope_of_the_loss(network):
    gradient, siemens = network.adjoint(INPUTS, TARGETS), 1e-9

    def loss():
        lines = network.lines(INPUTS)
        return network.loss(network.solve(lines, TARGETS, np.zeros(5)), TARGETS)

    for layer, place in ((0, (2, 3)), (0, (9, 0)), (1, (4, 2)), (1, (0, 5))):
        cells = network.cells[layer]
        cells[place] += siemens
        above = loss()
        cells[place] -= 2 * siemens
        below = loss()
        cells[place] += siemens
        assert (above - below) / (2 * siemens) == pytest.approx(gradient[layer][place], rel=1e-5)


def test_ep_is_the_gradient(network):
    """One-sided and symmetric nudges; what is left falls with beta, of symmetric ones with its square."""
    adjoint = network.adjoint(INPUTS, TARGETS)
    cosine, length = alike(network.contrast(INPUTS, TARGETS, np.full(5, 1e-6), symmetric=True), adjoint)
    assert cosine >= 0.9999 and abs(length - 1) <= 0.005
    lengths = [
        [abs(alike(network.contrast(INPUTS, TARGETS, np.full(5, beta), both), adjoint)[1] - 1) for beta in (1e-5, 1e-6)]
        for both in (False, True)
    ]
    assert 5 < lengths[0][0] / lengths[0][1] < 15 and 50 < lengths[1][0] / lengths[1][1] < 200


def test_without_the_gain_s_square_the_first_layer_learns_something_else(network):
    contrast = network.contrast(INPUTS, TARGETS, np.full(5, 1e-6), symmetric=True)
    wrong = contrast._replace(first=contrast.first / network.spec.gain**2)
    assert alike(wrong, network.adjoint(INPUTS, TARGETS))[0] < 0.9


@pytest.mark.parametrize("kind", SPICES)
@pytest.mark.parametrize("beta", [0.0, 1e-5, -1e-5])
def test_spice_finds_the_same_nodes(network, kind, beta):
    own = network.solve(network.lines(INPUTS[:1]), TARGETS[:1], np.full(1, beta))[0]
    volts = kind().operating_point(network.netlist(INPUTS[0], TARGETS[0], beta), network.nodes)
    assert np.abs(volts - own).max() <= 10e-6


def test_the_diodes_conduct(network):
    """At this swing the network is not a linear one: without diodes it rests far from here."""
    own = network.solve(network.lines(INPUTS), TARGETS, np.zeros(5))[:, :10]
    free = ResistiveNetwork((4, 10, 3), ResistiveSpec(saturation=1e-30), 1)
    assert np.abs(free.solve(free.lines(INPUTS), TARGETS, np.zeros(5))[:, :10] - own).max() > 0.3


def test_patterns_side_by_side_are_those_one_by_one(network):
    together = network.solve(network.lines(INPUTS), TARGETS, np.full(5, 1e-5))
    for index in range(5):
        one = slice(index, index + 1)
        alone = network.solve(network.lines(INPUTS[one]), TARGETS[one], np.full(1, 1e-5))
        assert np.abs(alone - together[one]).max() < 1e-8


def test_newton_that_does_not_converge_says_so(network, monkeypatch):
    monkeypatch.setattr("ohmprop.analog.resistive.STEPS", 2)
    with pytest.raises(MachineError, match=r"Newton's method did not converge in 2 steps \(a node still moves by"):
        network.solve(network.lines(INPUTS), TARGETS, np.zeros(5))


def test_cells_stay_within_their_rails(network):
    for _ in range(20):
        network.learn(INPUTS, TARGETS, np.full(5, 1e-5), 1e-5)
    spec = network.spec
    for cells in network.cells:
        assert cells.min() >= spec.g_min and cells.max() <= spec.g_max
    assert network.cells.first.min() == spec.g_min
