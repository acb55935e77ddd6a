"""The linear device: a weight learns by a saturating add of its stochastically rounded increment."""

from collections.abc import Callable
from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.hdl import Shape, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.units.saturate import saturated
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import DITHER_BITS, UPDATE_SHIFTS, MachineSpec
from ohmprop.model.timing import SYNAPSE


def difference_shape(spec: MachineSpec) -> Shape:
    """The difference of two products of activities, shifted up, or the side network's sum of two, shifted down."""
    bits = max(matrix.product + matrix.pre_shift for matrix in spec.matrices) + 2
    if spec.recurrent:
        (matrix,) = spec.matrices
        bits = max(bits, spec.side.bits + spec.activity.bits - spec.side_update_shift + matrix.pre_shift)
    return signed(bits)


def increment_shape(spec: MachineSpec) -> Shape:
    """What a difference adds to a weight, before any saturation."""
    return signed(difference_shape(spec).width - DITHER_BITS)


def cell_shape(spec: MachineSpec) -> Shape:
    """A whole weight in memory: what the multipliers take above the fine bits, both signed; the weight is their sum.

    So the multipliers need no rounding, and a memory of zeros holds weights of 0.
    """
    return signed(spec.weight.bits + spec.fine_bits)


def taken(spec: MachineSpec, cell: Value) -> Value:
    """What the multipliers take of a cell."""
    return cell[spec.fine_bits :].as_signed()


def shown(spec: MachineSpec, cell: Value, fine: Value) -> Value:
    """The byte of a cell that the host reads: its fine bits, or what the multipliers take."""
    return Mux(fine, cell[: spec.fine_bits].as_signed(), taken(spec, cell)) if spec.fine_bits else taken(spec, cell)


def host_cell(spec: MachineSpec, cell: Value, fine: Value, byte: Value) -> Value:
    """A cell after the host has written a byte of it."""
    bits = spec.fine_bits
    if not bits:
        return byte
    return Mux(fine, Cat(byte[:bits], cell[bits:]), Cat(cell[:bits], byte[: spec.weight.bits]))


def _biased(spec: MachineSpec, cell: Value) -> Value:
    """The weight of a cell plus half an LSB of the multipliers' weight; its own inverse, but for the sign of the result.

    Fine bits of -half to half - 1 become 0 to 2 half - 1 with their highest bit turned, and nothing is carried.
    """
    top = spec.fine_bits - 1
    return Cat(cell[:top], ~cell[top], cell[top + 1 :]).as_signed()


def new_cell(spec: MachineSpec, cell: Value, increment: Value) -> tuple[Value, Callable[[Value], Value]]:
    """The sum that a learning cell comes to, and what makes of such a sum the saturated cell."""
    if not spec.fine_bits:
        return taken(spec, cell) + increment, lambda total: saturated(total, spec.weight, symmetric=True)
    half, limit = 1 << spec.fine_bits - 1, spec.weight.high << spec.fine_bits

    def finished(total: Value) -> Value:
        limited = Mux(total > limit + half, limit + half, Mux(total < half - limit, half - limit, total))
        return _biased(spec, limited[: spec.weight.bits + spec.fine_bits])

    return _biased(spec, cell) + increment, finished


class Synapse(wiring.Component):
    """One lane's synapse unit: new weight = sat(weight + round at random(difference)), docs/arithmetic.md.

    difference: g' g' - g g of the two phases, or x (g' - g) of an input, shifted up by the matrix's ``pre_shift``, exact;
    or the side network's y g + g y, ``spec.side_update_shift`` bits down, floored.
    weight: ``spec.weight``; saturates at +-``spec.weight_limit``, the same on both sides. With fine bits (``cell_shape``)
    the sum is that of the whole weight, and saturates at +-``spec.weight_limit`` with fine bits of 0.
    Rounding: stochastic (ohmprop.model.arithmetic.stochastic_increment).
    Latency SYNAPSE clocks from ``difference`` to ``new_weight``; ``random``, ``enable`` and ``weight`` belong one
    clock after their ``difference``. One weight per clock, no reset. An idle stage does not toggle.
    """

    latency = SYNAPSE

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "stages": In(SYNAPSE),  #: bit k: a weight is k clocks behind its difference
                "difference": In(difference_shape(spec)),  #: of the activities' products
                "shift": In(bits_for(UPDATE_SHIFTS)),  #: the matrix's eta_shift minus its shift_base
                "random": In(DITHER_BITS),  #: the cell's random byte
                "enable": In(1),  #: the cell exists and may learn; else its weight stays
                "weight": In(cell_shape(spec)),  #: the cell's weight
                "new_weight": Out(cell_shape(spec)),  #: the cell's weight after learning
                #: Its increment, one clock earlier, in a machine with a pulse unit.
                **({"increment": Out(increment_shape(spec))} if spec.pulses else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        shifted = Signal.like(self.difference, reset_less=True)
        with m.If(self.stages[0]):
            m.d.sync += shifted.eq(self.difference >> self.shift)
        rounded = (shifted + (2 * self.random + 1)) >> (DITHER_BITS + 1)
        increment_bits = len(self.difference) - DITHER_BITS
        total = Signal(signed(max(increment_bits, len(self.weight)) + 1), reset_less=True)
        added, finished = new_cell(self.spec, self.weight, Mux(self.enable, rounded, 0))
        with m.If(self.stages[1]):
            m.d.sync += total.eq(added)
        with m.If(self.stages[2]):
            m.d.sync += self.new_weight.eq(finished(total))
        if self.spec.pulses:
            with m.If(self.stages[1]):
                m.d.sync += self.increment.eq(Mux(self.enable, rounded, 0))
        return m
