"""Learns and recalls random pixels on a whole layered machine; compares everything with the golden model after each."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from ohmprop.hw.shapes.signatures import MACHINE_COUNTERS, Program, counters_layout
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.packing import block_bytes, pack_pattern, pack_pixels, pack_target
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.bench import bench_parameters
from tests.hw.tb_machine import Port
from tests.kit.clocked import clocks, start
from tests.kit.options import settings_of


class LayeredPort(Port):
    """What is different at a layered machine's port."""

    async def states(self):
        """All states, which have no sign."""
        return (await super().states()).view(np.uint8)

    async def load_pixels(self, pixels):
        """The input, one block of packed pixels."""
        for index, byte in enumerate(pack_pixels(self.spec, pixels)):
            await self._load(0, 0, index, byte)

    async def load_target(self, target):
        """The outputs' targets."""
        width = block_bytes(self.spec)
        for index, byte in enumerate(pack_target(self.spec, target)):
            await self._load(1, index // width, index % width, byte)

    async def _load(self, target, block, index, byte):
        dut = self.dut
        while not dut.load_ready.value:
            await FallingEdge(dut.clk)
        # In the next clock.
        await FallingEdge(dut.clk)
        dut.load.value, dut.load_target.value, dut.load_bits.value = 1, target, byte
        dut.load_block.value, dut.load_byte.value = block, index
        await FallingEdge(dut.clk)
        dut.load.value = 0

    async def run(self, program):
        """Run to the end once the pixels are all taken in."""
        while not self.dut.load_ready.value:
            await FallingEdge(self.dut.clk)
        # In which the last pixel but one is taken.
        await FallingEdge(self.dut.clk)
        return await super().run(program)


@cocotb.test()
async def learns_as_the_golden_machine_does(dut):
    parameters = bench_parameters()
    spec = MachineSpec.from_toml(parameters["machine"])
    rng, golden, port = np.random.default_rng(13), GoldenMachine(spec), LayeredPort(dut, spec)
    await start(dut)
    await clocks(dut)
    golden.weights = [rng.integers(-m.limit, m.limit + 1, (m.rows, m.columns)) for m in spec.matrices]
    await port.write_weights(golden.weights)
    for number, settings in enumerate([spec.settings] * parameters["patterns"] or settings_of(spec)):
        golden.settings = settings
        port.set_settings(settings)
        # Most pixels are black; the second pattern is black altogether, and the third has none.
        share = {1: 0, 2: 1}.get(number, 0.3)
        pixels = rng.integers(1, 1 << spec.pixel_bits, spec.inputs) * (rng.random(spec.inputs) < share)
        pixels = pixels.astype(np.uint8)
        target = np.arange(spec.outputs) == rng.integers(spec.outputs)
        await port.load_pixels(pixels)
        await port.load_target(target)
        got = await port.run(Program.LEARN)
        reply = golden.learn(pixels, target)
        assert got == (reply.free_steps, reply.nudged_steps, reply.clocks)
        assert np.array_equal(await port.states(), golden.states)
        assert dut.lfsr.value.to_unsigned() == golden.lfsr
        for read, predicted in zip(await port.weights(), golden.weights, strict=True):
            assert np.array_equal(read, predicted), np.argwhere(read != predicted)[:5]

        got = await port.run(Program.RECALL)
        recalled, _ = golden.recall(pixels)
        assert got == (recalled.driven_steps, recalled.released_steps, recalled.clocks)
        assert np.array_equal(await port.states(), golden.states)
        assert await port.signs() == pack_pattern(spec, golden.states > 0)
        if not spec.serial:  # which counts outside of it
            counted = counters_layout().from_bits(dut.counters.value.to_unsigned())
            for name in MACHINE_COUNTERS:
                assert counted[name] == getattr(golden, name), name
