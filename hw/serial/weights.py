"""The weight memory of a serial machine, which has one port."""

from typing import Any

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.primitives.choice import primitives_of
from ohmprop.hw.shapes.operation import address_shape
from ohmprop.model.spec import MachineSpec


class SinglePortMemory(wiring.Component):
    """Reads or writes a whole word of all lanes, never both in one clock.

    Latency one clock from ``read_address`` to ``data``, one clock to write. The content at power-up depends on the FPGA:
    undefined on an iCE40 UltraPlus, 0 elsewhere.
    """

    def __init__(self, spec: MachineSpec):
        self.words = spec.layout.words
        self.width = spec.lanes * spec.weight.bits
        super().__init__(
            {
                "read": In(1),  #: one clock: read
                "read_address": In(address_shape(spec)),
                "data": Out(self.width),  #: the word, valid in the clock after ``read`` only
                "write": In(1),  #: one clock: write
                "write_address": In(address_shape(spec)),
                "write_data": In(self.width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        address = Mux(self.write, self.write_address, self.read_address)
        primitives_of(platform).one_port_memory(m, self.words, self, address)
        return m
