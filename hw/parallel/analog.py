"""A machine whose crossbar is elsewhere: activities leave through converters, and currents come back through others."""

from typing import Any

from amaranth import EnableInserter, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, Signature, connect, flipped

from ohmprop.hw.control.machine import Machine
from ohmprop.hw.parallel.crossbar import Crossbar
from ohmprop.hw.parallel.datapath import ParallelDatapath
from ohmprop.hw.parallel.neurons import Neurons
from ohmprop.hw.shapes.signatures import datapath_signature, machine_signature
from ohmprop.hw.units.converter import converted
from ohmprop.model.rules import RULES, Second
from ohmprop.model.spec import MachineSpec


def analog_port(spec: MachineSpec) -> Signature:
    """The crossbar's converters, seen from the machine, a lane each."""
    return Signature(
        {
            #: Activities; they change with the step, and stand still until the next one but for the update.
            "dac": Out(data.ArrayLayout(signed(spec.activity.bits), spec.lanes)),
            #: Codes of the currents, looked at when a step's last word has come to the accumulators.
            "adc": In(data.ArrayLayout(signed(spec.adc_bits), spec.lanes)),
        }
    )


def check_port(spec: MachineSpec) -> None:
    """Raise ValueError unless it is a recurrent machine of one block of lanes with a converter of currents that learns by EP."""
    side = RULES[spec.settings.rule].second is Second.SIDE
    if not spec.recurrent or spec.layout.blocks > 1 or not spec.adc_bits or spec.in_turn or spec.pulses or side:
        raise ValueError(f"no analog port for {spec.to_toml()}")


class AnalogDatapath(ParallelDatapath):
    """The neurons around an analog crossbar. The weights are kept and learn as they do; their currents are not looked at.

    Latencies, throughput and reset are those of ParallelDatapath.
    """

    def __init__(self, spec: MachineSpec):
        check_port(spec)
        self.spec, self.timing = spec, spec.timing
        wiring.Component.__init__(
            self,
            Signature({**datapath_signature(spec).flip().members, "analog": Out(analog_port(spec)), "fires": Out(1)}),
        )

    def _sense(self, m: Module, crossbar: Crossbar, neurons: Neurons) -> None:
        """The codes as currents, and the stored activities as codes."""
        m.d.comb += self.fires.eq(crossbar.fires)
        for lane in range(self.spec.lanes):
            activity = neurons.column_word[lane]
            m.d.comb += [
                neurons.currents[lane].eq(self.analog.adc[lane] << self.spec.adc.shift),
                self.analog.dac[lane].eq(converted(activity, self.spec.dac) if self.spec.dac.shift else activity),
            ]


class AnalogMachine(wiring.Component):
    """A machine with the port of its crossbar, which has the clocks of a sweep to settle, Timing.columns at least, and more.

    Before each step's codes are looked at, the whole machine stands still for ``settle`` clocks, which it does not count. Reset
    and latencies are those of Machine.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.datapath = AnalogDatapath(spec)
        super().__init__({**machine_signature(spec).flip().members, "analog": Out(analog_port(spec)), "settle": In(8)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        machine, stood = Machine(self.spec, self.datapath), Signal.like(self.settle)
        stands = self.datapath.fires & (stood != self.settle)
        m.d.sync += stood.eq(Mux(stands, stood + 1, 0))
        m.submodules.machine = EnableInserter(~stands)(machine)
        for name, member in machine_signature(self.spec).members.items():
            inner, outer = getattr(machine, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow is Out else outer.eq(inner)
        connect(m, self.datapath.analog, flipped(self.analog))
        return m
