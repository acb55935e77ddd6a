"""Learns and recalls random patterns on the whole machine; compares everything with the golden model after each."""

import re
from dataclasses import replace

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge

from ohmprop.hw.shapes.signatures import Program, counters_layout, settings_layout
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.packing import block_bytes, join_words, pack_factors, pack_pattern, split_words
from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.link.spaces import Space, space_words, weight_spaces
from ohmprop.model.rules import rules_of
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.bench import bench_parameters
from tests.hw.parallel.tb_crossbar import random_weights
from tests.kit.clocked import clocks, start, unpack
from tests.kit.options import settings_of


class Port:
    """The command processor's side of ohmprop.hw.shapes.signatures.machine_signature."""

    def __init__(self, dut, spec, settle=0):
        self.dut, self.spec, self.layout, self.settle = dut, spec, spec.layout, settle
        self.access_clocks = spec.timing.access

    async def access(self, space, address, lane, value=None):
        """Write one cell, or read it."""
        dut = self.dut
        dut.access_space.value, dut.access_address.value, dut.access_lane.value = space, address, lane
        dut.access_write.value, dut.access_data.value = value is not None, (value or 0) & 0xFF
        dut.access.value = 1
        await FallingEdge(dut.clk)
        dut.access.value = 0
        await ClockCycles(dut.clk, self.access_clocks - 1)
        await FallingEdge(dut.clk)
        assert dut.access_done.value == 1
        result = unpack(dut.access_read.value.to_unsigned(), 8, 1)[0]
        await FallingEdge(dut.clk)
        return result

    async def read(self, space, words):
        """A memory's words."""
        lanes = range(self.spec.lanes)
        return np.array([[await self.access(space, word, lane) for lane in lanes] for word in range(words)], np.int8)

    async def weights(self):
        """All weights."""
        rounded = await self.read(Space.WEIGHTS, self.layout.words)
        rest = await self.read(Space.FINE, self.layout.words) if self.spec.fine_bits else np.zeros_like(rounded)
        return self.layout.from_words(join_words(self.spec, rounded, rest))

    async def states(self):
        """All states."""
        return self.layout.from_blocks(await self.read(Space.STATES, self.layout.blocks))

    async def side_states(self):
        """All states of the side network."""
        cells = await self.read(Space.SIDE, space_words(self.spec)[Space.SIDE])
        low, high = cells[::2].view(np.uint8), cells[1::2].astype(np.int16)
        return self.layout.from_blocks(low + 256 * high)

    async def write_weights(self, weights):
        """Replace all weights."""
        parts = split_words(self.spec, self.layout.to_words([matrix.astype(np.int16) for matrix in weights]))
        for space, words in zip(weight_spaces(self.spec), parts, strict=False):
            await self.write(space, words)

    async def write(self, space, words):
        """Replace a memory's words."""
        for address, word in enumerate(words):
            for lane, value in enumerate(word):
                await self.access(space, address, lane, int(value))

    def set_settings(self, settings):
        """The run-time registers."""
        registers = SettingsRegisters.of(self.spec, settings, 1)
        fields = {name: getattr(registers, name) for name in registers.widths() if name != "lfsr"}
        self.dut.settings.value = settings_layout().const(fields).as_value().value

    async def load(self, pattern, target):
        """Input or target bits."""
        dut, width = self.dut, block_bytes(self.spec)
        for index, byte in enumerate(pack_pattern(self.spec, pattern)):
            dut.load.value, dut.load_target.value, dut.load_bits.value = 1, target, byte
            dut.load_block.value, dut.load_byte.value = index // width, index % width
            await FallingEdge(dut.clk)
        dut.load.value = 0

    async def signs(self):
        """Which states are positive."""
        packed = []
        for block in range(self.layout.blocks):
            for byte in range(block_bytes(self.spec)):
                self.dut.sign_block.value, self.dut.sign_byte.value = block, byte
                await clocks(self.dut, 3)
                packed.append(self.dut.sign_bits.value.to_unsigned())
        return bytes(packed)

    async def run(self, program):
        """Run to the end; steps of both phases and clocks."""
        dut = self.dut
        dut.program.value, dut.start.value = program.value, 1
        await FallingEdge(dut.clk)
        dut.start.value = 0
        await FallingEdge(dut.clk)
        busy = 0
        while dut.busy.value:
            busy += 1
            await FallingEdge(dut.clk)
        steps = dut.steps.value.to_unsigned()
        first, second = steps & 0xFF, steps >> 8
        clocks = busy - self.settle * (first + second)
        assert dut.clocks.value.to_unsigned() == clocks
        return first, second, clocks


async def learns_alike(port, golden, pattern, target):
    """A pattern on the bench and on the golden machine: steps, clocks, states, random numbers and weights are equal."""
    await port.load(pattern, 0)
    await port.load(target, 1)
    got = await port.run(Program.LEARN)
    reply = golden.learn(pattern, target)
    assert got == (reply.free_steps, reply.nudged_steps, reply.clocks)
    assert np.array_equal(await port.states(), golden.states)
    assert port.dut.lfsr.value.to_unsigned() == golden.lfsr
    assert np.array_equal((await port.weights())[0], golden.weights[0])


@cocotb.test()
async def learns_as_the_golden_machine_does(dut):
    parameters = bench_parameters()
    spec = MachineSpec.from_toml(parameters["machine"])
    rng, golden, port = np.random.default_rng(11), GoldenMachine(spec), Port(dut, spec)
    await start(dut)
    await clocks(dut)
    assert dut.lfsr.value.to_unsigned() == golden.lfsr
    golden.weights = (random_weights(spec, rng, parameters["weight_limit"] << spec.fine_bits),)
    await port.write_weights(golden.weights)
    if spec.wires:
        golden.factors = rng.integers(-64, 128, (spec.neurons, spec.neurons))
        words = pack_factors(spec, golden.factors)
        await port.write(Space.FACTORS, words)
        assert np.array_equal(await port.read(Space.FACTORS, len(words)), words)
    golden.lfsr = 0xC0FFEE11
    dut.lfsr_next.value, dut.lfsr_load.value = golden.lfsr, 1
    await clocks(dut)
    dut.lfsr_load.value = 0
    # The rules take turns, so that each starts from what the other one left.
    rules = [rule.name for rule in rules_of(spec)]
    alternating = [replace(spec.settings, rule=rules[number % len(rules)]) for number in range(parameters["patterns"])]
    for golden.settings in alternating or settings_of(spec):
        port.set_settings(golden.settings)
        pattern, target = rng.random(spec.neurons) < 0.5, rng.random(spec.neurons) < 0.5
        await learns_alike(port, golden, pattern, target)
        assert np.array_equal(await port.side_states(), golden.side_states)

        await port.load(target, 0)
        got = await port.run(Program.RECALL)
        recalled, signs = golden.recall(target)
        assert got == (recalled.driven_steps, recalled.released_steps, recalled.clocks)
        assert await port.signs() == pack_pattern(spec, signs)
        assert np.array_equal(await port.states(), golden.states)
        if not spec.serial:  # which counts outside of it
            # What only layered machines count may be unknown to a simulator that knows of that.
            counted = counters_layout().from_bits(int(re.sub("[^01]", "0", str(dut.counters.value)), 2))
            for name in ("busy_clocks", "steps", "learnt", "recalled"):
                assert counted[name] == getattr(golden, name), name
