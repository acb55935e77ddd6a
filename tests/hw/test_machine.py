"""The whole learning machine under cocotb, against the golden model after every pattern."""

import shutil
from dataclasses import replace

import pytest

from ohmprop.hw.control.machine import check_widths
from ohmprop.hw.top import machine_of
from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.sim.bench import run_bench
from tests.kit.options import OPTIONS
from tests.kit.specs import LAYERED, SPECS

#: Settings at their edges: phases of one step, no second phase, never stopping early.
EDGES = {
    "one_step": Settings(free_steps=1, nudged_steps=1, driven_steps=1, released_steps=0, eta_shifts=(3,)),
    "no_nudge": Settings(free_steps=4, nudged_steps=0, driven_steps=0, released_steps=3, eta_shifts=(2,)),
    "no_stop": Settings(free_steps=9, nudged_steps=5, driven_steps=7, released_steps=6, stop_when_settled=False),
}


#: Crossbars whose wires have factors: lanes without a neuron, converters, weights for each direction with fine bits in turn.
WIRED = {
    "idle_lanes": MachineSpec(layers=(5,), lanes=8, wires=True),
    "converters": MachineSpec(layers=(16,), lanes=16, wires=True, adc_bits=8, dac_bits=5),
    "both_ways": MachineSpec(layers=(11,), lanes=11, wires=True, fine_bits=3, asymmetric=True, in_turn=True),
}

#: What Icarus runs, which looks for what is unknown but is a hundred times slower: machines of a few neurons and steps.
SHORT = Settings(free_steps=2, nudged_steps=1, driven_steps=1, released_steps=1, eta_shifts=(3,))
SHORT_LAYERED = Settings(free_steps=2, nudged_steps=1, driven_steps=1, released_steps=0, eta_shifts=(3, 4))
SMALLEST = {
    "recurrent": MachineSpec(layers=(4,), lanes=3, settings=SHORT),
    "layered": MachineSpec(layers=(3, 2, 2), lanes=2, settings=SHORT_LAYERED),
    "serial": MachineSpec(layers=(3,), lanes=8, serial=True, settings=SHORT),
    "serial_layered": MachineSpec(layers=(2, 2, 2), lanes=8, serial=True, settings=SHORT_LAYERED),
}


def run(name, spec, patterns=4, weight_limit=127, simulators=("verilator",)):
    """Learn ``patterns`` at the machine's settings; 0: one each at all that the options' pairs take (settings_of)."""
    testbench = f"tests.hw.{'tb_machine' if spec.recurrent else 'tb_layered'}"
    parameters = {"machine": spec.to_toml(), "patterns": patterns, "weight_limit": weight_limit}
    run_bench(machine_of(spec), name, testbench, parameters, simulators)


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not installed")
def test_nothing_is_unknown_to_icarus(name):
    run(f"smallest-{name}", SMALLEST[name], 1, simulators=["icarus"])


# The slow ones learn on the virtual board as well, or are near others.
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [
        "lanes_do_not_divide",
        pytest.param("one_lane", marks=SLOW),
        "band",
        pytest.param("coarse_weights", marks=SLOW),
        "serial",
    ],
)
def test_machine(name):
    run(f"machine-{name}", SPECS[name], patterns=5)


@SLOW
def test_machine_with_hundred_neurons():
    run("machine-hundred", SPECS["hundred"], patterns=2, weight_limit=12)


def test_settings_at_their_edges():
    # One build serves all, since settings are registers.
    for settings in EDGES.values():
        run("machine-edges", replace(SPECS["band"], settings=settings))


@pytest.mark.parametrize(
    "name",
    [
        "one_hidden",
        "three_hidden",
        pytest.param("one_block", marks=SLOW),
        pytest.param("nothing_skipped", marks=SLOW),
        "biases_of_two_hidden",
        pytest.param("serial", marks=SLOW),
        "serial_deep",
    ],
)
def test_layered_machine(name):
    run(f"layered-{name}", LAYERED[name])


@pytest.mark.parametrize("name", OPTIONS)
def test_options_in_pairs(name):
    run(f"options-{name}", OPTIONS[name], patterns=0)


@pytest.mark.parametrize("name", WIRED)
def test_wires_with_factors(name):
    run(f"wired-{name}", WIRED[name], patterns=3, weight_limit=90)


@pytest.mark.parametrize("bits", [7, 12])
def test_weights_that_the_hardware_cannot_hold(bits):
    spec = MachineSpec(layers=(4, 3, 2), input_weight=Format(True, bits, bits))
    with pytest.raises(UserError, match=f"weights of .*{bits}.* bits"):
        check_widths(spec)
