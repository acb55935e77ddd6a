import shutil

import pytest
from amaranth.hdl import Assert, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.sim.bench import run_bench


class Adder(wiring.Component):
    operand: In(4)
    result: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.result.eq(self.operand + 2)
        m.d.sync += Assert(self.operand != 9, "an operand that no bench may give")
        return m


@pytest.fixture(params=["verilator", "icarus"])
def simulator(request):
    """One simulator alone."""
    if request.param == "icarus" and not shutil.which("iverilog"):
        pytest.skip("Icarus is not installed")
    return request.param


def test_only_a_bench_whose_tests_all_hold_passes(simulator):
    run_bench(Adder(), "bench", "tests.sim.tb_adder", {"operand": 3, "sum": 5}, [simulator])
    for testbench, total in (("tests.sim.tb_adder", 6), ("json", 5)):
        with pytest.raises(AssertionError, match=f"{testbench} failed with {simulator}"):
            run_bench(Adder(), "bench", testbench, {"operand": 3, "sum": total}, [simulator])


def test_an_assertion_of_the_design_that_does_not_hold_is_a_failure(simulator):
    with pytest.raises(AssertionError, match=f"tb_adder .*{simulator}"):
        run_bench(Adder(), "bench", "tests.sim.tb_adder", {"operand": 9, "sum": 11}, [simulator])


class Passes(wiring.Component):
    driven: In(1)
    forgotten: In(4)
    result: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.result.eq(self.forgotten)
        return m


def test_an_input_that_a_bench_does_not_drive_is_zero(simulator):
    run_bench(Passes(), "bench-inputs", "tests.sim.tb_inputs", simulators=[simulator])
