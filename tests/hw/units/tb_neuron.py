"""Drives the neuron with random and extreme currents, one a clock, in both phases, and compares every bit."""

import random

import cocotb

from ohmprop.model.arithmetic import neuron_step, saturate, tanh_table
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import NEURON, VERDICT
from ohmprop.sim.bench import bench_parameters
from tests.kit.clocked import clocks, start


def cases(spec, driven, nudged):
    """State, activity, current, white, target: rails of the state, ties of the rounding, random ones."""
    largest = (spec.neurons - 1) * spec.weight_limit * spec.activity_limit
    half = 1 << spec.leak_shift
    for state in (spec.state.low, spec.state.low + 1, -1, 0, 1, spec.state.high - 1, spec.state.high):
        for current in (-largest, largest, 0):
            for white in (0, 1):
                yield state, random.randint(-spec.activity_limit, spec.activity_limit), current, white, 1 - white
        # Currents that bring the sum to a tie, and to one below it.
        drive = spec.input_level if driven else 0
        for step in (-2, -1, 0, 1):
            tie = (2 * step + 1) * half - ((drive - state) << spec.leak_shift)
            for current in (tie - 1, tie):
                yield state, spec.target_level if nudged else 5, current, 1, 1
    for _ in range(600):
        scale = random.choice((half, 50 * half, largest))
        yield (
            random.randint(spec.state.low, spec.state.high),
            random.randint(-spec.activity_limit, spec.activity_limit),
            random.randint(-min(scale, largest), min(scale, largest)),
            random.randrange(2),
            random.randrange(2),
        )


def stepped(spec, case, driven, nudged):
    """The state that the model predicts."""
    state, activity, current, white, target = case
    drive = (spec.input_level if white else -spec.input_level) if driven else 0
    error = ((spec.target_level if target else -spec.target_level) - activity) if nudged else 0
    shifts = spec.leak_shift, spec.nudge_shift
    return neuron_step(state, current, drive, error, *shifts, spec.state.low, spec.state.high)


@cocotb.test()
async def steps(dut):
    spec = MachineSpec.from_toml(bench_parameters()["machine"])
    table = tanh_table(spec)
    await start(dut)
    dut.stages.value = (1 << VERDICT) - 1
    rails = set()
    for driven, nudged, tolerance in ((1, 0, 0), (1, 1, 0), (0, 0, 2), (1, 1, 1)):
        dut.driven.value, dut.nudged.value, dut.tolerance.value = driven, nudged, tolerance
        stream = list(cases(spec, driven, nudged))
        present = [random.random() < 0.95 for _ in stream]
        for now in range(len(stream) + max(NEURON, VERDICT)):
            if now < len(stream):
                state, activity, current, white, target = stream[now]
                dut.state.value, dut.activity.value, dut.current.value = state, activity, current
                dut.white.value, dut.target.value, dut.present.value = white, target, present[now]
            if NEURON <= now < len(stream) + NEURON:
                case = stream[now - NEURON]
                new = stepped(spec, case, driven, nudged) if present[now - NEURON] else 0
                assert dut.new_state.value.to_signed() == new, (case, driven, nudged)
                assert dut.new_activity.value.to_signed() == table[new - spec.state.low], case
                rails.add(saturate(new, spec.state.low + 1, spec.state.high - 1) == new or new)
            if now >= VERDICT:
                case = stream[now - VERDICT]
                new = stepped(spec, case, driven, nudged) if present[now - VERDICT] else 0
                assert dut.moved.value == (abs(new - case[0]) > tolerance), (case, new)
            await clocks(dut)
    assert rails == {True, spec.state.low, spec.state.high}, "both rails must be met"
