"""The serial machine without its link: for FPGAs with few logic cells."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring

from hw.inputs import Inputs
from hw.machine import check_widths
from hw.operation import Action
from hw.pipeline import RowSelect, delayed
from hw.port import machine_signature
from hw.random import RandomBytes
from hw.sequencer import Sequencer
from hw.serial_crossbar import SerialCrossbar
from hw.serial_neurons import SerialNeurons
from model.protocol import Space
from model.spec import MachineSpec
from model.timing import MEMORY, Timing


class SerialMachine(wiring.Component):
    """What hw.machine.Machine does, with one neuron and one synapse unit for all lanes; its clocks are in model.timing.

    Reset: idle, counters 0, the LFSR at its default; weights and states keep what they hold.
    """

    def __init__(self, spec: MachineSpec):
        check_widths(spec)
        self.spec = spec
        super().__init__(machine_signature(spec).flip())

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        m.submodules.sequencer = sequencer = Sequencer(spec)
        m.submodules.crossbar = crossbar = SerialCrossbar(spec)
        m.submodules.neurons = neurons = SerialNeurons(spec)
        m.submodules.random = random = RandomBytes(spec)
        m.d.comb += [
            sequencer.start.eq(self.start),
            sequencer.program.eq(self.program),
            sequencer.settings.eq(self.settings),
            sequencer.moved.eq(neurons.moved),
            sequencer.changed.eq(neurons.changed),
            self.busy.eq(sequencer.busy),
            self.steps.eq(sequencer.steps),
            self.clocks.eq(sequencer.clocks),
            self.counters.eq(sequencer.counters),
            random.draw.eq(sequencer.draw),
            random.load.eq(self.lfsr_load),
            random.load_value.eq(self.lfsr_next),
            self.lfsr.eq(random.lfsr),
            *(shift.eq(self.settings[f"update_shift_{number}"]) for number, shift in enumerate(crossbar.shifts)),
            crossbar.random_bytes.eq(random.bytes),
            crossbar.by_side.eq(self.settings.rule[0] & int(spec.recurrent)),
            neurons.side.eq(sequencer.side),
            neurons.steps.eq(crossbar.steps),
            neurons.current.eq(crossbar.current),
            neurons.new.eq(sequencer.new),
            neurons.fresh.eq(sequencer.fresh),
            neurons.whole.eq(sequencer.whole),
            neurons.driven.eq(sequencer.driven),
            neurons.nudged.eq(sequencer.nudged),
            neurons.tolerance.eq(self.settings.tolerance),
            neurons.watch.eq(sequencer.watch),
            neurons.load.eq(self.load & (self.load_target | int(spec.recurrent))),
            neurons.load_target.eq(self.load_target),
            neurons.load_block.eq(self.load_block),
            neurons.load_bits.eq(self.load_bits),
            neurons.sign_block.eq(self.sign_block),
        ]
        m.d.sync += self.sign_bits.eq(neurons.signs)
        self._fetch(m, sequencer, crossbar, neurons)
        self._access(m, crossbar, neurons)
        return m

    def _fetch(self, m, sequencer, crossbar, neurons):
        """The sequencer's operations with their row's and their columns' values, in time for the crossbar."""
        spec, timing = self.spec, Timing(self.spec)
        m.submodules.select = select = RowSelect(neurons.row_word.shape().elem_shape.width, spec.lanes)
        operation = sequencer.operation
        m.d.comb += self.load_ready.eq(1)
        if not spec.recurrent:
            m.submodules.inputs = inputs = Inputs(spec)
            operation = inputs.placed
            m.d.comb += [
                inputs.begin.eq((self.load_block == 0) & (self.load_byte == 0)),
                inputs.load.eq(self.load & ~self.load_target),
                inputs.bits.eq(self.load_bits),
                inputs.skip.eq(self.settings.skip),
                self.load_ready.eq(inputs.ready),
                sequencer.inputs_less_one.eq(inputs.less_one),
                inputs.operation.eq(sequencer.operation),
            ]
        columns = delayed(m, operation, timing.operands - MEMORY)

        def bank(operation, turned):
            frees = (operation.action == Action.PROGRAM) & (operation.second ^ turned)
            return Mux(frees, sequencer.kept, sequencer.old)

        m.d.comb += [
            crossbar.operation.eq(operation),
            neurons.row_bank.eq(bank(operation, 0)),
            neurons.row_block.eq(operation.row_block),
            # The side network's update is y g + g y: in each product one factor is the free phase's.
            neurons.column_bank.eq(bank(columns, crossbar.by_side)),
            neurons.column_block.eq(columns.block),
            select.lane.eq(delayed(m, operation.row_lane, MEMORY)),
            crossbar.column_values.eq(neurons.column_word),
            crossbar.row_value.eq(select.o),
            *(select.word[lane].eq(neurons.row_word[lane]) for lane in range(spec.lanes)),
        ]
        if not spec.recurrent:
            is_pixel, pixel = (delayed(m, value, timing.row_value) for value in (operation.pixels, inputs.pixel))
            with m.If(is_pixel):
                m.d.comb += crossbar.row_value.eq(pixel)

    def _access(self, m, crossbar, neurons):
        """The host's cells and states, while no run is under way."""
        timing = Timing(self.spec)
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
            self.access_done.eq(delayed(m, self.access, timing.access)),
        ]
        with m.Switch(space):
            with m.Case(Space.WEIGHTS):
                m.d.comb += self.access_read.eq(crossbar.access_read)
            with m.Case(Space.STATES):
                m.d.comb += self.access_read.eq(neurons.state)
            with m.Default():
                state = neurons.side_state
                m.d.comb += self.access_read.eq(Mux(address[0], state >> 8, state))
