"""The read noise of the neurons' currents, made of the bytes that are drawn before each Euler step."""

from functools import reduce
from operator import xor
from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import Action, operation_layout
from ohmprop.hw.shapes.pulses import NOISE_BITS, noise_signature
from ohmprop.hw.units.pipeline import Broadcast, delayed
from ohmprop.hw.units.pulse import deviate
from ohmprop.model.memristors.kernels import READ_SETS
from ohmprop.model.spec import DITHER_BITS, MachineSpec
from ohmprop.model.timing import GATHER


class ReadNoise(wiring.Component):
    """The noise of each lane's current, or in a serial machine of one neuron after another (model.memristors.kernels).

    A neuron's two bytes are the exclusive or of those drawn bytes whose bits are set in its number, and of the last one.
    ``noise`` belongs to the block whose currents are complete, ``columns`` or ``rows`` clocks after its last operation; in a
    serial machine to the neurons as ohmprop.hw.serial.crossbar.SerialCrossbar sends them on. No reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec, self.timing = spec, spec.timing
        super().__init__(
            {
                "operation": In(operation_layout(spec)),  #: the issued word
                "of": In(noise_signature(spec)),  #: what it is made of
                "noise": Out(data.ArrayLayout(signed(NOISE_BITS), 1 if spec.serial else spec.lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, timing, layout = self.spec, self.timing, self.spec.layout
        ahead = 3 if spec.serial else 3 + timing.fan
        later = (GATHER - 1 if spec.serial else 0) - ahead
        by_column, by_row = (delayed(m, self.operation, clocks + later) for clocks in (timing.columns, timing.rows))
        along_row = by_row.valid & by_row.fires & (by_row.action == Action.READ_ROWS)
        block = Mux(along_row, by_row.target, by_column.target)[: layout.block_bits]
        if spec.serial:
            fires = along_row | (by_column.valid & by_column.fires & (by_column.action == Action.READ_COLUMNS))
            self._serial(m, fires, block)
            return m
        shared = Signal(data.ArrayLayout(DITHER_BITS, READ_SETS), reset_less=True)
        m.submodules.shares = shares = Broadcast(shared.shape(), spec.lanes)
        m.d.sync += [
            shared[index].eq(_chosen(drawn, layout.lane_bits, block)) for index, drawn in enumerate(self.of.drawn)
        ]
        m.d.comb += shares.i.eq(shared)
        for lane in range(spec.lanes):
            own = [
                reduce(xor, (drawn[bit] for bit in range(layout.lane_bits) if lane >> bit & 1), shares.o[lane][index])
                for index, drawn in enumerate(self.of.drawn)
            ]
            self._multiply(m, Cat(own), self.noise[lane])
        return m

    def _serial(self, m: Module, fires: Value, block: Value) -> None:
        """One neuron after another, from the clock in which its block's currents fire."""
        layout = self.spec.layout
        lane, kept = Signal(layout.lane_bits), Signal.like(block, reset_less=True)
        m.d.sync += lane.eq(Mux(fires, 1, lane + 1))
        with m.If(fires):
            m.d.sync += kept.eq(block)
        code = Cat(Mux(fires, 0, lane), Mux(fires, block, kept))
        own = Signal(READ_SETS * DITHER_BITS, reset_less=True)
        m.d.sync += own.eq(Cat(_chosen(drawn, 0, code) for drawn in self.of.drawn))
        self._multiply(m, own, self.noise[0])

    def _multiply(self, m: Module, bits: Value, noise: Value) -> None:
        """The noise of 16 bits, two clocks later."""
        deviation = Signal(signed(6), reset_less=True)
        m.d.sync += [deviation.eq(deviate(bits)), noise.eq(self.of.amplitude * deviation)]


def _chosen(drawn: data.View, first: int, code: Value) -> Value:
    """The last of the drawn bytes and those of ``code``'s bits, which begin with byte ``first``."""
    return reduce(xor, (Mux(bit, drawn[first + at], 0) for at, bit in enumerate(code)), drawn[len(drawn) - 1])
