"""A circuit as SPICE text, for ngspice and neospice; other simulators that know B sources should read it, and are untried."""

from ohmprop.analog.circuit import TRANSISTOR, Circuit, number
from ohmprop.analog.spec import PAIR

#: Points of a waveform for each RC.
POINTS = 20
#: What the simulators keep to, so that they agree far below an LSB of a state: relative, amperes and volts.
TOLERANCES = "reltol=1e-6 abstol=1e-13 vntol=1e-9"


def netlist(circuit: Circuit, span: float, title: str) -> str:
    """The text of a transient run from the circuit's start over ``span`` RC, with all neurons' outputs v0, v1, ..."""
    analog, count = circuit.analog, len(circuit.start)
    lines = [f"* {title}", f".options {TOLERANCES}"]
    if analog.activation == PAIR:
        lines.append(f".model pair {TRANSISTOR}")
    lines += [" ".join((element.name, *element.nodes, element.value)) for element in circuit.elements()]
    lines.append(f".tran {number(analog.rc / POINTS)} {number(span * analog.rc)} uic")
    lines += [
        ".save " + " ".join(f"v(v{index})" for index in range(first, min(first + 10, count)))
        for first in range(0, count, 10)
    ]
    return "\n".join([*lines, ".end", ""])
