"""SPICE against the project's own solution of the same equations."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.analog import engines
from ohmprop.analog.crossbar import effective
from ohmprop.analog.engines import Equations, Neospice, Ngspice, Waves, checked, engine, read_raw, settle
from ohmprop.analog.spec import PAIR_UNIT
from ohmprop.model.errors import MachineError, UserError
from tests.kit.memories import classifier, memory, network

SPICES = [
    Neospice,
    pytest.param(Ngspice, marks=pytest.mark.skipif(not shutil.which("ngspice"), reason="ngspice is not on the PATH")),
]


def ends(solver, built, pattern, target):
    """Activities where both phases end; the nudged one begins where the own solution's free one does."""
    free = built.free(pattern)
    begin = settle(Equations(), free)[0].states[-1]
    phases = (free, built.nudged(free, begin, target))
    return [free.activities(settle(solver, one)[0].states[-1]) for one in phases]


@pytest.mark.parametrize("kind", SPICES)
def test_a_recurrent_circuit_settles_where_its_equations_do(kind):
    machine, patterns = memory(16, 3)
    built = network(machine)
    for pattern in patterns[:2]:
        pairs = zip(ends(kind(), built, pattern, pattern), ends(Equations(), built, pattern, pattern), strict=True)
        # Amplifiers of a gain of 1e5, and SPICE's own accuracy.
        assert max(np.abs(one - other).max() for one, other in pairs) * machine.spec.state.one < 0.02


@pytest.mark.parametrize("kind", SPICES)
def test_a_layered_circuit_settles_where_its_equations_do(kind):
    machine, images, targets = classifier(biases=True)
    built = network(machine)
    pairs = zip(
        ends(kind(), built, images[0], targets[0]), ends(Equations(), built, images[0], targets[0]), strict=True
    )
    assert max(np.abs(one - other).max() for one, other in pairs) * machine.spec.state.one < 0.1


@pytest.mark.parametrize(
    ("analog", "least", "most"),
    [
        # Transistors lose what their base currents take; offsets and low gains are seen.
        ({"unit": PAIR_UNIT, "activation": "pair"}, 0.01, 1.0),
        ({"unit": PAIR_UNIT, "activation": "pair", "mismatch": 0.005}, 0.5, 8.0),
        ({"gain": 1e3}, 0.1, 2.0),
        ({"offset": 0.001}, 0.5, 20.0),
    ],
)
def test_what_an_amplifier_or_a_pair_lacks_is_seen(analog, least, most):
    machine, patterns = memory(16, 3)
    one, other = (
        ends(solver, network(machine, **parts), patterns[0], patterns[0])[0]
        for solver, parts in ((Neospice(), analog), (Equations(), {}))
    )
    away = np.abs(np.arctanh(one * 0.999) - np.arctanh(other * 0.999)).max() * machine.spec.state.one
    assert least < away < most


@pytest.mark.parametrize("kind", ["recurrent", "layered"])
def test_wires_take_what_the_exact_solution_of_the_crossbar_takes(kind):
    """30 ohms a segment: SPICE settles where the equations do with what is left of the weights, and not where they did."""
    if kind == "recurrent":
        machine, patterns = memory(16, 3)
        pattern = patterns[0]
    else:
        machine, images, _ = classifier()
        pattern = images[0]
    ideal, wired = (network(machine, **parts).free(pattern) for parts in ({}, {"wire": 30.0}))
    analog = wired.analog
    # Straight and inverted lines take turns; where there is no synapse there is no cell.
    siemens = np.zeros((2 * wired.weights.shape[0], wired.weights.shape[1]))
    for first, sign in ((0, -1), (1, 1)):
        siemens[first::2] = np.where(wired.cells, analog.g_min + np.maximum(sign * wired.weights, 0) * analog.g_one, 0)
    left = effective(siemens, analog.wire)
    expected = replace(ideal, weights=(left[1::2] - left[0::2]) / analog.g_one)
    one, other, before = (
        circuit.activities(settle(solver, circuit)[0].states[-1])
        for solver, circuit in ((Neospice(), wired), (Equations(), expected), (Equations(), ideal))
    )
    lsb = machine.spec.state.one
    assert np.abs(one - other).max() * lsb < 0.1 and np.abs(one - before).max() * lsb > 0.5


def test_a_phase_that_does_not_rest_says_so(monkeypatch):
    machine, patterns = memory(16, 3)
    circuit = network(machine).free(patterns[0])
    waves, rests = settle(Equations(), circuit)
    assert rests and waves.times[0] == 0 and np.all(np.diff(waves.times) > 0)
    monkeypatch.setattr(engines, "SPANS", (1.0, 1.0))
    monkeypatch.setattr(engines, "MOST_SPANS", 2)
    waves, rests = settle(Equations(), circuit)
    assert not rests and waves.times[-1] == 2.0


def test_no_engine_is_a_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "neospice", None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"No SPICE is installed; install one with `pip install 'ohmprop\[analog\]'`"):
        engine(None)
    with pytest.raises(UserError, match="The engine neospice is not installed"):
        engine("neospice")
    with pytest.raises(UserError, match="The engine ngspice is not on the PATH"):
        engine("ngspice")
    assert engine("equations").name == "equations"


def test_a_netlist_that_cannot_be_solved_is_a_sentence(monkeypatch, tmp_path):
    machine, patterns = memory(16, 3)
    circuit = network(machine).free(patterns[0])
    monkeypatch.setattr(engines, "netlist", lambda *args: "* nothing\nR1 a\n.end\n")
    with pytest.raises(MachineError, match=r"neospice did not solve the circuit \(.*\); try another --engine"):
        Neospice().run(circuit, 1.0)
    program = tmp_path / "ngspice"
    program.write_text("#!/bin/sh\necho 'no such node' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    with pytest.raises(MachineError, match=r"ngspice did not solve the circuit \(no such node\)"):
        Ngspice().run(circuit, 1.0)
    for waves in (Waves(np.array([0.0, 0.5]), np.zeros((2, 1))), Waves(np.array([0.0, 1.0]), np.full((2, 1), np.nan))):
        with pytest.raises(MachineError, match=r"it ends after .* of 1 RC"):
            checked("ngspice", waves, 1.0)


def test_a_raw_file_of_ngspice_is_read():
    values = np.array([[0.0, 1.5], [1.0, -2.5], [2.0, 3.5]])
    header = "Title: x\nNo. Variables: 2\nNo. Points: 3\nVariables:\n\t0\ttime\ttime\n\t1\tV(V0)\tvoltage\nBinary:\n"
    names, read = read_raw(header.encode() + values.tobytes())
    assert names == ["time", "v(v0)"] and np.array_equal(read, values)
