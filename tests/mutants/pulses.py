"""Faults of the pulse units and of what they need from the rest."""

from tests.mutants.mutant import PULSE_UNIT, PULSED, PULSED_SERIAL, Mutant

MUTANTS = (
    Mutant(
        "pulse: no saturation at the lower rail",
        "pulse.py",
        "Mux(total < device.low, device.low, total)",
        "total",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: the other direction's table",
        "pulse.py",
        "Cat(first.weight, ~first.up)",
        "Cat(first.weight, first.up)",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: a gain above its most",
        "pulse.py",
        "Mux(gain > GAIN_MOST, GAIN_MOST, gain)",
        "gain",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: the step rounds down",
        "pulse.py",
        "(size + (1 << GAIN_SHIFT - 1)) >> GAIN_SHIFT",
        "size >> GAIN_SHIFT",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: noise grows with the pulses, not with their root",
        "pulse.py",
        "Array(ROOTS.tolist())[first.pulses]",
        "(first.pulses << ROOT_SHIFT)",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: more pulses than the most",
        "pulse.py",
        "Mux(above | below, most, wanted)",
        "wanted",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: a stuck cell moves",
        "pulse.py",
        "first.keeps.eq(self.stuck | (",
        "first.keeps.eq(0 | (",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: lost at the other rail",
        "pulse.py",
        "Mux(first.up, device.high, device.low), counted",
        "Mux(first.up, device.low, device.high), counted",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: a decay rounds another way on each side of 0",
        "pulse.py",
        "(self.decays & (self.weight > 0))",
        "(self.decays & 0)",
        PULSE_UNIT,
    ),
    Mutant(
        "pulses: both copies of a pair are counted",
        "word_pulses.py",
        "row.o[lane].offset > lane",
        "row.o[lane].offset != lane",
        PULSED,
    ),
    Mutant(
        "pulses: the hash of the row, not of the cell",
        "word_pulses.py",
        "row.o[lane].hash ^ Array(columns)[row.o[lane].block]",
        "row.o[lane].hash",
        PULSED,
    ),
    Mutant(
        "read noise: neuron 0 has none",
        "read_noise.py",
        ", drawn[len(drawn) - 1])",
        ", 0 * drawn[0])",
        PULSED,
    ),
    Mutant(
        "sequencer: a decay with other sets of bytes",
        "sequencer.py",
        "(1 << NOISY_SETS) - 1, 0b110",
        "(1 << NOISY_SETS) - 1, 0b011",
        PULSED,
    ),
    Mutant(
        "serial synapse: late words go to the next one's address",
        "serial_synapse.py",
        "Mux(pulses, late, target)",
        "target",
        PULSED_SERIAL,
    ),
)
