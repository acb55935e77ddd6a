import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from ohmprop.sim.bench import bench_parameters


@cocotb.test()
async def adds(dut):
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 0
    dut.operand.value = bench_parameters()["operand"]
    await RisingEdge(dut.clk)
    await ReadOnly()
    assert dut.result.value.to_unsigned() == bench_parameters()["sum"]
    # Whatever stops the simulation, as an assertion of the design does, has its time.
    for _ in range(3):
        await RisingEdge(dut.clk)
