import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.sim.bench import run_bench


class Adder(wiring.Component):
    operand: In(4)
    result: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.result.eq(self.operand + 2)
        return m


def test_only_a_bench_whose_tests_all_hold_passes():
    run_bench(Adder(), "bench", "tests.sim.tb_adder", {"operand": 3})
    with pytest.raises(AssertionError, match="tb_adder failed with verilator"):
        run_bench(Adder(), "bench", "tests.sim.tb_adder", {"operand": 4})
    with pytest.raises(AssertionError, match="json failed with verilator"):
        run_bench(Adder(), "bench", "json")
