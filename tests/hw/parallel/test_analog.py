"""The hardware around an analog crossbar: RTL in a digital simulator, conductances and amplifiers in ngspice."""

import ctypes.util
import importlib.util

import numpy as np
import pytest

from ohmprop.hw.parallel.analog import AnalogMachine, check_port
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.sim.bench import BOTH, run_bench

MIXED = pytest.mark.skipif(
    not (ctypes.util.find_library("ngspice") and importlib.util.find_spec("cocotbext")),
    reason="libngspice or cocotbext-ams is not installed",
)


def run(name, spec, weights, patterns, states=None, settle=0):
    """Learn patterns while the machine waits ``settle`` clocks for each step's codes."""
    parameters = {
        "machine": spec.to_toml(),
        "weights": weights,
        "patterns": patterns,
        "states": states,
        "settle": settle,
    }
    run_bench(AnalogMachine(spec), name, "tests.hw.parallel.tb_analog", parameters, BOTH)


@MIXED
def test_the_worked_example_of_the_manual():
    """docs/arithmetic.md, with a converter whose codes hold its currents exactly."""
    settings = Settings(free_steps=1, nudged_steps=1, eta_shifts=(3,))
    spec = MachineSpec(layers=(3,), lanes=4, adc_bits=16, settings=settings)
    weights = [[0, 40, -20], [40, 0, 30], [-20, 30, 0]]
    run("analog-worked", spec, weights, [([1, 0, 1], [1, 1, 1])], [22, 10, 22])


@MIXED
def test_ten_patterns_are_learnt():
    settings = Settings(free_steps=4, nudged_steps=2, eta_shifts=(4,))
    spec = MachineSpec(layers=(5,), lanes=5, adc_bits=10, dac_bits=6, settings=settings)
    rng = np.random.default_rng(5)
    weights = np.triu(rng.integers(-60, 61, (5, 5)), 1)
    patterns = [(rng.random((2, 5)) < 0.5).tolist() for _ in range(10)]
    run("analog-ten", spec, (weights + weights.T).tolist(), patterns, settle=3)


@pytest.mark.parametrize("fields", [{}, {"adc_bits": 6, "lanes": 2}, {"adc_bits": 6, "in_turn": True}])
def test_machines_without_an_analog_port(fields):
    with pytest.raises(ValueError, match="no analog port for"):
        check_port(MachineSpec(**{"layers": (4,), "lanes": 4, **fields}))
