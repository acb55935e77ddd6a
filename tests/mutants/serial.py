"""Faults of the serial machine."""

from tests.mutants.mutant import SERIAL, SERIAL_LAYERED, Mutant

MUTANTS = (
    Mutant(
        "serial crossbar: the side network's products are subtracted",
        "serial/crossbar.py",
        " & ~self.by_side",
        "",
        SERIAL,
    ),
    Mutant(
        "serial synapse: no saturation above",
        "serial/synapse.py",
        "finished(total))",
        "total)",
        SERIAL,
    ),
    Mutant("serial synapse: self weight learns", "serial/synapse.py", "(distance != 0) & ", "", SERIAL),
    Mutant("serial synapse: rounds to nearest", "serial/synapse.py", "2 * byte + 1", "256", SERIAL_LAYERED),
    Mutant(
        "serial neurons: the side network changes the states",
        "serial/neurons.py",
        "stepped & ~self.side",
        "stepped",
        SERIAL,
    ),
    Mutant("serial neurons: a verdict of one lane alone", "serial/neurons.py", "before | last", "last", SERIAL_LAYERED),
)
