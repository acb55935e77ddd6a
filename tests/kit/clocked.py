"""What the cocotb benches share: the clock, structs as numbers, and arrays of small signed numbers."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from ohmprop.sim.bench import bench_inputs


def rest(dut):
    """Every input 0. A simulator that knows unknown values would pass on those of an input that nobody drives."""
    for name in bench_inputs():
        getattr(dut, name).value = 0


async def start(dut):
    """Run the clock and reset, all other inputs 0; afterwards inputs change and outputs are looked at on falling edges."""
    rest(dut)
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 1
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


async def clocks(dut, count: int = 1):
    """Wait for falling edges."""
    for _ in range(count):
        await FallingEdge(dut.clk)


def pack(values, bits: int) -> int:
    """Numbers, the first one lowest, as one wide number."""
    number = 0
    for index, value in enumerate(values):
        number |= (int(value) & ((1 << bits) - 1)) << index * bits
    return number


def unpack(number: int, bits: int, count: int) -> list[int]:
    """The inverse of ``pack``, for signed numbers."""
    half = 1 << (bits - 1)
    return [((number >> index * bits) + half) % (2 * half) - half for index in range(count)]


def log(text: str):
    """A line in the bench's log."""
    cocotb.log.info(text)
