"""The learning components under cocotb."""

import pytest

from hw.crossbar import Crossbar
from hw.neuron import Neuron
from hw.synapse import Synapse
from model.spec import MachineSpec
from sim.bench import run_bench
from tests.specs import SPECS


@pytest.mark.parametrize("name", ["hundred", "coarse_weights"])
def test_synapse(name):
    run_bench(Synapse(SPECS[name]), f"synapse-{name}", "tests.tb_synapse", {"machine": SPECS[name].to_toml()})


@pytest.mark.parametrize("name", ["hundred", "coarse_weights"])
def test_neuron(name):
    run_bench(Neuron(SPECS[name]), f"neuron-{name}", "tests.tb_neuron", {"machine": SPECS[name].to_toml()})


@pytest.mark.parametrize("name", ["lanes_do_not_divide", "one_lane", "band"])
def test_crossbar(name):
    run_bench(Crossbar(SPECS[name]), f"crossbar-{name}", "tests.tb_crossbar", {"machine": SPECS[name].to_toml()})


def test_crossbar_with_two_levels_of_broadcast():
    spec = MachineSpec(layers=(40,), lanes=33)
    run_bench(Crossbar(spec), "crossbar-33-lanes", "tests.tb_crossbar", {"machine": spec.to_toml()})
