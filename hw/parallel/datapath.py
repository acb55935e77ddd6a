"""The datapath with a unit a lane: crossbar and neurons, with the values and cells that go between them."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib.wiring import connect, flipped

from ohmprop.hw.control.datapath import Datapath
from ohmprop.hw.parallel.crossbar import Crossbar
from ohmprop.hw.parallel.neurons import Neurons
from ohmprop.hw.shapes.operation import Action, value_shape
from ohmprop.hw.shapes.turns import awaits_turn
from ohmprop.hw.units.pipeline import RowSelect, copies, delayed
from ohmprop.hw.units.read_noise import ReadNoise
from ohmprop.model.link.packing import block_bytes
from ohmprop.model.link.spaces import Space, cell_spaces
from ohmprop.model.timing import FANOUT, MEMORY


class ParallelDatapath(Datapath):
    """A neuron, a synapse unit and a multiplier in every lane.

    Latencies are those of ohmprop.model.timing.Timing, throughput one word per clock. Reset: no state has moved; weights and
    states keep what they hold.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.crossbar = crossbar = Crossbar(spec)
        m.submodules.neurons = neurons = Neurons(spec)
        m.submodules.select = select = RowSelect(value_shape(spec).width, spec.lanes)
        half = Signal()  # of the values, which the running step reads; it writes the other one
        with m.If(self.phase.stepped & ~self.phase.in_turn if spec.in_turn else self.phase.stepped):
            m.d.sync += half.eq(~half)
        self._connect(m, crossbar, neurons)
        m.d.comb += [
            neurons.fires.eq(crossbar.fires),
            neurons.target.eq(crossbar.target),
            neurons.half.eq(half),
            neurons.in_place.eq(self.phase.in_turn),
            neurons.branches.eq(self.phase.branches),
            neurons.load_byte.eq(self.load_byte),
        ]
        self._fetch(m, neurons, crossbar, select)
        self._access(m, crossbar, neurons, select)
        self._sense(m, crossbar, neurons)
        self._signs(m, neurons)
        return m

    def _frees(self, operation: Any, turned: int) -> Any:
        """An update's second product is the free phase's; if ``turned``, its first one."""
        if self.spec.asymmetric:
            return Const(0)
        return (operation.action == Action.PROGRAM) & (operation.second ^ turned) & ~operation.pixels

    def _dark(self, block: Value) -> Value:
        """In a run's first step the values of a block that has not stepped are 0."""
        fresh = self.phase.fresh
        return fresh & awaits_turn(self.spec, self.phase, block) if self.spec.in_turn else fresh

    def _fetch(self, m: Module, neurons: Neurons, crossbar: Crossbar, select: RowSelect) -> None:
        """Each operation's row value and column values, in time for the crossbar."""
        spec, timing, issued = self.spec, self.timing, self.issued
        columns = delayed(m, self.operation, timing.column_values - MEMORY - 1)
        m.d.comb += [
            # The side network's update is y g + g y: in each product one factor is the free phase's.
            # In an asymmetric layer the row's factor is the free phase's in both, which are one product.
            neurons.row_free.eq(issued.action == Action.PROGRAM if spec.asymmetric else self._frees(issued, 0)),
            neurons.row_block.eq(issued.row_block),
            neurons.row_dark.eq(self._dark(issued.row_block)),
            # Of equilibrium propagation the free phase's product is subtracted, and its columns come as ``free_values``.
            neurons.column_free.eq(self.by_side & self._frees(columns, 1)),
            neurons.column_dark.eq(self._dark(columns.block) | (~self.by_side & self._frees(columns, 0))),
            neurons.column_block.eq(columns.block),
            *(
                crossbar.column_values[lane].eq(value)
                for lane, value in enumerate(self._converted(m, neurons.column_word, timing.column_values))
            ),
            crossbar.free_values.eq(neurons.free_word),
        ]
        self._drive_row(m, crossbar, select.o)

    def _sense(self, m: Module, crossbar: Crossbar, neurons: Neurons) -> None:
        """The crossbar's currents in the neurons; those of devices come with read noise."""
        low, currents = self.spec.wire_bits, list(crossbar.currents)
        if low:
            # Of what came through wires the low bits are rounded away.
            currents = [current + (1 << low - 1) >> low for current in currents]
        if self.spec.pulses:
            connect(m, flipped(self.pulses), crossbar.pulses)
            m.submodules.read_noise = read_noise = ReadNoise(self.spec)
            connect(m, flipped(self.noise), read_noise.of)
            m.d.comb += read_noise.operation.eq(self.operation)
            currents = [current + noise for current, noise in zip(currents, read_noise.noise, strict=True)]
        m.d.comb += [neurons.currents[lane].eq(current) for lane, current in enumerate(currents)]

    def _access(self, m: Module, crossbar: Crossbar, neurons: Neurons, select: RowSelect) -> None:
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

        latency = self.timing.weight_memory
        cells = reduce(or_, (self.access_space == one for one in cell_spaces(self.spec)))
        write = delayed(m, self.access & self.access_write & cells, 1 + latency)
        m.d.comb += [
            crossbar.access_write.eq(write),
            crossbar.access_factors.eq(space == Space.FACTORS),
            crossbar.access_address.eq(address),
            crossbar.access_fine.eq(space == Space.FINE),
            crossbar.access_lane.eq(lane),
            crossbar.access_data.eq(value),
            neurons.state_block.eq(Mux(accessing, block, self.sign_block)),
            self.access_read.eq(Mux(high, selected >> 8, selected)),
            select.lane.eq(Mux(accessing, lane, self.operation.row_lane)),
        ]
        # Which word, in several copies; the host's comes later than they do.
        groups = -(-self.spec.lanes // FANOUT)
        sources = copies(m, Mux(accessing, Mux(space == Space.STATES, 1, Mux(side, 2, 3)), 0), groups, 1)
        words = [neurons.row_word, neurons.state_word, neurons.side_word, crossbar.word]
        for index in range(self.spec.lanes):
            with m.Switch(sources[index // FANOUT]):
                for number, word in enumerate(words):
                    with m.Case(number):
                        m.d.comb += select.word[index].eq(word[index])

    def _signs(self, m: Module, neurons: Neurons) -> None:
        """Eight lanes' signs at a time."""
        lanes = self.spec.lanes
        signs = Signal(8 * block_bytes(self.spec))
        byte = delayed(m, self.sign_byte, 1 + MEMORY)
        m.d.comb += signs.eq(Cat(neurons.state_word[lane] > 0 for lane in range(lanes)))
        m.d.sync += self.sign_bits.eq(signs.word_select(byte, 8))
