"""Multiplier, accumulator and weight memory as plain registers and memories: for simulation and any FPGA."""

from typing import Any

from amaranth import Assert, Module, Signal, signed, unsigned
from amaranth.lib.memory import Memory

#: Bits of the factors and of the sum of a multiplier with accumulator, on every family.
FACTOR_BITS, TOTAL_BITS = 16, 32


class Primitives:
    """What the machine is built from. A family of FPGAs inherits it and overrides what it has ready-made.

    All factors and results are signals of the caller; nothing has a reset.
    """

    #: How the names of the family's devices begin; empty for all others.
    devices: str = ""

    def multiply(self, m: Module, a: Signal, b: Signal, product: Signal) -> None:
        """``product`` = ``a * b`` one clock later, signed, exact, of which the lowest bits are kept."""
        register = Signal(product.shape(), reset_less=True)
        m.d.sync += register.eq(a * b)
        m.d.comb += product.eq(register)

    def accumulate(self, m: Module, a: Signal, b: Signal, add: Signal, clear: Signal, total: Signal) -> None:
        """``total`` gains the product of the clock before if ``add``, and becomes 0 if ``clear``, whatever ``add`` is.

        ``a`` and ``b`` have FACTOR_BITS, ``total`` has TOTAL_BITS, signed, and wraps around.
        """
        product, register = Signal(signed(TOTAL_BITS), reset_less=True), Signal(signed(TOTAL_BITS), reset_less=True)
        m.d.sync += product.eq(a * b)
        m.d.comb += total.eq(register)
        with m.If(clear):
            m.d.sync += register.eq(0)
        with m.Elif(add):
            m.d.sync += register.eq(register + product)

    def one_port_memory(self, m: Module, words: int, port: Any, address: Any) -> None:
        """A memory of ``words`` words that reads or writes the one at ``address``, never both in one clock.

        ``port`` has ``read``, ``data``, ``write`` and ``write_data`` as hw.serial.weights.SinglePortMemory describes them; each
        bit of ``write`` is for as large a part of the word.
        The words are 0 at power-up.
        """
        m.submodules.cells = cells = Memory(shape=unsigned(len(port.data)), depth=words, init=[])
        write, read = cells.write_port(granularity=len(port.data) // len(port.write)), cells.read_port()
        m.d.comb += [
            read.addr.eq(address),
            read.en.eq(port.read),
            port.data.eq(read.data),
            write.addr.eq(address),
            write.en.eq(port.write),
            write.data.eq(port.write_data),
        ]


class Simulated(Primitives):
    """The same in a simulation, which also checks what no FPGA can."""

    def one_port_memory(self, m: Module, words: int, port: Any, address: Any) -> None:
        """The memory, with an assertion that it is not read and written in one clock."""
        super().one_port_memory(m, words, port, address)
        m.d.sync += Assert(~(port.read & port.write.any()), "a word is read and another written in one clock")
