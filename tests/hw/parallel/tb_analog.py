"""A machine's neurons and sequencer around an analog crossbar in ngspice, against the golden machine with the same converters."""

import tempfile
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge
from cocotbext.ams import AnalogBlock, DigitalPin, MixedSignalBridge, _bridge

from ohmprop.analog.bench import subcircuit, weight_pins
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.bench import bench_parameters
from tests.hw.tb_machine import Port, learns_alike
from tests.kit.clocked import clocks, pack, start, unpack

#: How often the two simulators meet, in ns: twice a clock.
MEET = 5.0


class Bridge(MixedSignalBridge):
    """The bridge for ports that are arrays: all lanes are read, and written, together where the simulators meet."""

    def __init__(self, dut, spec, folder):
        path = Path(folder) / "crossbar.cir"
        path.write_text(subcircuit(spec))
        self.spec, self.codes = spec, [0] * spec.lanes
        digital = {f"d{neuron}": DigitalPin("input", spec.activity.bits, vdd=1.0) for neuron in range(spec.neurons)}
        digital |= {f"c{neuron}": DigitalPin("output", spec.adc_bits, vdd=1.0) for neuron in range(spec.neurons)}
        block = AnalogBlock(
            "crossbar", path, "crossbar", digital, {name: 0.0 for name, _, _ in weight_pins(spec)}, 1.0, 0.0, "1n"
        )
        super().__init__(dut, [block], max_sync_interval_ns=MEET)

    def _resolve_signal(self, block_name, pin_name):
        raise AttributeError(pin_name)

    def _read_analog_outputs(self, block):
        activities = unpack(self._dut.analog__dac.value.to_unsigned(), self.spec.activity.bits, self.spec.neurons)
        for neuron in range(self.spec.neurons):
            pin = block.digital_pins[f"c{neuron}"]
            nodes = self._block_output_nodes[block.name][f"c{neuron}"]
            self.codes[neuron] = pin.analog_to_digital([self._sim.get_node_voltage(node) for node in nodes])
            bits = block.digital_pins[f"d{neuron}"].digital_to_analog(activities[neuron])
            for name, volts in zip(self._block_vsrc_names[block.name][f"d{neuron}"], bits, strict=True):
                self._sim.set_vsrc(name, volts)
        self._dut.analog__adc.value = pack(self.codes, self.spec.adc_bits)

    def hold(self, weights):
        """Program the cells: weights (neurons, neurons), as integers."""
        for name, row, column in weight_pins(self.spec):
            self.set_analog_input("crossbar", name, float(weights[row, column]) / self.spec.weight.one)


def nanoseconds(golden, patterns, settle):
    """What the bench takes at most: ngspice cannot be ended before the time that it was given."""
    spec, twin = golden.spec, GoldenMachine(golden.spec)
    twin.weights = golden.weights
    replies = [twin.learn(np.array(pattern, bool), np.array(target, bool)) for pattern, target in patterns]
    clocks = sum(reply.clocks + settle * (reply.free_steps + reply.nudged_steps) for reply in replies)
    accesses = (spec.layout.words + spec.layout.blocks) * spec.lanes * (spec.timing.access + 2)
    return 10.0 * (clocks + len(patterns) * (accesses + 60))


# ngspice 39 ends at sources whose value is given as well as external.
_generate = _bridge.generate_netlist
_bridge.generate_netlist = lambda *words, **names: [
    line.replace(" dc 0 external", " external").replace(" dc 0.0 external", " external")
    for line in _generate(*words, **names)
]


@cocotb.test()
async def learns_as_the_golden_machine_with_the_same_converters_does(dut):
    parameters = bench_parameters()
    spec = MachineSpec.from_toml(parameters["machine"])
    golden, port = GoldenMachine(spec), Port(dut, spec, parameters["settle"])
    await start(dut)
    dut.settle.value = port.settle
    golden.weights = (np.array(parameters["weights"], np.int16),)
    await port.write_weights(golden.weights)
    golden.settings = spec.settings
    port.set_settings(golden.settings)
    with tempfile.TemporaryDirectory() as folder:
        bridge = Bridge(dut, spec, folder)
        running = cocotb.start_soon(bridge.start(nanoseconds(golden, parameters["patterns"], port.settle)))
        try:
            await FallingEdge(dut.clk)
            codes = set()
            for pattern, target in parameters["patterns"]:
                pattern, target = np.array(pattern, bool), np.array(target, bool)
                bridge.hold(golden.weights[0])
                await learns_alike(port, golden, pattern, target)
                codes |= set(unpack(dut.analog__adc.value.to_unsigned(), spec.adc_bits, spec.neurons))
                await clocks(dut)
            if expected := parameters["states"]:
                assert golden.states.tolist() == expected
            # The crossbar's currents were there.
            assert len(codes) > 2
        finally:
            # Where an assertion has failed, too: ngspice would ask for ever what time it is.
            await bridge.stop()
            await running
