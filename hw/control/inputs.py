"""The inputs of a layered machine: the pixels of the loaded pattern, as a list of the rows that are driven."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import input_shape, operation_layout
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import INPUTS


class Inputs(wiring.Component):
    """Pixels come in packed, ``spec.pixel_bits`` each, the first one lowest; zero ones are left out if ``skip`` is set.

    An operation on the inputs arrives with a position in the list and leaves with that input's index and word address;
    any other passes unchanged. A black pattern drives its first row all the same, since a sweep is never empty.
    The biases' input has the place behind all pixels and stands at the brightest pixel, whatever is loaded.
    Latency INPUTS clocks from ``operation`` to ``placed`` and ``pixel``; an operation a clock. A byte takes as many clocks
    as it has pixels, during which ``ready`` is low. Reset drops what is being loaded.
    """

    latency = INPUTS

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "begin": In(1),  #: with ``load``: the byte is a pattern's first
                "load": In(1),  #: one clock while ready: take ``bits``
                "bits": In(8),
                "ready": Out(1),
                "skip": In(1),  #: leave zero pixels out; constant while a pattern is loaded
                "less_one": Out(input_shape(spec)),  #: rows in the list, minus one
                "every": In(1),  #: a place is the input of that number; constant during a sweep
                "ahead": In(input_shape(spec)),  #: the place of ``operation``'s input in the next clock
                "operation": In(operation_layout(spec)),  #: from the sequencer
                "placed": Out(operation_layout(spec)),  #: to crossbar and neurons
                "pixel": Out(8),  #: the value of its input
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        entry = data.StructLayout({"input": input_shape(self.spec), "pixel": self.spec.pixel_bits})
        constant = {"input": self.spec.inputs, "pixel": self.spec.brightest}
        init: list[dict[str, int]] = [{}] * self.spec.inputs + [constant] if self.spec.biases else []
        m.submodules.rows = rows = Memory(shape=entry, depth=self.spec.inputs + self.spec.biases, init=init)
        write, read = rows.write_port(), rows.read_port()
        self._take(m, write)

        # A block RAM's output comes late in its clock, so that it is read ahead and goes through a register.
        placed, row = Signal(operation_layout(self.spec), reset_less=True), Signal(entry, reset_less=True)
        m.d.sync += [placed.eq(self.operation), row.eq(read.data)]
        m.d.comb += [read.addr.eq(self.ahead), self.placed.eq(placed), self.pixel.eq(row.pixel)]
        number = Mux(self.every, placed.input, row.input)
        with m.If(placed.pixels):
            m.d.comb += [self.placed.input.eq(number), self.placed.address.eq(placed.address + number)]
        return m

    def _take(self, m: Module, write: Any) -> None:
        """Append the pixels that drive a row, one per clock."""
        spec = self.spec
        bits, left = Signal(8), Signal(range(8 // spec.pixel_bits + 1))
        number = Signal(range(spec.inputs + 8))
        count = Signal(range(spec.inputs + 1))
        pixel = bits[: spec.pixel_bits]
        drives = (number < spec.inputs) & ((pixel != 0) | ~self.skip)
        m.d.comb += [
            self.ready.eq(left == 0),
            self.less_one.eq(Mux(count == 0, 0, count - 1)),
            write.addr.eq(count),
            write.data.input.eq(number),
            write.data.pixel.eq(pixel),
        ]
        with m.If(self.load):
            m.d.sync += [bits.eq(self.bits), left.eq(8 // spec.pixel_bits)]
            with m.If(self.begin):
                m.d.sync += [number.eq(0), count.eq(0)]
        with m.If(left != 0):
            m.d.sync += [left.eq(left - 1), bits.eq(bits >> spec.pixel_bits), number.eq(number + 1)]
            # The first row is written in any case, as a black pattern's only one.
            m.d.comb += write.en.eq(drives | (number == 0))
            m.d.sync += count.eq(count + drives)
