import cocotb
from cocotb.triggers import ReadOnly, Timer

from ohmprop.sim.bench import bench_inputs
from tests.kit.clocked import rest


@cocotb.test()
async def nothing_is_unknown(dut):
    assert set(bench_inputs()) == {"driven", "forgotten"}
    rest(dut)
    await Timer(1, unit="ns")
    await ReadOnly()
    assert dut.result.value.to_unsigned() == 0
