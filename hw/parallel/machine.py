"""The learning machine without its link: sequencer, crossbar, neurons and random numbers."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring

from ohmprop.hw.control.inputs import Inputs
from ohmprop.hw.control.pulse_registers import DeviceRegisters
from ohmprop.hw.control.random import RandomBytes
from ohmprop.hw.control.sequencer import Sequencer
from ohmprop.hw.parallel.crossbar import Crossbar
from ohmprop.hw.parallel.neurons import Neurons
from ohmprop.hw.shapes.operation import Action, value_shape
from ohmprop.hw.shapes.pulses import OWN_SETS
from ohmprop.hw.shapes.rules import by_side
from ohmprop.hw.shapes.signatures import machine_signature
from ohmprop.hw.units.pipeline import RowSelect, copies, delayed
from ohmprop.hw.units.read_noise import ReadNoise
from ohmprop.model.errors import UserError
from ohmprop.model.link.packing import LINK_BITS, block_bytes
from ohmprop.model.link.spaces import Space
from ohmprop.model.memristors.kernels import NOISY_SETS, READ_SETS
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import FANOUT, MEMORY


def check_widths(spec: MachineSpec) -> None:
    """UserError if the weight memory cannot hold the machine's weights."""
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

    def __init__(self, spec: MachineSpec):
        check_widths(spec)
        self.spec = spec
        super().__init__(machine_signature(spec).flip())

    def elaborate(self, platform):
        m = Module()
        spec, timing = self.spec, self.spec.timing
        m.submodules.sequencer = sequencer = Sequencer(spec)
        m.submodules.crossbar = crossbar = Crossbar(spec)
        m.submodules.neurons = neurons = Neurons(spec)
        m.submodules.random = random = RandomBytes(spec)
        m.submodules.select = select = RowSelect(value_shape(spec).width, spec.lanes)

        self._connect(m, sequencer, crossbar, neurons, random)
        m.d.comb += [
            neurons.fires.eq(crossbar.fires),
            neurons.target.eq(crossbar.target),
            neurons.load_byte.eq(self.load_byte),
        ]
        operation, pixel = self._place(m, sequencer)
        self._fetch(m, sequencer, operation, pixel, neurons, crossbar, select, timing)
        self._access(m, sequencer, operation, crossbar, neurons, select)
        if spec.pulses:
            device, noise = self._pulse(m, sequencer, operation, crossbar, random)
            with m.If(self.access_space >= Space.DEVICE):
                m.d.comb += self.access_read.eq(device.read)
        for lane, current in enumerate(crossbar.currents):
            m.d.comb += neurons.currents[lane].eq(current + (noise[lane] if spec.pulses else 0))
        self._signs(m, neurons)
        return m

    def _connect(self, m, sequencer, crossbar, neurons, random):
        """What a machine with a unit a lane and a serial one have in common."""
        m.d.comb += [
            # Registered, since the command processor is far away.
            sequencer.start.eq(delayed(m, self.start, 1)),
            sequencer.program.eq(self.program),
            sequencer.settings.eq(self.settings),
            sequencer.moved.eq(neurons.moved),
            sequencer.changed.eq(neurons.changed),
            self.busy.eq(sequencer.busy),
            self.steps.eq(sequencer.steps),
            self.clocks.eq(sequencer.clocks),
            self.events.eq(sequencer.events) if self.spec.serial else self.counters.eq(sequencer.counters),
            random.draw.eq(sequencer.draw),
            random.load.eq(self.lfsr_load),
            random.load_value.eq(self.lfsr_next),
            self.lfsr.eq(random.lfsr),
            *(shift.eq(self.settings[f"update_shift_{number}"]) for number, shift in enumerate(crossbar.shifts)),
            crossbar.random_bytes.eq(random.set_0),
            crossbar.by_side.eq(self._by_side()),
            neurons.side.eq(sequencer.side),
            neurons.fresh.eq(sequencer.fresh),
            neurons.whole.eq(sequencer.whole),
            neurons.driven.eq(sequencer.driven),
            neurons.nudged.eq(sequencer.nudged),
            neurons.tolerance.eq(self.settings.tolerance),
            neurons.watch.eq(sequencer.watch),
            neurons.load.eq(self.load & (self.load_target | int(self.spec.recurrent))),
            neurons.load_target.eq(self.load_target),
            neurons.load_block.eq(self.load_block),
            neurons.load_bits.eq(self.load_bits),
        ]

    def _pulse(self, m, sequencer, operation, crossbar, random):
        """The pulse units' registers and their signals to the machine; returns them and the currents' read noise."""
        m.submodules.read_noise = noise = ReadNoise(self.spec)
        m.submodules.device = device = DeviceRegisters(self.spec)
        m.d.comb += [
            *(
                getattr(device, name).eq(getattr(self, f"access_{name}"))
                for name in ("space", "address", "lane", "data")
            ),
            device.access.eq(self.access),
            device.write.eq(self.access_write),
            device.counts.eq(crossbar.counts),
            sequencer.device.eq(device.device),
            sequencer.rewritten.eq(device.rewritten),
            sequencer.requested.eq(device.requested),
            crossbar.device.eq(device.device),
            crossbar.decays.eq(sequencer.decays),
            crossbar.by_host.eq(sequencer.by_host),
            crossbar.request.eq(device.request),
            crossbar.table.eq(device.table),
            crossbar.stuck.eq(device.stuck),
            *(crossbar.own_bytes[number].eq(getattr(random, f"set_{1 + number}")) for number in range(OWN_SETS)),
            noise.operation.eq(operation),
            noise.amplitude.eq(Mux(device.device.most != 0, device.device.read_noise, 0)),
            *(noise.drawn[number].eq(getattr(random, f"set_{NOISY_SETS + number}")) for number in range(READ_SETS)),
        ]
        return device, noise.noise

    def _by_side(self):
        """The update is that of the side network."""
        return by_side(self.spec, self.settings)

    def _frees(self, operation, turned):
        """An update's second product is the free phase's; if ``turned``, its first one."""
        return (operation.action == Action.PROGRAM) & (operation.second ^ turned) & ~operation.pixels

    def _place(self, m, sequencer):
        """The sequencer's operations, those of the inputs with their row, and the row's pixel beside them."""
        if self.spec.recurrent:
            m.d.comb += self.load_ready.eq(1)
            return sequencer.operation, None
        m.submodules.inputs = inputs = Inputs(self.spec)
        m.d.comb += [
            inputs.begin.eq((self.load_block == 0) & (self.load_byte == 0)),
            inputs.load.eq(self.load & ~self.load_target),
            inputs.bits.eq(self.load_bits),
            inputs.skip.eq(self.settings.skip),
            self.load_ready.eq(inputs.ready),
            sequencer.inputs_less_one.eq(inputs.less_one),
            inputs.ahead.eq(sequencer.ahead),
            inputs.operation.eq(sequencer.operation),
        ]
        if self.spec.pulses:
            m.d.comb += inputs.every.eq(sequencer.decays | sequencer.by_host)
        return inputs.placed, inputs.pixel

    def _fetch(self, m, sequencer, operation, pixel, neurons, crossbar, select, timing):
        """Each operation's row value and column values, in time for the crossbar."""
        columns = delayed(m, operation, timing.column_values - MEMORY - 1)
        m.d.comb += [
            crossbar.operation.eq(operation),
            # The side network's update is y g + g y: in each product one factor is the free phase's.
            neurons.row_free.eq(self._frees(sequencer.operation, 0)),
            neurons.row_block.eq(sequencer.operation.row_block),
            # Of equilibrium propagation the free phase's product is subtracted, and its columns come as ``free_values``.
            neurons.column_free.eq(self._by_side() & self._frees(columns, 1)),
            neurons.column_dark.eq(sequencer.fresh | (~self._by_side() & self._frees(columns, 0))),
            neurons.column_block.eq(columns.block),
            neurons.half.eq(sequencer.half),
            crossbar.row_value.eq(select.o),
            crossbar.column_values.eq(neurons.column_word),
            crossbar.free_values.eq(neurons.free_word),
        ]
        if pixel is not None:
            is_pixel, pixel = (delayed(m, value, timing.row_value) for value in (operation.pixels, pixel))
            with m.If(is_pixel):
                m.d.comb += crossbar.row_value.eq(pixel)

    def _answer(self, m, sequencer):
        """The host's access is answered after its time or, if it asked for pulses, once they are given."""
        answer = delayed(m, self.access, self.spec.timing.access)
        if self.spec.pulses:
            late = Signal()
            due = answer | late
            m.d.sync += late.eq(due & sequencer.busy)
            answer = due & ~sequencer.busy
        m.d.comb += self.access_done.eq(answer)

    def _access(self, m, sequencer, operation, crossbar, neurons, select):
        """The host's cells and states leave through the row multiplexer, since no run is under way then."""
        accessing, space, address = Signal(), Signal(Space), Signal(16)
        lane, value = Signal.like(self.access_lane), Signal(8)
        # A state of the side network is two cells: words 2 b and 2 b + 1 are the low and the high bytes of block b.
        side = space == Space.SIDE
        block, high = Mux(side, address >> 1, address), side & address[0]
        with m.If(self.access):
            m.d.sync += [
                accessing.eq(1),
                space.eq(self.access_space),
                address.eq(self.access_address),
                lane.eq(self.access_lane),
                value.eq(self.access_data),
            ]
        with m.Elif(self.access_done):
            m.d.sync += accessing.eq(0)
        selected = select.o.as_signed() if self.spec.recurrent else select.o

        latency = self.spec.timing.weight_memory
        write = delayed(m, self.access & self.access_write & (self.access_space == Space.WEIGHTS), 1 + latency)
        m.d.comb += [
            crossbar.access_write.eq(write),
            crossbar.access_address.eq(address),
            crossbar.access_lane.eq(lane),
            crossbar.access_data.eq(value),
            neurons.state_block.eq(Mux(accessing, block, self.sign_block)),
            self.access_read.eq(Mux(high, selected >> 8, selected)),
        ]
        self._answer(m, sequencer)
        m.d.comb += select.lane.eq(Mux(accessing, lane, operation.row_lane))
        # Which word, in several copies; the host's comes later than they do.
        groups = -(-self.spec.lanes // FANOUT)
        sources = copies(m, Mux(accessing, Mux(space == Space.STATES, 1, Mux(side, 2, 3)), 0), groups, 1)
        words = [neurons.row_word, neurons.state_word, neurons.side_word, crossbar.word]
        for index in range(self.spec.lanes):
            with m.Switch(sources[index // FANOUT]):
                for number, word in enumerate(words):
                    with m.Case(number):
                        m.d.comb += select.word[index].eq(word[index])

    def _signs(self, m, neurons):
        """Eight lanes' signs at a time."""
        lanes = self.spec.lanes
        signs = Signal(8 * block_bytes(self.spec))
        byte = delayed(m, self.sign_byte, 1 + MEMORY)
        m.d.comb += signs.eq(Cat(neurons.state_word[lane] > 0 for lane in range(lanes)))
        m.d.sync += self.sign_bits.eq(signs.word_select(byte, 8))
