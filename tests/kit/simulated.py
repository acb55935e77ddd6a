"""Amaranth's own simulator."""

from amaranth.sim import Simulator


def simulate(component, bench):
    """Simulate to the end of ``bench``, a test bench of Amaranth's simulator."""
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
