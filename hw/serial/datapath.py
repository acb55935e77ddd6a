"""The datapath with one unit for all lanes: for FPGAs with few logic cells."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ohmprop.hw.control.datapath import Datapath
from ohmprop.hw.serial.crossbar import SerialCrossbar
from ohmprop.hw.serial.neurons import DARK, SerialNeurons, bank_shape
from ohmprop.hw.shapes.operation import Action, value_shape
from ohmprop.hw.shapes.signatures import phase_signature
from ohmprop.hw.shapes.turns import awaits_turn
from ohmprop.hw.units.pipeline import RowSelect, delayed
from ohmprop.hw.units.read_noise import ReadNoise
from ohmprop.model.link.spaces import Space, cell_spaces
from ohmprop.model.timing import MEMORY


class Banks(wiring.Component):
    """Which banks of the activities hold those before the running step, those after it, and those of the free phase.

    The step that branches off has read what the free phase ended with, or by a continual rule the step before; the others write
    what is not kept. Where neurons step in turn, each phase has a bank that it reads and writes, and in its first step reads in
    another one what has not stepped; by a continual rule the two change places after every step of the second phase.
    Latency one clock from a step's end. No reset: a run's beginning sets them.
    """

    phase: In(phase_signature())
    old: Out(bank_shape)  #: to read
    before: Out(bank_shape)  #: to read in a phase's first step, of blocks that await their turn
    new: Out(bank_shape)  #: to write
    kept: Out(bank_shape)  #: after a step of the second phase, what the free phase ended with

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        phase, bank = self.phase, Signal.like(self.old)
        new, kept = Signal.like(self.new), Signal.like(self.kept)
        old = Mux(phase.fresh, DARK, bank)
        m.d.comb += [self.old.eq(old), self.before.eq(old), self.new.eq(new), self.kept.eq(kept)]
        with m.If(phase.in_turn):
            written = phase.second ^ phase.swapped
            m.d.comb += [
                self.old.eq(written),
                self.before.eq(Mux(phase.second, ~written, DARK)),
                self.new.eq(written),
                self.kept.eq(~written),
            ]
        with m.If(phase.begins):
            m.d.sync += [new.eq(0), kept.eq(2)]
        with m.If(phase.stepped):
            m.d.sync += [bank.eq(new), new.eq(Mux(phase.fresh, 1, bank))]
            with m.If(phase.branches):
                m.d.sync += [new.eq(kept), kept.eq(bank)]
        return m


class SerialDatapath(Datapath):
    """What hw.parallel.datapath.ParallelDatapath does, to the bit, with one neuron and one synapse unit for all lanes.

    Latencies are those of ohmprop.model.timing.Timing; a word is read in a clock and programmed in ``lanes``. Reset: no
    state has moved; weights and states keep what they hold.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.banks = banks = Banks()
        m.submodules.crossbar = crossbar = SerialCrossbar(spec)
        m.submodules.neurons = neurons = SerialNeurons(spec)
        connect(m, flipped(self.phase), banks.phase)
        self._connect(m, crossbar, neurons)
        m.d.comb += [
            neurons.steps.eq(crossbar.steps),
            neurons.current.eq(crossbar.current),
            neurons.new.eq(banks.new),
            neurons.sign_block.eq(self.sign_block),
        ]
        m.d.sync += self.sign_bits.eq(neurons.signs)
        self._fetch(m, crossbar, neurons, banks)
        self._access(m, crossbar, neurons)
        if spec.pulses:
            connect(m, flipped(self.pulses), crossbar.pulses)
            m.submodules.read_noise = read_noise = ReadNoise(spec)
            connect(m, flipped(self.noise), read_noise.of)
            m.d.comb += [read_noise.operation.eq(self.operation), crossbar.noise.eq(read_noise.noise[0])]
        return m

    def _fetch(self, m: Module, crossbar: SerialCrossbar, neurons: SerialNeurons, banks: Banks) -> None:
        """Each operation's row value and column values, in time for the crossbar."""
        spec, timing, operation = self.spec, self.timing, self.operation
        m.submodules.select = select = RowSelect(value_shape(spec).width, spec.lanes)
        columns = delayed(m, operation, timing.operands - MEMORY)

        def bank(operation: Any, block: Any, second: Any) -> Any:
            # An input's word takes two products here, so its columns are read from both banks as well.
            frees = (operation.action == Action.PROGRAM) & second
            old = banks.old
            if spec.in_turn:
                old = Mux(self.phase.early & awaits_turn(spec, self.phase, block), banks.before, old)
            return Mux(frees, banks.kept, old)

        m.d.comb += [
            # In an asymmetric layer the row's factor is the free phase's in both products.
            neurons.row_bank.eq(bank(operation, operation.row_block, operation.second | int(spec.asymmetric))),
            neurons.row_block.eq(operation.row_block),
            # The side network's update is y g + g y: in each product one factor is the free phase's.
            neurons.column_bank.eq(bank(columns, columns.block, columns.second ^ self.by_side)),
            neurons.column_block.eq(columns.block),
            select.lane.eq(operation.row_lane),
            *(
                crossbar.column_values[lane].eq(value)
                for lane, value in enumerate(self._converted(m, neurons.column_word, timing.operands))
            ),
            *(select.word[lane].eq(neurons.row_word[lane]) for lane in range(spec.lanes)),
        ]
        self._drive_row(m, crossbar, select.o)

    def _access(self, m: Module, crossbar: SerialCrossbar, neurons: SerialNeurons) -> None:
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
        cells = [space == one for one in cell_spaces(self.spec)]
        m.d.comb += [
            crossbar.access.eq(delayed(m, self.access, 1) & reduce(or_, cells)),
            crossbar.access_write.eq(write),
            crossbar.access_fine.eq(space == Space.FINE),
            crossbar.access_address.eq(address),
            crossbar.access_lane.eq(lane),
            crossbar.access_data.eq(value),
            neurons.access_block.eq(Mux(side, address >> 1, address)),
            neurons.access_lane.eq(lane),
        ]
        with m.Switch(space):
            with m.Case(*cell_spaces(self.spec)):
                m.d.comb += self.access_read.eq(crossbar.access_read)
            with m.Case(Space.STATES):
                m.d.comb += self.access_read.eq(neurons.state)
            with m.Default():
                state = neurons.side_state
                m.d.comb += self.access_read.eq(Mux(address[0], state >> 8, state))
