"""The inputs of a layered machine: the pixels of the loaded pattern, as a list of the rows that are driven."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import input_shape, operation_layout
from ohmprop.model.link.sparse import LONGEST
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import INPUTS


class Inputs(wiring.Component):
    """Pixels come in packed, ``spec.pixel_bits`` each, the first one lowest; zero ones are left out if ``skip`` is set.

    An operation on the inputs arrives with a position in the list and leaves with that input's index and word address;
    any other passes unchanged. A black pattern drives its first row all the same, since a sweep is never empty.
    The biases' input has the place behind all pixels and stands at the brightest pixel, whatever is loaded.
    With ``spec.sparse`` they may also come as nibbles of which runs of zeros take few (model/link/sparse.py); the checks of such
    a pattern are the link's.
    Latency INPUTS clocks from ``operation`` to ``placed`` and ``pixel``; an operation a clock. A byte takes as many clocks
    as it has pixels or nibbles, two at least. Reset drops what is being loaded.
    """

    latency = INPUTS

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "begin": In(1),  #: with ``load``: the byte is a pattern's first
                "load": In(1),  #: one clock, the one after ``ready`` at the earliest: take ``bits``
                "bits": In(8),
                "ready": Out(1),
                "skip": In(1),  #: leave zero pixels out; constant while a pattern is loaded
                "less_one": Out(input_shape(spec)),  #: rows in the list, minus one
                "every": In(1),  #: a place is the input of that number; constant during a sweep
                "ahead": In(input_shape(spec)),  #: the place of ``operation``'s input in the next clock
                "operation": In(operation_layout(spec)),  #: from the sequencer
                "placed": Out(operation_layout(spec)),  #: to crossbar and neurons
                "pixel": Out(8),  #: the value of its input
                #: In a machine that takes sparse patterns: the pixels come as such a pattern's, constant while it is loaded; in
                #: the second clock after ``load``: that was its last byte.
                **({"sparse": In(1), "ended": Out(1)} if spec.sparse else {}),
                #: In a machine with a store, which has two lists, so that the next pattern is loaded while one runs; one clock:
                #: the loaded list is the one that runs from now on.
                **({"turn": In(1)} if spec.store else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        entry = data.StructLayout({"input": input_shape(self.spec), "pixel": self.spec.pixel_bits})
        constant = {"input": self.spec.inputs, "pixel": self.spec.brightest}
        places = 1 << len(self.ahead)
        one: list[dict[str, int]] = [{}] * self.spec.inputs + [constant] * self.spec.biases
        lists = one + [{}] * (places - len(one)) + one if self.spec.store else one
        m.submodules.rows = rows = Memory(shape=entry, depth=2 * places if self.spec.store else len(one), init=lists)
        write, read = rows.write_port(), rows.read_port()
        loaded, less_one = Signal(), Signal.like(self.less_one)  # which list is loaded, and its rows
        self._take(m, write, loaded, less_one)
        m.d.comb += [self.less_one.eq(less_one), read.addr.eq(self.ahead)]
        if self.spec.store:
            runs = Signal.like(self.less_one, reset_less=True)
            with m.If(self.turn):
                m.d.sync += [loaded.eq(~loaded), runs.eq(less_one)]
            m.d.comb += [self.less_one.eq(runs), read.addr.eq(Cat(self.ahead, ~loaded))]

        # A block RAM's output comes late in its clock, so that it is read ahead and goes through a register.
        placed, row = Signal(operation_layout(self.spec), reset_less=True), Signal(entry, reset_less=True)
        m.d.sync += [placed.eq(self.operation), row.eq(read.data)]
        m.d.comb += [self.placed.eq(placed), self.pixel.eq(row.pixel)]
        number = Mux(self.every, placed.input, row.input)
        with m.If(placed.pixels):
            m.d.comb += [self.placed.input.eq(number), self.placed.address.eq(placed.address + number)]
        return m

    def _take(self, m: Module, write: Any, loaded: Signal, less_one: Signal) -> None:
        """Append the pixels that drive a row, one per clock."""
        spec = self.spec
        bits, left = Signal(8), Signal(range(8 // spec.pixel_bits + 1))
        number = Signal(range(spec.inputs + 8))
        count = Signal(range(spec.inputs + 1))
        pixel = bits[: spec.pixel_bits]
        drives = (number < spec.inputs) & ((pixel != 0) | ~self.skip)
        m.d.comb += [
            # By the clock of the next byte all but the last pixel of this one are taken.
            self.ready.eq(left <= 2),
            less_one.eq(Mux(count == 0, 0, count - 1)),
            write.addr.eq(Cat(count[: len(self.ahead)], loaded) if spec.store else count),
            write.data.input.eq(number),
            write.data.pixel.eq(pixel),
        ]
        run = _Run(m, self.sparse, bits, left) if spec.sparse else None
        a_pixel = ~run.within if run else 1
        with m.If(left != 0):
            m.d.sync += [left.eq(left - 1), bits.eq(bits >> spec.pixel_bits)]
            m.d.sync += number.eq(number + (run.pixels if run else 1))
            # The first row is written in any case, as a black pattern's only one.
            m.d.comb += write.en.eq((drives | (number == 0)) & a_pixel)
            m.d.sync += count.eq(count + (drives & a_pixel))
            if run:
                run.step(m)
        with m.If(self.load):
            m.d.sync += [bits.eq(self.bits), left.eq(8 // spec.pixel_bits)]
            with m.If(self.begin):
                m.d.sync += [number.eq(0), count.eq(0)]
        if run:
            m.d.comb += self.ended.eq(run.ended)


class _Run:
    """The runs of zeros of a sparse pattern, a nibble a clock.

    Members
    -------
    within : the nibble is a digit of a run.
    longer : a digit before it says that the run goes on.
    pixels : what the nibble stands for.
    ended : of a byte's first clock: the pattern ends in it.
    """

    def __init__(self, m: Module, sparse: Signal, bits: Signal, left: Signal):
        self.sparse, self.left = sparse, left
        # 0 at the end of each pattern.
        self.within, self.longer = Signal(), Signal()
        self.nibble = nibble = bits[:4]
        self.pixels, self.ended = Signal(4), Signal()
        self.empty = self.within & ~self.longer & (nibble == 0)
        m.d.comb += [
            self.pixels.eq(Mux(self.within, nibble, (nibble != 0) | ~sparse)),
            self.ended.eq(self.empty | (~self.within & (bits == 0))),
        ]

    def step(self, m: Module) -> None:
        """Go on to the next nibble; what lies behind the end is no pixel."""
        goes_on = self.within & (self.nibble == LONGEST)
        with m.If(self.sparse):
            m.d.sync += [self.within.eq(Mux(self.within, goes_on, self.nibble == 0)), self.longer.eq(goes_on)]
            with m.If(self.empty):
                m.d.sync += self.left.eq(0)
