"""The pulse unit alone, a cell a clock, against ohmprop.model.memristors.unit."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.hw.units.pulse import PulseUnit
from ohmprop.model.link.registers import PulseRegisters
from ohmprop.model.memristors import kernels as pulses
from ohmprop.model.memristors.presets import preset
from ohmprop.model.memristors.tables import StepTables
from ohmprop.model.memristors.unit import PulseUnit as Devices
from ohmprop.model.memristors.unit import pulse_unit
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import PULSE
from tests.kit.simulated import simulate

SPEC = MachineSpec(layers=(7,), lanes=3, pulses=True)
#: Entries of half a level and of one, so that each rounding of the products decides.
HALVES = 1 + np.arange(512).reshape(2, 256) % 2
#: Large steps and small ones, rails of either kind, gains at both ends.
UNITS = {
    "halves": Devices(StepTables(SPEC.weight, -127, 127, HALVES, HALVES, 15, "reference"), 5, True, 90),
    "pcm": replace(pulse_unit(preset("pcm"), SPEC, 7), spread=255, decay_shift=1),
    "ecram": replace(pulse_unit(preset("ecram"), SPEC, 3), noise=True, decay_shift=15),
}


def expected(unit, decays, increment, weight, random, bits, stuck):
    """The weight after it, and its counts."""
    constants = unit.constants
    low, high, most, spread = constants.low, constants.high, constants.most, constants.spread
    rounding = random[0] | random[1] << 8
    if decays:
        return int(weight if stuck else pulses.decayed(weight, unit.decay_shift, rounding)), (0, 0, 0)
    wanted = max(-most, min(most, increment))
    lost = abs(wanted) if weight == (high if wanted > 0 else low) else 0
    counts = (max(0, wanted), max(0, -wanted), lost)
    if stuck or not wanted:
        return weight, counts
    deviation = pulses.deviate(random[2] | random[3] << 8) if unit.noise else 0
    gain = pulses.cell_gain(bits, spread)
    return int(pulses.weight_after(weight, wanted, gain, deviation, rounding, unit.constants)), counts


def cases(unit):
    """Rails and their neighbours with every number of pulses, then random ones."""
    rng, low, high = np.random.default_rng(8), unit.tables.low, unit.tables.high
    weights = [low, low + 1, -1, 0, 1, high - 1, high]
    given = [(n, w, 0) for w in weights for n in range(-unit.most - 1, unit.most + 2)]
    given += [
        (int(rng.integers(-20, 21)), int(rng.integers(low, high + 1)), int(rng.random() < 0.1)) for _ in range(250)
    ]
    edges = np.array([[0, 0, 0, 0], [255, 255, 255, 255], [0, 0, 255, 255], [255, 255, 0, 0]])
    for number, (increment, weight, stuck) in enumerate(given):
        random = edges[number % 4] if number % 3 == 0 else rng.integers(0, 256, 4)
        yield increment, weight, random.tolist(), int(rng.choice([0, 0xFFFF, int(rng.integers(1 << 16))])), stuck


@pytest.mark.parametrize("decays", [False, True], ids=["pulses", "decay"])
@pytest.mark.parametrize("name", UNITS)
def test_pulse_unit(name, decays):
    unit, component, stream = UNITS[name], PulseUnit(SPEC), list(cases(UNITS[name]))
    tables = unit.tables
    registers = vars(PulseRegisters.of(unit)) | {"low": tables.low, "high": tables.high}

    async def bench(ctx):
        ctx.set(component.device, registers)
        ctx.set(component.decays, decays)
        for direction in range(2):
            for weight in range(256):
                entry = weight | direction << 8
                step, noise = (int(t[direction, (weight + 128) % 256]) for t in (tables.steps, tables.noises))
                ctx.set(component.table, {"write": 1, "entry": entry, "step": step, "noise": noise})
                await ctx.tick()
        ctx.set(component.table.write, 0)
        for now in range(len(stream) + PULSE):
            increment, weight, random, bits, stuck = stream[min(now, len(stream) - 1)]
            ctx.set(component.increment, increment)
            ctx.set(component.weight, weight)
            ctx.set(component.random, random)
            ctx.set(component.hash, bits)
            ctx.set(component.stuck, stuck)
            if 2 <= now < len(stream):
                counts = tuple(ctx.get(component.counts[name]) for name in ("up", "down", "lost"))
                assert counts == expected(unit, decays, *stream[now - 2])[1], (now, stream[now - 2])
            if now >= PULSE:
                wanted = expected(unit, decays, *stream[now - PULSE])[0]
                assert ctx.get(component.new_weight) == wanted, (now, stream[now - PULSE])
            await ctx.tick()

    simulate(component, bench)
