"""What the resistance of a crossbar's wires makes of its weights: a factor for each cell, which the host writes."""

from typing import Any

from amaranth import Module, Mux, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.parallel.weights import WeightMemory
from ohmprop.hw.shapes.operation import address_shape, lane_shape
from ohmprop.hw.units.multiplier import Multiplier
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import WIRE_BITS
from ohmprop.model.timing import MULTIPLY


def seen_bits(spec: MachineSpec) -> int:
    """Bits of a weight times its factor, at most 1 + 127 / 64."""
    return spec.weight.bits + WIRE_BITS + 2


class Wires(wiring.Component):
    """The factors, a word for each of the weight memory's, and a multiplier in each lane.

    A factor is a signed byte, f: the weight counts 64 + f times, exactly, so that what currents see has WIRE_BITS more bits of
    fraction and nothing rounds or saturates. All are 0, those of ideal wires, at power-up; no reset.
    Latency Timing.weight_memory clocks from ``read_address`` to ``factors``, MULTIPLY clocks from ``weights`` with their factors
    to ``seen``; one word per clock. A factor that is written can be read with the address of the next clock.
    """

    latency = MULTIPLY

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "read_address": In(address_shape(spec)),  #: that of the weight memory
                "weights": In(data.ArrayLayout(signed(spec.weight.bits), spec.lanes)),  #: the word there
                "seen": Out(data.ArrayLayout(signed(seen_bits(spec)), spec.lanes)),  #: the same through the wires
                "factors": Out(data.ArrayLayout(signed(8), spec.lanes)),
                "access_address": In(
                    address_shape(spec)
                ),  #: the host's word, which is read while no operation is under way
                "access_write": In(1),  #: one clock: ``access_data`` goes into lane ``access_lane`` of it
                "access_lane": In(lane_shape(spec)),
                "access_data": In(8),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.memory = memory = WeightMemory(spec, 8)
        m.d.comb += [
            memory.read_address.eq(self.read_address),
            memory.write_address.eq(self.access_address),
            memory.write.eq(self.access_write),
        ]
        for lane in range(spec.lanes):
            factor = memory.word[lane].as_signed()
            m.submodules[f"multiplier_{lane}"] = multiplier = Multiplier(spec.weight.bits, 9, seen_bits(spec))
            m.d.comb += [
                # The host's byte goes back with the others of its word as they were read.
                memory.write_word[lane].eq(Mux(self.access_lane == lane, self.access_data, factor)),
                self.factors[lane].eq(factor),
                multiplier.a.eq(self.weights[lane]),
                multiplier.b.eq(factor + (1 << WIRE_BITS)),
                self.seen[lane].eq(multiplier.product),
            ]
        return m
