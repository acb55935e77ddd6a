"""The weight memory of a serial machine, which has one port."""

from typing import Any

from amaranth import Cat, Module, Mux
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.primitives.choice import primitives_of
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.validation import NIBBLE, fine_words


class SinglePortMemory(wiring.Component):
    """Reads or writes a whole word of all lanes, or half of one, never both in one clock.

    Weights lie from the lowest address up, as the multipliers take them; their fine bits, if any, from the highest address down:
    half a byte a weight, so that two words share one (``fine_place``), or a byte if there are more than NIBBLE.
    Latency one clock from ``read_address`` to ``data``, one clock to write. The content at power-up depends on the FPGA:
    undefined on an iCE40 UltraPlus, 0 elsewhere.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.width = spec.lanes * spec.weight.bits
        used = spec.layout.words + fine_words(spec.layout.words, spec)
        #: Where the fine bits lie follows from turning all bits of an address, so with them the memory has all addresses.
        self.words = 1 << bits_for(used) if spec.fine_bits else used
        address = max(1, bits_for(self.words))
        super().__init__(
            {
                "read": In(1),  #: one clock: read
                "read_address": In(address),
                "data": Out(self.width),  #: the word, valid in the clock after ``read`` only
                "write": In(2 if spec.fine_bits else 1),  #: one clock: write the lower half, the upper one; or all
                "write_address": In(address),
                "write_data": In(self.width),
            }
        )

    @property
    def shared(self) -> bool:
        """Two words' fine bits lie in one word."""
        return 0 < self.spec.fine_bits <= NIBBLE

    def fine_place(self, address: Value) -> tuple[Value, Value]:
        """Where the fine bits of a weight word lie: the address, and which half."""
        inverted = ~(Cat(address[self.shared :], 0, 0)[: len(self.read_address)])
        return inverted, address[0] if self.shared else 0

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        address = Mux(self.write.any(), self.write_address, self.read_address)
        primitives_of(platform).one_port_memory(m, self.words, self, address)
        return m
