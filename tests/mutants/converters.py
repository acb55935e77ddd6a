"""Faults of converters."""

from tests.mutants.mutant import Mutant

RECURRENT = "tests/hw/test_quick.py::test_converters[recurrent]"
LAYERED = "tests/hw/test_quick.py::test_converters[layered]"
SERIAL = "tests/hw/test_quick.py::test_converters[recurrent-serial]"
CONTINUAL = "tests/hw/test_quick.py::test_converters[continual]"
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
        "neurons: activities are not converted",
        "parallel/neurons.py",
        "converted(neuron.new_activity, spec.dac)",
        "neuron.new_activity",
        LAYERED,
    ),
    Mutant(
        "neurons: what continual updates compare with is not converted",
        "parallel/neurons.py",
        "converted(activity_of(spec, before), spec.dac)",
        "activity_of(spec, before)",
        CONTINUAL,
    ),
    Mutant(
        "serial neurons: activities are not converted",
        "serial/neurons.py",
        "converted(neuron.new_activity, spec.dac)",
        "neuron.new_activity",
        SERIAL,
    ),
)
