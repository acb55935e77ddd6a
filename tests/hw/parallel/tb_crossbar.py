"""Drives the crossbar with sweeps of random rows, with and without gaps, and compares currents and weights."""

import random

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from ohmprop.hw.shapes.operation import Action, operation_layout, value_shape
from ohmprop.model.arithmetic import saturate, stochastic_increment
from ohmprop.model.layout import Kind
from ohmprop.model.memristors.kernels import random_sets
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import SYNAPSE
from ohmprop.sim.bench import bench_parameters
from tests.kit.clocked import clocks, pack, start, unpack


class Bench:
    """The crossbar's pins with the values that its operations need, each at its time."""

    def __init__(self, dut, spec):
        self.dut, self.spec = dut, spec
        self.layout, self.timing = spec.layout, spec.timing
        self.bits = value_shape(spec).width
        self.activities = np.zeros(self.layout.blocks * spec.lanes, np.int64)
        self.free = self.activities.copy()
        self.by_side = False
        self.time = 0
        self.due = {}
        self.seen = {}

    def at(self, delay, action):
        """Do something so many clocks after the present one."""
        self.due.setdefault(self.time + delay, []).append(action)

    async def clock(self):
        """One clock, and what is due after it."""
        await FallingEdge(self.dut.clk)
        self.time += 1
        for action in self.due.pop(self.time, []):
            action()

    async def issue(self, fields, row_value, column_values, free_values=0):
        """One operation; its row and column values, and the columns' free ones, follow when they are due."""
        dut, layout = self.dut, operation_layout(self.spec)
        dut.operation.value = layout.const(fields).as_value().value
        self.at(self.timing.row_value, lambda: setattr(dut.row_value, "value", int(row_value)))
        columns, free = pack(column_values, self.bits), pack(column_values * 0 + free_values, self.bits)
        self.at(self.timing.column_values, lambda: setattr(dut.column_values, "value", columns))
        self.at(self.timing.column_values, lambda: setattr(dut.free_values, "value", free))
        await self.clock()
        dut.operation.value = 0

    def block(self, values, block):
        """One block's values."""
        return values[block * self.spec.lanes : (block + 1) * self.spec.lanes]

    async def sweep(self, sweep, gaps):
        """All words of a sweep, with random gaps if asked."""
        lanes = self.spec.lanes
        for index in range(sweep.rows):
            row = sweep.row + index
            fields = {
                "valid": 1,
                "action": Action(sweep.kind),
                "address": sweep.address + index,
                "row_block": row // lanes,
                "row_lane": row % lanes,
                "block": sweep.block,
                "offset": row - sweep.block * lanes,
                "clear": sweep.clear and index == 0,
                "fires": sweep.fires and index == sweep.rows - 1,
                "target": sweep.target,
            }
            if sweep.kind == Kind.PROGRAM:
                first, second = dict(fields, clear=1), dict(fields, second=1)
                # Of the side network's states and activities, each operation takes one for the row, one for the columns;
                # of equilibrium propagation the second product is that of the free values, and is subtracted.
                columns = (self.free, self.activities) if self.by_side else (self.activities, 0 * self.free)
                free = self.block(self.free, sweep.block)
                await self.issue(first, self.activities[row], self.block(columns[0], sweep.block), free)
                await self.issue(second, self.free[row], self.block(columns[1], sweep.block), free)
            else:
                await self.issue(fields, self.activities[row], self.block(self.activities, sweep.block))
            if fields["fires"]:
                latency = self.timing.rows if sweep.kind == Kind.READ_ROWS else self.timing.columns
                # The operation was issued one clock ago; ``fires`` comes two clocks before the currents.
                self.at(latency - 3, lambda: self.expect_fires(sweep.target))
                self.at(latency - 1, lambda: self.look(sweep.target))
            while gaps and random.random() < 0.3:
                await self.clock()

    def expect_fires(self, target):
        """The crossbar must announce the block's currents now."""
        assert self.dut.fires.value == 1 and self.dut.target.value == target

    def look(self, target):
        """Take the block's currents."""
        currents = unpack(self.dut.currents.value.to_unsigned(), self.spec.accumulator.bits, self.spec.lanes)
        self.seen[target] = currents

    async def write_words(self, image):
        """The host's way to the cells."""
        for address, word in enumerate(image):
            for lane, weight in enumerate(word):
                self.dut.access_address.value, self.dut.access_lane.value = address, lane
                self.dut.access_data.value = int(weight) & 0xFF
                for _ in range(self.timing.weight_memory):
                    await self.clock()
                self.dut.access_write.value = 1
                await self.clock()
                self.dut.access_write.value = 0

    async def read_words(self):
        """The host's way from the cells."""
        words = []
        for address in range(self.layout.words):
            self.dut.access_address.value = address
            for _ in range(self.timing.weight_memory):
                await self.clock()
            words.append(unpack(self.dut.word.value.to_unsigned(), 8, self.spec.lanes))
        return np.array(words, np.int8)


