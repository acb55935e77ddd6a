"""Drives the synapse unit with random and extreme differences, one a clock, and compares every new weight."""

import random

import cocotb

from ohmprop.model.arithmetic import saturate, stochastic_increment
from ohmprop.model.spec import UPDATE_SHIFTS, MachineSpec
from ohmprop.model.timing import SYNAPSE
from ohmprop.sim.bench import bench_parameters
from tests.kit.clocked import clocks, start


def cases(spec, shift):
    """Every rail and every tie of the rounding, then random ones."""
    largest = 2 * spec.activity_limit**2
    rails = [-spec.weight_limit, -spec.weight_limit + 1, -1, 0, 1, spec.weight_limit - 1, spec.weight_limit]
    for weight in rails:
        for byte in (0, 1, 127, 128, 254, 255):
            for difference in (-largest, largest, 0, -1, 1):
                yield weight, difference, byte, 1
            # The increment's step from n to n + 1 lies where difference >> shift is 512 n - 2 byte - 1.
            for step in (-1, 0, 1, 2):
                edge = (512 * step - 2 * byte - 1) << shift
                for difference in (edge - 1, edge):
                    if abs(difference) <= largest:
                        yield weight, difference, byte, 1
    for _ in range(600):
        scale = random.choice((1 << shift, 1 << shift + 8, largest))
        difference = saturate(random.randint(-scale, scale), -largest, largest)
        yield random.choice(rails), difference, random.randrange(256), random.random() < 0.9


@cocotb.test()
async def learns(dut):
    spec = MachineSpec.from_toml(bench_parameters()["machine"])
    await start(dut)
    dut.stages.value = (1 << SYNAPSE) - 1
    for shift in range(UPDATE_SHIFTS):
        dut.shift.value = shift
        stream = list(cases(spec, shift))
        expected = [
            saturate(w + e * stochastic_increment(d, shift, b), -spec.weight_limit, spec.weight_limit)
            for w, d, b, e in stream
        ]
        # Random byte, enable and weight belong one clock behind the difference.
        for now in range(len(stream) + SYNAPSE):
            if now >= SYNAPSE:
                got = dut.new_weight.value.to_signed()
                assert got == expected[now - SYNAPSE], (shift, stream[now - SYNAPSE], got)
            if now < len(stream):
                dut.difference.value = stream[now][1]
            if 1 <= now <= len(stream):
                dut.random.value, dut.enable.value = stream[now - 1][2], stream[now - 1][3]
                dut.weight.value = stream[now - 1][0]
            await clocks(dut)
