"""A lane's multiplier, saturation, and the values that drive rows and columns: every bit, every latency."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

from hw.activities import Activities, column_units, row_units
from hw.multiplier import Multiplier
from hw.saturate import saturated
from model.arithmetic import saturate
from model.formats import Format
from model.spec import MachineSpec
from model.timing import MEMORY


def simulate(design, bench):
    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_products_at_the_rails_and_between():
    multiplier, rng = Multiplier(9, 13, 22), np.random.default_rng(2)
    pairs = [(a, b) for a in (-256, -1, 0, 255) for b in (-4096, -1, 1, 4095)]
    pairs += zip(rng.integers(-256, 256, 50).tolist(), rng.integers(-4096, 4096, 50).tolist(), strict=True)
    products = []

    async def bench(ctx):
        for a, b in pairs:
            ctx.set(multiplier.a, a)
            ctx.set(multiplier.b, b)
            await ctx.tick()
            products.append(ctx.get(multiplier.product))

    simulate(multiplier, bench)
    # One clock a product, and none between: Multiplier.latency.
    assert multiplier.latency == 1
    assert products == [a * b for a, b in pairs]


@pytest.mark.parametrize(
    ("form", "symmetric", "low"),
    [(Format(True, 8, 5), False, -128), (Format(True, 8, 7), True, -127), (Format(False, 8, 8), False, 0)],
    ids=["state", "weight", "unsigned"],
)
def test_saturation_of_every_integer(form, symmetric, low):
    value, result = Signal(signed(11)), Signal(signed(11))
    m = Module()
    m.d.comb += result.eq(saturated(value, form, symmetric))
    m.d.sync += Signal().eq(1)

    async def bench(ctx):
        for integer in range(-1024, 1024):
            ctx.set(value, integer)
            assert ctx.get(result) == saturate(integer, low, form.high)

    simulate(m, bench)


@pytest.mark.parametrize(
    ("spec", "rows", "columns"),
    [
        (MachineSpec(layers=(7,), lanes=3), (range(3), range(3)), (range(3), range(3))),
        (MachineSpec(layers=(784, 500, 10), lanes=64), (range(8, 9), range(10)), (range(8), range(64))),
        (MachineSpec(layers=(9, 5, 7, 4), lanes=4), (range(2, 5), range(4)), (range(4), range(4))),
        (MachineSpec(layers=(9, 5, 7, 4), lanes=4, biases=True), (range(2, 5), range(4)), (range(5), range(4))),
    ],
    ids=["recurrent", "one_hidden", "two_hidden", "biases"],
)
def test_units_that_drive(spec, rows, columns):
    assert row_units(spec) == rows
    assert column_units(spec) == columns


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_values_are_read_as_the_steps_wrote_them(levels):
    """Free and nudged steps write all blocks; all are read, running ones, free ones and none, a word a clock."""
    spec, rng = MachineSpec(layers=(20, 30, 28), lanes=10), np.random.default_rng(4)
    blocks, lanes = range(1, 4), range(10)
    copy = Activities(spec, blocks, lanes, levels)
    groups = len(copy.groups)

    async def bench(ctx):
        async def write(block, values, freely):
            ctx.set(copy.place, block)
            await ctx.tick()
            ctx.set(copy.write, (1 << groups) - 1)
            ctx.set(copy.relaxes_freely, ((1 << groups) - 1) * freely)
            for lane in range(spec.lanes):
                ctx.set(copy.values[lane], int(values[lane]))
            await ctx.tick()
            ctx.set(copy.write, 0)

        running, free = {}, {}
        for step in range(6):
            freely, half = step < 4, step % 2
            ctx.set(copy.half, half)
            written = {}
            for block in range(6):
                written[block] = rng.integers(0, 256, spec.lanes).tolist()
                await write(block, written[block], freely)
            # Nothing of it is seen before the halves change places.
            wanted = [(block, *kind) for block in blocks for kind in ((0, 0), (1, 0), (1, 1), (0, 1)) if step]
            for block, asks_free, dark in wanted:
                ctx.set(copy.block, block)
                ctx.set(copy.free, asks_free)
                ctx.set(copy.dark, dark)
                for _ in range(levels + MEMORY):
                    await ctx.tick()
                ended = written[block] if freely else free[block]
                expected = [0] * spec.lanes if dark else ended if asks_free else running[block]
                assert [ctx.get(value) for value in copy.word] == expected, (step, block, asks_free, dark)
                assert [ctx.get(value) for value in copy.free_word] == ended
            running = written
            free = written if freely else free

    simulate(copy, bench)