def random_weights(spec, rng, limit):
    """No self weights, within reach, and symmetric unless the machine is not."""
    n = spec.neurons
    weights = rng.integers(-limit, limit + 1, (n, n))
    if not spec.asymmetric:
        weights = np.tril(weights, -1) + np.tril(weights, -1).T
    np.fill_diagonal(weights, 0)
    index = np.arange(n)
    weights[abs(index[:, None] - index) > spec.reach] = 0
    return weights.astype(np.int16)


def learnt(spec, weights, nudged, free, by_side, shift, table):
    """The weights that the model predicts, cell by cell; by recurrent backpropagation ``nudged`` are the side states."""
    codes, result = spec.layout.codes, weights.astype(np.int64)
    for i in range(spec.neurons):
        for j in range(spec.neurons):
            if i != j and abs(i - j) <= spec.reach:
                difference = int(nudged[i] * nudged[j] - free[i] * free[j])
                if by_side:
                    difference = int(nudged[i] * free[j] + free[i] * nudged[j]) >> spec.side_update_shift
                increment = stochastic_increment(difference, shift, int(table[codes[i] ^ codes[j]]))
                result[i, j] = saturate(int(weights[i, j]) + increment, -spec.weight_limit, spec.weight_limit)
    return result.astype(np.int8)


@cocotb.test()
async def reads_and_programs(dut):
    spec = MachineSpec.from_toml(bench_parameters()["machine"])
    bench, rng = Bench(dut, spec), np.random.default_rng(3)
    layout, n = bench.layout, spec.neurons
    await start(dut)
    for trial in range(6):
        # The first trials stand at the rails: full weights, full activities.
        limit = spec.weight_limit
        weights = random_weights(spec, rng, limit)
        bench.activities[:n] = rng.integers(-spec.activity_limit, spec.activity_limit + 1, n)
        bench.free[:n] = rng.integers(-spec.activity_limit, spec.activity_limit + 1, n)
        if trial < 2:
            weights = np.where(weights, np.where(trial, -limit, limit), 0).astype(np.int8)
            bench.activities[:n] = spec.activity_limit
            bench.free[:n] = -spec.activity_limit if trial else 0
        bench.by_side = trial >= 4
        if bench.by_side:
            bench.activities[:n] = rng.integers(spec.side.low, spec.side.high + 1, n)
        dut.by_side.value = bench.by_side
        await bench.write_words(layout.to_words((weights,)))
        assert np.array_equal(layout.from_words(await bench.read_words())[0], weights)

        gaps = trial % 2 == 1
        for sweep in layout.step:
            await bench.sweep(sweep, gaps)
        for _ in range(bench.timing.rows):
            await bench.clock()
        currents = weights.astype(np.int64) @ bench.activities[:n]
        for block in range(layout.blocks):
            got = bench.seen.pop(block)[: n - block * spec.lanes]
            assert got == list(bench.block(currents, block)), (trial, block)

        lfsr = int(rng.integers(1, 1 << 32))
        tables, _ = random_sets(1, layout.code_bits, lfsr)
        drawn = [int(tables[0, 1 << bit]) for bit in range(layout.lane_bits + layout.block_bits)]
        shift = int(rng.integers(0, 3))
        dut.random_bytes.value, dut.shifts.value = pack(drawn, 8), shift
        for sweep in layout.program:
            await bench.sweep(sweep, gaps)
        # The last word's second operation was issued one clock ago.
        for _ in range(bench.timing.columns + SYNAPSE):
            await bench.clock()
        expected = learnt(spec, weights, bench.activities, bench.free, bench.by_side, shift, tables[0])
        got = layout.from_words(await bench.read_words())[0]
        assert np.array_equal(got, expected), (trial, np.argwhere(got != expected)[:5])
        assert trial < 2 or (got != weights).any()
    await clocks(dut)
