"""Faults of the fine bits."""

from tests.mutants.mutant import FINE, FINE_LAYERED, FINE_SERIAL, Mutant

MUTANTS = (
    Mutant(
        "fine bits: the multipliers take them as well",
        "units/synapse.py",
        "return cell[spec.fine_bits :].as_signed()",
        "return cell[spec.fine_bits - 1 :].as_signed()",
        FINE,
    ),
    Mutant("fine bits: the weight is not biased", "units/synapse.py", "~cell[top]", "cell[top]", FINE_LAYERED),
    Mutant(
        "fine bits: no saturation below",
        "units/synapse.py",
        "Mux(total < half - limit, half - limit, total)",
        "total",
        FINE,
    ),
    Mutant(
        "fine bits: saturate at the multipliers' limit and any fine bits",
        "units/synapse.py",
        "half, limit = 1 << spec.fine_bits - 1, spec.weight.high << spec.fine_bits",
        "half, limit = 1 << spec.fine_bits - 1, (spec.weight.high << spec.fine_bits) + 3",
        FINE,
    ),
    Mutant(
        "fine bits: the host's write clears the others of a weight",
        "units/synapse.py",
        "Cat(byte[:bits], cell[bits:])",
        "byte[:bits]",
        FINE,
    ),
    Mutant(
        "fine bits: the recurrent difference is not shifted up",
        "parallel/synapses.py",
        "current >> spec.side_update_shift, current) << matrix.pre_shift",
        "current >> spec.side_update_shift, current)",
        FINE,
    ),
    Mutant(
        "serial fine bits: the half of the next word",
        "serial/fine.py",
        "unit.half.eq(delayed(m, half, 1) if memory.shared else 0)",
        "unit.half.eq(~delayed(m, half, 1) if memory.shared else 0)",
        FINE_SERIAL,
    ),
    Mutant(
        "serial fine bits: both halves are written",
        "serial/fine.py",
        "Mux(upper, 0b10, 0b01)",
        "0b11",
        FINE_SERIAL,
    ),
    Mutant(
        "serial fine bits: what was learnt is not written",
        "serial/fine.py",
        "waiting.eq(turned)",
        "waiting.eq(turning)",
        FINE_SERIAL,
    ),
)
