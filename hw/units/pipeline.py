"""Registers in a row: delays, broadcasts to the lanes, the row multiplexer and the adder tree.

None of these registers has a reset: their content before the first valid word is never used.
"""

from typing import Any

from amaranth import Module, Signal, signed
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.model.layout import bits_for
from ohmprop.model.timing import FANOUT, fan_levels

#: Attribute of the registers that hold the same as others; boards/ulx3s.py keeps Yosys from merging them.
KEPT = {"keep": 1}


def delayed(m: Module, value: Any, clocks: int) -> Any:
    """``value``, delayed by this many clocks."""
    for _ in range(clocks):
        register = Signal(value.shape(), reset_less=True)
        m.d.sync += register.eq(value)
        value = register
    return value


def copies(m: Module, value: Any, count: int, levels: int) -> list[Any]:
    """``count`` copies of ``value``, delayed by this many clocks, from a tree of registers that drive at most FANOUT others.

    The fanout of ``value`` itself is not limited. Tools may not merge the registers again, see KEPT.
    """
    level = [value] * count if levels == 0 else [value]
    for index in reversed(range(levels)):
        number = max(1, -(-count // FANOUT**index))
        registers = [Signal(value.shape(), reset_less=True, attrs=KEPT) for _ in range(number)]
        for place, register in enumerate(registers):
            m.d.sync += register.eq(level[place * len(level) // number])
        level = registers
    return level


class Broadcast(wiring.Component):
    """One value to all lanes through a tree of registers, each of which drives at most FANOUT others.

    Latency ``fan_levels(lanes)`` clocks, one value per clock, no reset.
    """

    def __init__(self, shape: ShapeLike, lanes: int):
        self.lanes = lanes
        self.latency = fan_levels(lanes)
        super().__init__(
            {
                "i": In(shape),  #: the value
                "o": Out(data.ArrayLayout(shape, lanes)),  #: the same in every lane
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        level = [self.i]
        for index in reversed(range(self.latency)):
            copies = [
                Signal(self.i.shape(), reset_less=True, attrs=KEPT)
                for _ in range(-(-self.lanes // FANOUT ** (index + 1)))
            ]
            for number, copy in enumerate(copies):
                m.d.sync += copy.eq(level[number // FANOUT])
            level = copies
        for lane in range(self.lanes):
            m.d.comb += self.o[lane].eq(level[lane // FANOUT])
        return m


class RowSelect(wiring.Component):
    """The multiplexer that takes one lane's bits out of a word, in registered stages of FANOUT inputs.

    Latency ``fan_levels(lanes)`` clocks from ``word``, whose ``lane`` comes one clock before it; one word per clock, no reset.
    """

    def __init__(self, width: int, lanes: int):
        self.width, self.lanes = width, lanes
        self.latency = fan_levels(lanes)
        super().__init__(
            {
                "word": In(data.ArrayLayout(width, lanes)),  #: ``width`` bits per lane
                "lane": In(max(1, bits_for(lanes))),  #: which one, a clock before
                "o": Out(width),  #: that lane's bits
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        level, lane = [self.word[index] for index in range(self.lanes)], self.lane
        stage = bits_for(FANOUT)
        for _ in range(self.latency):
            groups = [level[at : at + FANOUT] for at in range(0, len(level), FANOUT)]
            chosen = [Signal(self.width, reset_less=True) for _ in groups]
            numbers = copies(m, lane[:stage], len(groups), 1)
            for group, output, number in zip(groups, chosen, numbers, strict=True):
                with m.Switch(number):
                    for index, value in enumerate(group):
                        with m.Case(index):
                            m.d.sync += output.eq(value)
            lane = delayed(m, lane[stage:], 1)
            level = chosen
        m.d.comb += self.o.eq(level[0])
        return m


class AdderTree(wiring.Component):
    """The sum over the lanes, exact, registered at every level; any number of lanes.

    Numbers are signed integers of ``width`` bits; the sum has ``width + bits_for(lanes)`` and cannot overflow.
    Latency ``bits_for(lanes)`` clocks, one sum per clock, no reset. An idle level does not toggle.
    """

    def __init__(self, width: int, lanes: int):
        self.lanes = lanes
        self.latency = bits_for(lanes)
        super().__init__(
            {
                "enable": In(1),  #: there are numbers to be added
                "i": In(data.ArrayLayout(signed(width), lanes)),  #: one number per lane
                "o": Out(signed(width + self.latency)),  #: their sum
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        level = [self.i[lane] for lane in range(self.lanes)]
        enable = self.enable
        for _ in range(self.latency):
            pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
            level = []
            for pair in pairs:
                total = Signal(signed(pair[0].shape().width + 1), reset_less=True)
                with m.If(enable):
                    m.d.sync += total.eq(sum(pair[1:], pair[0]))
                level.append(total)
            enable = delayed(m, enable, 1)
        m.d.comb += self.o.eq(level[0])
        return m
