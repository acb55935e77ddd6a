"""Faults of converters."""

from tests.mutants.mutant import Mutant

RECURRENT = "tests/hw/test_quick.py::test_converters[recurrent]"
LAYERED = "tests/hw/test_quick.py::test_converters[layered]"
SERIAL = "tests/hw/test_quick.py::test_converters[recurrent-serial]"
UNIT = "units/converter.py"

MUTANTS = (
    Mutant("converter: rounded down", UNIT, "(value + (1 << shift - 1)) >> shift", "value >> shift", RECURRENT),
    Mutant("converter: ties downwards", UNIT, "(1 << shift - 1)) >>", "(1 << shift - 1) - 1) >>", RECURRENT),
    Mutant(
        "converter: no upper end",
        UNIT,
        "Mux(code > high, high, Mux(code < low, low, code))",
        "Mux(code < low, low, code)",
        RECURRENT,
    ),
    Mutant("converter: no lower end", UNIT, "Mux(code < low, low, code)", "code", RECURRENT),
    Mutant(
        "neuron: currents are not converted",
        "units/neuron.py",
        "converted(self.current, spec.adc)",
        "self.current",
        LAYERED,
    ),
    Mutant(
        "datapath: activities are not converted",
        "control/datapath.py",
        "Mux(reads, converted(value, self.spec.dac), value)",
        "value",
        LAYERED,
    ),
    Mutant(
        "datapath: what learns is converted",
        "control/datapath.py",
        "(delayed(m, self.operation, late).action != Action.PROGRAM) & ~self.phase.side",
        "~self.phase.side",
        LAYERED,
    ),
    Mutant(
        "datapath: the side network's values are converted",
        "control/datapath.py",
        "!= Action.PROGRAM) & ~self.phase.side",
        "!= Action.PROGRAM)",
        RECURRENT,
    ),
    Mutant(
        "serial datapath: columns are not converted",
        "serial/datapath.py",
        "self._converted(m, neurons.column_word, timing.operands)",
        "neurons.column_word",
        SERIAL,
    ),
    Mutant(
        "parallel datapath: columns are not converted",
        "parallel/datapath.py",
        "self._converted(m, neurons.column_word, timing.column_values)",
        "neurons.column_word",
        LAYERED,
    ),
)
