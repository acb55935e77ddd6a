"""The learning machine without its link: sequencer, inputs and random numbers around a datapath."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import connect

from ohmprop.hw.control.counters import Counters
from ohmprop.hw.control.inputs import Inputs
from ohmprop.hw.control.pulse_registers import DeviceRegisters
from ohmprop.hw.control.random import RandomBytes
from ohmprop.hw.control.sequencer import PULSE_PORTS, Sequencer
from ohmprop.hw.shapes.pulses import OWN_SETS
from ohmprop.hw.shapes.rules import by_side, every_step
from ohmprop.hw.shapes.signatures import host_ports, machine_signature
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.errors import UserError
from ohmprop.model.link.packing import LINK_BITS
from ohmprop.model.link.spaces import OF_DEVICES
from ohmprop.model.memristors.kernels import NOISY_SETS, READ_SETS
from ohmprop.model.spec import MachineSpec


def check_widths(spec: MachineSpec) -> None:
    """UserError if there is no hardware for the machine, or its weight memory cannot hold the weights."""
    if spec.kernels:
        raise UserError("No hardware has kernels yet; give --board golden, or a machine without them.")
    widths = {matrix.weight.bits for matrix in spec.matrices}
    if len(widths) > 1 or max(widths) > LINK_BITS:
        raise UserError(
            f"The hardware cannot hold weights of {' and '.join(map(str, sorted(widths)))} bits; give weight and "
            f"input_weight one width of at most {LINK_BITS} bits, or use --board golden."
        )


class Machine(wiring.Component):
    """Learns and recalls the loaded pattern; gives the host access to weights and states, one at a time.

    Its ports are hw.shapes.signatures.machine_signature, its behaviour the golden machine's, bit for bit and clock for
    clock.
    Reset: idle, counters 0, the LFSR at its default; weights and states keep what they hold.
    """

    def __init__(self, spec: MachineSpec, datapath: Any):
        """``datapath`` is made for the same spec and has the ports of hw.shapes.signatures.datapath_signature."""
        check_widths(spec)
        self.spec, self.datapath = spec, datapath
        super().__init__(machine_signature(spec).flip())

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.sequencer = sequencer = Sequencer(spec)
        m.submodules.random = random = RandomBytes(spec)
        m.submodules.datapath = datapath = self.datapath
        # Recurrent backpropagation's second phase, and its update.
        side_update = by_side(spec, self.settings)
        m.d.comb += [
            # Registered, since the command processor is far away, and where the lists of rows take turns a clock later.
            sequencer.start.eq(delayed(m, self.start, 2 if spec.store else 1)),
            sequencer.program.eq(self.program),
            sequencer.settings.eq(self.settings),
            sequencer.by_side.eq(side_update),
            sequencer.every_step.eq(every_step(spec, self.settings)),
            sequencer.moved.eq(datapath.moved),
            sequencer.changed.eq(datapath.changed),
            self.busy.eq(sequencer.busy),
            self.steps.eq(sequencer.steps),
            self.clocks.eq(sequencer.clocks),
            random.draw.eq(sequencer.draw),
            random.load.eq(self.lfsr_load),
            random.load_value.eq(self.lfsr_next),
            self.lfsr.eq(random.lfsr),
            datapath.tolerance.eq(self.settings.tolerance),
            *(shift.eq(self.settings[f"update_shift_{number}"]) for number, shift in enumerate(datapath.shifts)),
            datapath.by_side.eq(side_update),
            datapath.random_bytes.eq(random.set_0),
            sequencer.drawn_sign.eq(random.set_1[0][0] if spec.nudges else 0),
            datapath.issued.eq(sequencer.operation),
        ]
        connect(m, sequencer.phase, datapath.phase)
        self._place(m, sequencer)
        self._count(m, sequencer)
        self._serve_host(m, sequencer)
        if spec.pulses:
            self._pulse(m, sequencer, random)
        return m

    def _place(self, m: Module, sequencer: Sequencer) -> None:
        """The sequencer's operations, those of the inputs with their row, and the row's pixel beside them."""
        datapath = self.datapath
        if self.spec.recurrent:
            m.d.comb += [self.load_ready.eq(1), datapath.operation.eq(sequencer.operation)]
            return
        m.submodules.inputs = inputs = Inputs(self.spec)
        m.d.comb += [
            inputs.begin.eq((self.load_block == 0) & (self.load_byte == 0)),
            inputs.load.eq(self.load & ~self.load_target),
            inputs.bits.eq(self.load_bits),
            inputs.skip.eq(self.settings.skip),
            inputs.every.eq(sequencer.every),
            self.load_ready.eq(inputs.ready),
            sequencer.inputs_less_one.eq(inputs.less_one),
            inputs.ahead.eq(sequencer.ahead),
            inputs.operation.eq(sequencer.operation),
            datapath.operation.eq(inputs.placed),
            datapath.pixel.eq(inputs.pixel),
        ]
        if self.spec.sparse:
            m.d.comb += [inputs.sparse.eq(self.load_sparse), self.load_ended.eq(inputs.ended)]
        if self.spec.store:
            m.d.comb += inputs.turn.eq(self.start)

    def _count(self, m: Module, sequencer: Sequencer) -> None:
        """A serial machine's events are counted elsewhere (hw/link/counter_memory.py)."""
        if self.spec.serial:
            m.d.comb += self.events.eq(sequencer.events)
            return
        m.submodules.counters = counters = Counters(self.spec)
        m.d.comb += [counters.events.eq(sequencer.events), self.counters.eq(counters.counters)]

    def _serve_host(self, m: Module, sequencer: Sequencer) -> None:
        """The host's patterns and cells are the datapath's.

        An access is answered after its time or, if it asked for pulses, once they are given.
        """
        datapath = self.datapath
        answer = delayed(m, self.access, self.spec.timing.access)
        if self.spec.pulses:
            late = Signal()
            due = answer | late
            m.d.sync += late.eq(due & sequencer.busy)
            answer = due & ~sequencer.busy
        m.d.comb += [
            self.access_done.eq(answer),
            datapath.access_done.eq(answer),
            self.access_read.eq(datapath.access_read),
            self.sign_bits.eq(datapath.sign_bits),
        ]
        asked = [name for name, member in host_ports(self.spec).items() if member.flow == wiring.Out]
        m.d.comb += [getattr(datapath, name).eq(getattr(self, name)) for name in asked]

    def _pulse(self, m: Module, sequencer: Sequencer, random: RandomBytes) -> None:
        """The pulse units' registers and what they say to the machine."""
        m.submodules.device = device = DeviceRegisters(self.spec)
        pulses, noise = self.datapath.pulses, self.datapath.noise
        asked = ("space", "address", "lane", "data")
        m.d.comb += [
            *(getattr(device, name).eq(getattr(self, f"access_{name}")) for name in asked),
            device.access.eq(self.access),
            device.write.eq(self.access_write),
            device.counts.eq(pulses.counts),
            *(getattr(sequencer, name).eq(getattr(device, name)) for name in PULSE_PORTS),
            pulses.device.eq(device.device),
            pulses.decays.eq(sequencer.decays),
            pulses.by_host.eq(sequencer.by_host),
            pulses.request.eq(device.request),
            pulses.table.eq(device.table),
            pulses.stuck.eq(device.stuck),
            *(pulses.own_bytes[number].eq(getattr(random, f"set_{1 + number}")) for number in range(OWN_SETS)),
            noise.amplitude.eq(Mux(device.device.most != 0, device.device.read_noise, 0)),
            *(noise.drawn[number].eq(getattr(random, f"set_{NOISY_SETS + number}")) for number in range(READ_SETS)),
        ]
        with m.If(Cat(self.access_space == one for one in OF_DEVICES).any()):
            m.d.comb += self.access_read.eq(device.read)
