"""The serial machine without its link: for FPGAs with few logic cells."""

from amaranth import Module, Mux, Signal

from ohmprop.hw.control.random import RandomBytes
from ohmprop.hw.control.sequencer import Sequencer
from ohmprop.hw.parallel.machine import Machine
from ohmprop.hw.serial.crossbar import SerialCrossbar
from ohmprop.hw.serial.neurons import SerialNeurons
from ohmprop.hw.shapes.operation import Action
from ohmprop.hw.units.pipeline import RowSelect, delayed
from ohmprop.model.link.spaces import Space
from ohmprop.model.timing import MEMORY


class SerialMachine(Machine):
    """What hw.parallel.machine.Machine does, with one neuron and one synapse unit for all lanes; its clocks are in model.timing.

    Reset: idle, counters 0, the LFSR at its default; weights and states keep what they hold.
    """

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        m.submodules.sequencer = sequencer = Sequencer(spec)
        m.submodules.crossbar = crossbar = SerialCrossbar(spec)
        m.submodules.neurons = neurons = SerialNeurons(spec)
        m.submodules.random = random = RandomBytes(spec)
        self._connect(m, sequencer, crossbar, neurons, random)
        m.d.comb += [
            neurons.steps.eq(crossbar.steps),
            neurons.current.eq(crossbar.current),
            neurons.sign_block.eq(self.sign_block),
        ]
        m.d.sync += self.sign_bits.eq(neurons.signs)
        self._fetch(m, sequencer, crossbar, neurons)
        self._access(m, sequencer, crossbar, neurons)
        if spec.pulses:
            device, noise = self._pulse(m, sequencer, crossbar.operation, crossbar, random)
            m.d.comb += crossbar.noise.eq(noise[0])
            with m.If(self.access_space >= Space.DEVICE):
                m.d.comb += self.access_read.eq(device.read)
        return m

    def _fetch(self, m, sequencer, crossbar, neurons):
        """The sequencer's operations with their row's and their columns' values, in time for the crossbar."""
        spec, timing = self.spec, self.spec.timing
        m.submodules.select = select = RowSelect(neurons.row_word.shape().elem_shape.width, spec.lanes)
        operation, pixel = self._place(m, sequencer)
        columns = delayed(m, operation, timing.operands - MEMORY)

        def bank(operation, turned):
            # An input's word takes two products here, so its columns are read from both banks as well.
            frees = (operation.action == Action.PROGRAM) & (operation.second ^ turned)
            return Mux(frees, sequencer.kept, sequencer.old)

        m.d.comb += [
            crossbar.operation.eq(operation),
            neurons.new.eq(sequencer.new),
            neurons.row_bank.eq(bank(operation, 0)),
            neurons.row_block.eq(operation.row_block),
            # The side network's update is y g + g y: in each product one factor is the free phase's.
            neurons.column_bank.eq(bank(columns, crossbar.by_side)),
            neurons.column_block.eq(columns.block),
            select.lane.eq(operation.row_lane),
            crossbar.column_values.eq(neurons.column_word),
            crossbar.row_value.eq(select.o),
            *(select.word[lane].eq(neurons.row_word[lane]) for lane in range(spec.lanes)),
        ]
        if pixel is not None:
            is_pixel, pixel = (delayed(m, value, timing.row_value) for value in (operation.pixels, pixel))
            with m.If(is_pixel):
                m.d.comb += crossbar.row_value.eq(pixel)

    def _access(self, m, sequencer, crossbar, neurons):
        """The host's cells and states, while no run is under way."""
        space, address, write = Signal(Space), Signal(16), Signal()
        lane, value = Signal.like(self.access_lane), Signal(8)
        with m.If(self.access):
            m.d.sync += [
                space.eq(self.access_space),
                address.eq(self.access_address),
                write.eq(self.access_write),
                lane.eq(self.access_lane),
                value.eq(self.access_data),
            ]
        # A state of the side network is two cells: words 2 b and 2 b + 1 are the low and the high bytes of block b.
        side = space == Space.SIDE
        m.d.comb += [
            crossbar.access.eq(delayed(m, self.access, 1) & (space == Space.WEIGHTS)),
            crossbar.access_write.eq(write),
            crossbar.access_address.eq(address),
            crossbar.access_lane.eq(lane),
            crossbar.access_data.eq(value),
            neurons.access_block.eq(Mux(side, address >> 1, address)),
            neurons.access_lane.eq(lane),
        ]
        self._answer(m, sequencer)
        with m.Switch(space):
            with m.Case(Space.WEIGHTS):
                m.d.comb += self.access_read.eq(crossbar.access_read)
            with m.Case(Space.STATES):
                m.d.comb += self.access_read.eq(neurons.state)
            with m.Default():
                state = neurons.side_state
                m.d.comb += self.access_read.eq(Mux(address[0], state >> 8, state))
