"""A crossbar with its converters as a SPICE subcircuit, for benches in which the machine's hardware is simulated around it."""

from ohmprop.analog.spec import AnalogSpec
from ohmprop.model.spec import MachineSpec

#: Of the amplifiers, so that a current is right to a part of the accumulator's LSB.
GAIN = 1e8
#: A neuron's time constant; a clock has ten times as much.
RC = 1e-9


def weight_pins(spec: MachineSpec) -> list[tuple[str, int, int]]:
    """Sources whose volts are weights, which cells follow: names, and the two neurons."""
    return [(f"w{row}_{column}", row, column) for column in range(spec.neurons) for row in range(column)]


def subcircuit(spec: MachineSpec) -> str:
    """The text, with the pins d0_0, ... (bits of activities), c0_0, ... (bits of codes), the weights', vdd and vss.

    A unit is a volt, and so are the digital pins' 1. A recurrent machine with a converter of currents. Currents are
    integers in the accumulator's LSBs, of which half a one is added, so that what lies between two codes goes up.
    """
    neurons, fraction, adc = spec.neurons, spec.accumulator.fraction, spec.adc
    bits = spec.activity.bits
    analog = AnalogSpec()
    pins = [f"d{neuron}_{bit}" for neuron in range(neurons) for bit in range(bits)]
    pins += [f"c{neuron}_{bit}" for neuron in range(neurons) for bit in range(spec.adc_bits)]
    pins += [name for name, _, _ in weight_pins(spec)]
    lines = [f".subckt crossbar {' '.join(pins)} vdd vss"]
    for neuron in range(neurons):
        weights = [1 << bit for bit in range(bits - 1)] + [-(1 << bits - 1)]
        total = "+".join(f"{weight}*V(d{neuron}_{bit})" for bit, weight in enumerate(weights)).replace("+-", "-")
        lines += [f"Bg{neuron} g{neuron} 0 V=({total})/{spec.activity.one}", f"Eh{neuron} h{neuron} 0 0 g{neuron} 1"]
    for name, row, column in weight_pins(spec):
        for one, other in ((row, column), (column, row)):
            for letter, sign in (("h", ""), ("g", "-")):
                siemens = f"({analog.g_min:g}+{analog.g_one:g}*max({sign}V({name}),0))"
                lines.append(f"B{letter}{one}_{other} {letter}{one} x{other} I=V({letter}{one},x{other})*{siemens}")
    shift = fraction - adc.shift
    for neuron in range(neurons):
        lines += [
            f"Ev{neuron} v{neuron} 0 0 x{neuron} {GAIN:g}",
            f"Rf{neuron} x{neuron} v{neuron} {1 / analog.g_one:g}",
            f"Cf{neuron} x{neuron} v{neuron} {RC * analog.g_one:g}",
            # The nearest code, saturated, and as an unsigned number its bits.
            f"Bk{neuron} k{neuron} 0 V=min(max(floor(V(v{neuron})*{1 << shift}+{0.5 + 2.0 ** (-adc.shift - 1):.9g}),"
            f"{adc.low}),{adc.high})",
            f"Bu{neuron} u{neuron} 0 V=V(k{neuron})+{1 << spec.adc_bits}*u(-0.5-V(k{neuron}))",
        ]
        for bit in range(spec.adc_bits):
            value = f"V(u{neuron})"
            lines.append(
                f"Bc{neuron}_{bit} c{neuron}_{bit} 0 "
                f"V=floor(({value}+0.25)/{1 << bit})-2*floor(({value}+0.25)/{2 << bit})"
            )
    return "\n".join([*lines, ".ends", ""])
