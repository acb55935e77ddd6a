"""The learning components under cocotb."""

import pytest

from ohmprop.hw.parallel.crossbar import Crossbar
from ohmprop.hw.units.neuron import Neuron
from ohmprop.hw.units.synapse import Synapse
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.bench import BOTH, run_bench
from tests.kit.specs import SPECS


@pytest.mark.parametrize("name", ["hundred", "coarse_weights"])
def test_synapse(name):
    run_bench(Synapse(SPECS[name]), f"synapse-{name}", "tests.hw.units.tb_synapse", {"machine": SPECS[name].to_toml()})


@pytest.mark.parametrize("name", ["hundred", "coarse_weights"])
def test_neuron(name):
    parameters = {"machine": SPECS[name].to_toml()}
    run_bench(Neuron(SPECS[name]), f"neuron-{name}", "tests.hw.units.tb_neuron", parameters, BOTH)


@pytest.mark.parametrize("name", ["lanes_do_not_divide", "one_lane", "band"])
def test_crossbar(name):
    run_bench(
        Crossbar(SPECS[name]), f"crossbar-{name}", "tests.hw.parallel.tb_crossbar", {"machine": SPECS[name].to_toml()}
    )


def test_crossbar_with_two_levels_of_broadcast():
    spec = MachineSpec(layers=(40,), lanes=33)
    parameters = {"machine": spec.to_toml()}
    run_bench(Crossbar(spec), "crossbar-33-lanes", "tests.hw.parallel.tb_crossbar", parameters)
