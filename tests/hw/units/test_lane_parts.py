"""What a lane is made of, in Amaranth's own simulator: every bit, every latency, rails and ties."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed

from ohmprop.hw.parallel.activities import Activities, column_units, row_units
from ohmprop.hw.units.multiplier import Multiplier
from ohmprop.hw.units.neuron import Neuron
from ohmprop.hw.units.saturate import saturated
from ohmprop.hw.units.side_neuron import SideNeuron
from ohmprop.hw.units.synapse import Synapse
from ohmprop.model.arithmetic import SLOPE, neuron_step, saturate, side_step, stochastic_increment
from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import MEMORY, NEURON, SIDE, SYNAPSE
from tests.kit.simulated import simulate
from tests.kit.specs import SPECS


def test_products_at_the_rails_and_between():
    multiplier, rng = Multiplier(9, 13, 22), np.random.default_rng(2)
    pairs = [(a, b) for a in (-256, -1, 0, 255) for b in (-4096, -1, 1, 4095)]
    pairs += zip(rng.integers(-256, 256, 50).tolist(), rng.integers(-4096, 4096, 50).tolist(), strict=True)
    products = []

    async def bench(ctx):
        for a, b in pairs:
            ctx.set(multiplier.a, a)
            ctx.set(multiplier.b, b)
            await ctx.tick()
            products.append(ctx.get(multiplier.product))

    simulate(multiplier, bench)
    # One clock a product, and none between: Multiplier.latency.
    assert multiplier.latency == 1
    assert products == [a * b for a, b in pairs]


@pytest.mark.parametrize(
    ("form", "symmetric", "low"),
    [(Format(True, 8, 5), False, -128), (Format(True, 8, 7), True, -127), (Format(False, 8, 8), False, 0)],
    ids=["state", "weight", "unsigned"],
)
def test_saturation_of_every_integer(form, symmetric, low):
    value, result = Signal(signed(11)), Signal(signed(11))
    m = Module()
    m.d.comb += result.eq(saturated(value, form, symmetric))
    m.d.sync += Signal().eq(1)

    async def bench(ctx):
        for integer in range(-1024, 1024):
            ctx.set(value, integer)
            assert ctx.get(result) == saturate(integer, low, form.high)

    simulate(m, bench)


@pytest.mark.parametrize(
    ("spec", "rows", "columns"),
    [
        (MachineSpec(layers=(7,), lanes=3), (range(3), range(3)), (range(3), range(3))),
        (MachineSpec(layers=(784, 500, 10), lanes=64), (range(8, 9), range(10)), (range(8), range(64))),
        (MachineSpec(layers=(9, 5, 7, 4), lanes=4, in_turn=False), (range(2, 5), range(4)), (range(4), range(4))),
        (
            MachineSpec(layers=(9, 5, 7, 4), lanes=4, biases=True, in_turn=False),
            (range(2, 5), range(4)),
            (range(5), range(4)),
        ),
    ],
    ids=["recurrent", "one_hidden", "two_hidden", "biases"],
)
def test_units_that_drive(spec, rows, columns):
    assert row_units(spec) == rows
    assert column_units(spec) == columns


@pytest.mark.parametrize("continual", [False, True])
@pytest.mark.parametrize("levels", [0, 1, 2])
def test_values_are_read_as_the_steps_wrote_them(levels, continual):
    """Free and nudged steps write all blocks; all are read, running ones, free ones and none, a word a clock."""
    spec, rng = MachineSpec(layers=(20, 30, 28), lanes=10, continual=continual), np.random.default_rng(4)
    blocks, lanes = range(1, 4), range(10)
    copy = Activities(spec, blocks, lanes, levels)
    groups = len(copy.groups)

    async def bench(ctx):
        async def write(block, values, freely):
            ctx.set(copy.place, block)
            ctx.set(copy.kept_place, block)
            await ctx.tick()
            ctx.set(copy.write, (1 << groups) - 1)
            ctx.set(copy.keep, ((1 << groups) - 1) * freely)
            for lane in range(spec.lanes):
                ctx.set(copy.values[lane], int(values[lane]))
                ctx.set(copy.kept_values[lane], int(values[lane]))
            await ctx.tick()
            ctx.set(copy.write, 0)
            ctx.set(copy.keep, 0)

        running, free = {}, {}
        for step in range(6):
            freely, half = step < 4, step % 2
            ctx.set(copy.half, half)
            written = {}
            for block in range(6):
                written[block] = rng.integers(0, 256, spec.lanes).tolist()
                await write(block, written[block], freely)
            # Nothing of it is seen before the halves change places.
            wanted = [(block, *kind) for block in blocks for kind in ((0, 0), (1, 0), (1, 1), (0, 1)) if step]
            for block, asks_free, dark in wanted:
                ctx.set(copy.block, block)
                ctx.set(copy.free, asks_free)
                ctx.set(copy.dark, dark)
                for _ in range(levels + MEMORY):
                    await ctx.tick()
                ended = written[block] if freely else free[block]
                expected = [0] * spec.lanes if dark else ended if asks_free else running[block]
                assert [ctx.get(value) for value in copy.word] == expected, (step, block, asks_free, dark)
                assert [ctx.get(value) for value in copy.free_word] == ended
            running = written
            free = written if freely else free

    simulate(copy, bench)


def clock_through(component, inputs, output, latency):
    """Give a pipeline one dict of port values a clock; the output ``latency`` clocks after each."""
    outputs = []

    async def bench(ctx):
        ctx.set(component.stages, (1 << len(component.stages)) - 1)
        for now in range(len(inputs) + latency):
            for name, value in inputs[min(now, len(inputs) - 1)].items():
                ctx.set(getattr(component, name), value)
            if now >= latency:
                outputs.append(ctx.get(output))
            await ctx.tick()

    simulate(component, bench)
    return outputs


@pytest.mark.parametrize("nudged", [0, 1])
def test_neuron_at_its_rails_and_ties(nudged):
    spec, half = SPECS["lanes_do_not_divide"], 1 << SPECS["lanes_do_not_divide"].leak_shift
    names = ("state", "current", "activity", "white", "target")
    cases = []
    for state in (spec.state.low, -1, 0, spec.state.high):
        for step in (-300, -2, -1, 0, 1, 300):
            for white in (0, 1):
                drive = spec.input_level if white else -spec.input_level
                tie = (2 * step + 1) * half - ((drive - state) << spec.leak_shift)
                # The error is zero in half of the cases, so that a tie remains one.
                cases += [(state, tie - below, 127 if white else 5, white, 1) for below in (0, 1)]
    expected = []
    for state, current, activity, white, _ in cases:
        drive, error = spec.input_level if white else -spec.input_level, spec.target_level - activity if nudged else 0
        shifts = spec.leak_shift, spec.nudge_shift
        expected.append(neuron_step(state, current, drive, error, *shifts, spec.state.low, spec.state.high))
    constant = {"driven": 1, "nudged": nudged, "present": 1}
    inputs = [constant | dict(zip(names, case, strict=True)) for case in cases]
    neuron = Neuron(spec)
    assert clock_through(neuron, inputs, neuron.new_state, NEURON) == expected
    assert {spec.state.low, spec.state.high} <= set(expected)


def test_side_neuron_at_its_rails_and_ties():
    spec = SPECS["lanes_do_not_divide"]
    low, high, fraction = spec.side.low, spec.side.high, spec.weight.fraction
    names = ("side", "current", "activity", "target", "slope")
    error = spec.target_level - 5
    cases = []
    for side in (low, -1, 0, high):
        for slope in (0, 1, SLOPE.high):
            # Where the excitation goes from one number to the next, around 0 and at its rails.
            for excitation in (low - 1, low, -1, 0, 1, high):
                tie = ((2 * excitation + 1) << fraction - 1) - (error << spec.side_error_shift)
                cases += [(side, tie - below, 5, 1, slope) for below in (0, 1)]
            # Where the move of an excitation of 1 or so goes from one number to the next.
            cases += [
                (side, -(error << spec.side_error_shift) + (near << fraction), 5, 1, slope) for near in range(-3, 4)
            ]
    expected = [
        side_step(side, current, error, slope, fraction, spec.side_error_shift, low, high)
        for side, current, _, _, slope in cases
    ]
    inputs = []
    for case in cases:
        # The slope comes a clock later than the rest, so each case stays for two.
        inputs += [{"present": 1} | dict(zip(names, case, strict=True))] * 2
    neuron = SideNeuron(spec)
    assert clock_through(neuron, inputs, neuron.new_side, SIDE)[::2] == expected
    # A slope below 1 keeps a step from one rail to the other within them.
    assert low < min(expected) < 3 * low // 4 and 3 * high // 4 < max(expected) < high


@pytest.mark.parametrize("shift", [0, 3])
def test_synapse_at_its_rails_and_ties(shift):
    spec = SPECS["lanes_do_not_divide"]
    largest, limit = 2 * spec.activity_limit**2, spec.weight_limit
    expected, inputs = [], []
    for weight in (-limit, -1, 0, limit):
        for byte in (0, 1, 128, 255):
            # Where the increment goes from one number to the next, and its ends.
            edges = [(512 * step - 2 * byte - 1) << shift for step in (-1, 0, 1)]
            differences = [edge - below for edge in edges for below in (0, 1)]
            for difference in (-largest, largest, *differences):
                # Each case stays for SYNAPSE clocks, since its byte and its weight are wanted later than its difference.
                given = {"difference": difference, "random": byte, "weight": weight, "shift": shift, "enable": 1}
                inputs += [given] * SYNAPSE
                increment = stochastic_increment(difference, shift, byte)
                expected.append(saturate(weight + increment, -limit, limit))
    synapse = Synapse(spec)
    assert clock_through(synapse, inputs, synapse.new_weight, SYNAPSE)[::SYNAPSE] == expected
    assert {-limit, limit} <= set(expected)
