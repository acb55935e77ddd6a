"""Faults of crossbar, synapses and random numbers."""

from tests.mutants.mutant import BAND, BIASES, LAYERED, LEARNING, SIDE, SYNAPSE, Mutant

MUTANTS = (
    Mutant("synapse: no saturation above", "saturate.py", "low, form.high))", "low, value))", SYNAPSE),
    Mutant("synapse: no saturation below", "saturate.py", "Mux(value[-1], low, ", "Mux(value[-1], value, ", SYNAPSE),
    Mutant("synapse: the lowest integer is kept", "saturate.py", "value[: form.bits - 1].any()", "1", SYNAPSE),
    Mutant(
        "synapse: half behind the random byte missing", "synapse.py", "2 * self.random + 1", "2 * self.random", SYNAPSE
    ),
    Mutant("synapse: rounds to nearest", "synapse.py", "2 * self.random + 1", "256", SYNAPSE),
    Mutant(
        "random: wrong tap",
        "random.py",
        "Mux(advanced[0], LFSR_TAPS, 0)",
        "Mux(advanced[0], LFSR_TAPS ^ 2, 0)",
        LEARNING,
    ),
    Mutant(
        "random: the register's high byte is drawn",
        "random.py",
        "self.lfsr[:DITHER_BITS]",
        "self.lfsr[-DITHER_BITS:]",
        LEARNING,
    ),
    Mutant(
        "random: drawn bytes in the wrong order",
        "random.py",
        "Mux(differs, self.bytes[bit], 0)",
        "Mux(differs, self.bytes[layout.code_bits - 1 - bit], 0)",
        LEARNING,
    ),
    Mutant(
        "random: byte of the row, not of the cell",
        "random.py",
        "differs = differs ^ self.block[bit - layout.lane_bits]",
        "pass",
        LEARNING,
    ),
    Mutant(
        "crossbar: the free phase's product is added",
        "crossbar.py",
        "column - Mux(kind",
        "column + Mux(kind",
        LEARNING,
    ),
    Mutant("crossbar: accumulators not cleared", "crossbar.py", "Mux(keeps, current, 0)", "current", LEARNING),
    Mutant("crossbar: self weight learns", "crossbar.py", "(distance != 0) & ", "", LEARNING),
    Mutant("crossbar: band ignored", "crossbar.py", "(distance <= spec.reach) & (distance >= -spec.reach)", "1", BAND),
    Mutant(
        "crossbar: row sum to the wrong lane",
        "crossbar.py",
        "does.lane == lane)",
        "does.lane == lane ^ 1)",
        LEARNING,
    ),
    Mutant(
        "crossbar: the side network's products are subtracted",
        "crossbar.py",
        "early.second & ~self.by_side",
        "early.second",
        SIDE,
    ),
    Mutant(
        "crossbar: the side network learns at the wrong rate",
        "crossbar.py",
        "current >> spec.side_update_shift",
        "current >> spec.side_update_shift - 1",
        SIDE,
    ),
    Mutant(
        "crossbar: the inputs' currents are forgotten",
        "crossbar.py",
        "Mux(starts, drive[lane], 0)",
        "0",
        LAYERED,
    ),
    Mutant(
        "crossbar: the inputs' currents one bit too small",
        "crossbar.py",
        "read.data[lane] << max(0, up)",
        "read.data[lane] << max(0, up) >> 1",
        LAYERED,
    ),
    Mutant(
        "crossbar: the inputs' weights learn from the nudged phase alone",
        "crossbar.py",
        "Mux(kind.o[lane].subtracts, self.free_values[lane], 0)",
        "0",
        LAYERED,
    ),
    Mutant(
        "crossbar: a sum along the rows starts from another block's bias",
        "crossbar.py",
        "source = delayed(m, Mux(rows, before_sum.target, arriving.target)",
        "source = delayed(m, arriving.target",
        BIASES,
    ),
    Mutant(
        "machine: the biases learn at the first matrix's rate",
        "crossbar.py",
        "Array(self.shifts)[arriving.matrix]",
        "Array(self.shifts)[Mux(arriving.pixels, 0, arriving.matrix)]",
        BIASES,
    ),
    Mutant(
        "random: an input's number taken for a neuron's",
        "operation.py",
        "(1 << layout.input_bits) | operation.input",
        "operation.input | 0",
        LAYERED,
    ),
)
