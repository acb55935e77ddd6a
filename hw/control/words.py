"""The words of a sweep: one row after another of the same column block, at the pace at which the units take them."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.control.sweep_table import SweepTable
from ohmprop.hw.control.update import longest_draw
from ohmprop.hw.shapes.operation import Action, input_shape, operation_layout
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import DRIVE


class Words(wiring.Component):
    """Issues the words of the sweeps that the table shows.

    Between runs it holds the sweep that is shown, so that its first word can be issued in the clock after ``running``
    begins. While it runs, the next sweep follows the last word without a gap, but for the pauses of the table and for the
    clocks in which random bytes are drawn. A word that is read takes one clock; one that is programmed is issued twice, an
    input's in a parallel machine once, and takes Timing.word_clocks or Timing.input_clocks.
    Latency one clock from ``sweep`` to ``operation``. Reset: no pause, and the next word is a word's first operation.
    """

    def __init__(self, spec: MachineSpec, table: SweepTable):
        self.spec, self.table = spec, table
        super().__init__(
            {
                "sweep": In(table.entry),  #: the sweep that comes next
                "running": In(1),  #: words are issued
                "loads": In(1),  #: one clock: the sweep that is shown will run
                "updating": In(1),  #: words are programmed and not read
                "every": In(1),  #: all inputs are gone through, whatever the last pattern was
                "drawing": In(range(longest_draw(spec) + 1)),  #: clocks to wait before the sweep for random bytes
                "inputs_less_one": In(input_shape(spec)),  #: input rows to be read, minus one; layered machines only
                "in_turn": In(1),  #: a turn's last sweep ends as its list's does
                "swept": Out(1),  #: one clock: the last word of a sweep; the one that is shown follows
                "ended": Out(1),  #: one clock: the last word of a list of sweeps
                "rows_skipped": Out(input_shape(spec)),  #: input rows that this sweep leaves out, in its first clock
                "operation": Out(operation_layout(spec)),  #: to the crossbar
                "ahead": Out(input_shape(spec)),  #: its input in the next clock
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timing, sweep = self.spec.timing, self.sweep
        current = Signal(self.table.entry)
        begins, slot = Signal(), Signal(range(timing.word_clocks))
        pause, waits = Signal(range(max(*self.table.pauses, DRIVE) + longest_draw(self.spec) + 1)), Signal()
        # An input does not change between the phases, nor does what drives a row of an asymmetric layer count in both, so its
        # weights need one product, and where that is all that counts, one clock.
        constant = current.operation.pixels | int(self.spec.asymmetric)
        single = ~self.updating | (constant & (timing.input_clocks == 1))
        second, last = slot != 0, single | (slot == timing.word_clocks - 1)
        issues = self.running & ~waits & last
        ends = current.ends | (current.turns & self.in_turn) if self.spec.in_turn else current.ends
        moves = ~self.running | issues  # the next word: another row of the sweep, or
        take = ~self.running | self.swept  # the first one of the next sweep
        m.d.comb += [
            self.operation.eq(current.operation),
            # In a serial machine the units take longer for a word than its two operations.
            self.operation.valid.eq(self.running & ~waits & (slot <= 1)),
            self.operation.second.eq(self.updating & (second | single)),
            self.operation.clear.eq(
                Mux(self.updating, ~second, current.operation.clear & (begins | self._clears_all(current)))
            ),
            self.operation.taken.eq(current.operation.taken & current.last_row),
            self.operation.fires.eq(current.operation.fires & current.last_row),
            self.swept.eq(issues & current.last_row & ~ends),
            self.ended.eq(issues & current.last_row & ends),
            self.ahead.eq(current.operation.input),
        ]
        with m.If(self.running & waits):
            m.d.sync += [pause.eq(pause - 1), waits.eq(pause != 1)]
        with m.Elif(self.running):
            m.d.sync += slot.eq(Mux(last, 0, slot + 1))
        # The currents of the inputs are kept before any start from them.
        driven = current.operation.pixels & ~self.updating & ~sweep.operation.pixels
        with m.If(moves):
            self._next_row(m, current, begins)
            m.d.comb += self.ahead.eq(Mux(take, sweep.operation.input, current.operation.input + 1))
            with m.If(take):
                m.d.sync += [current.eq(sweep), begins.eq(1)]
                m.d.sync += self._pause(driven, pause, waits)
                if not self.spec.recurrent:
                    self._load_inputs(m, current)
        if not self.spec.recurrent:
            self._skip(m, current)
        return m

    def _pause(self, driven: Any, pause: Signal, waits: Signal) -> list[Any]:
        """How long to wait before the sweep that is taken."""
        sweep = self.sweep
        if self.spec.serial:  # whose table has it all
            return [pause.eq(sweep.pause + self.drawing), waits.eq(sweep.waits | (self.drawing != 0))]
        return [
            pause.eq(Mux(driven, DRIVE, sweep.pause) + self.drawing),
            waits.eq(driven | sweep.waits | (self.drawing != 0)),
        ]

    def _clears_all(self, current: Any) -> Any:
        """Every row begins its own sum in a serial machine."""
        return (current.operation.action == Action.READ_ROWS) & self.spec.serial

    def _next_row(self, m: Module, current: Any, begins: Signal) -> None:
        """The word of the next row, in the same column block."""
        operation, lanes = current.operation, self.spec.lanes
        m.d.sync += [begins.eq(0), current.more.eq(current.more - 1), current.last_row.eq(current.more == 1)]
        # An input's number is added to its address later (hw/control/inputs.py).
        m.d.sync += [
            operation.input.eq(operation.input + 1),
            operation.address.eq(operation.address + ~operation.pixels),
            operation.offset.eq(operation.offset + 1),
        ]
        with m.If(operation.row_lane == lanes - 1):
            m.d.sync += [operation.row_lane.eq(0), operation.row_block.eq(operation.row_block + 1)]
        with m.Else():
            m.d.sync += operation.row_lane.eq(operation.row_lane + 1)

    def _reads_inputs(self, sweep: Any) -> Any:
        """A sweep over the inputs that are driven: not that of the biases, which take one word, nor one of all."""
        return sweep.operation.pixels & (sweep.operation.matrix == 0) & ~self.every

    def _load_inputs(self, m: Module, current: Any) -> None:
        """A sweep over the inputs takes as many words as there are rows to be read."""
        one_input = Signal(reset_less=True)  # known long before a run
        m.d.sync += one_input.eq(self.inputs_less_one == 0)
        with m.If(self._reads_inputs(self.sweep)):
            m.d.sync += [current.more.eq(self.inputs_less_one), current.last_row.eq(one_input)]

    def _skip(self, m: Module, current: Any) -> None:
        """Count the rows that a sweep over the inputs leaves out."""
        omitted = Signal.like(self.inputs_less_one, reset_less=True)
        m.d.sync += omitted.eq(self.spec.inputs - 1 - self.inputs_less_one)
        begun = delayed(m, self.loads, 1) & self._reads_inputs(current)
        m.d.comb += self.rows_skipped.eq(Mux(begun, omitted, 0))
