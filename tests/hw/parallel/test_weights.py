"""The weight memory's banks: whole block RAMs, every word in one of them, and words read after the latency."""

import numpy as np
import pytest

from ohmprop.hw.parallel.weights import WeightMemory, banks
from ohmprop.model.spec import MachineSpec
from tests.kit.simulated import simulate


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        (1, [1]),
        (512, [512]),
        (513, [513]),
        (1030, [1024, 6]),
        (1700, [1700]),
        (3176, [2048, 1024, 104]),
        (6352, [2048, 2048, 2048, 208]),
    ],
)
def test_banks(words, sizes):
    parts = banks(words)
    assert [len(part) for part in parts] == sizes
    assert [word for part in parts for word in part] == list(range(words))


@pytest.mark.parametrize(
    "spec",
    [MachineSpec(layers=(600, 20, 4), lanes=10), MachineSpec(layers=(330, 70, 4), lanes=66)],
    ids=lambda s: s.lanes,
)
def test_words_are_read_as_they_were_written(spec):
    """Random words at the ends of the banks and elsewhere, read in every order, a word a clock, while others are written."""
    memory, rng, depth = WeightMemory(spec, spec.weight.bits), np.random.default_rng(3), spec.layout.words
    ends = [word for part in banks(depth) for word in (part.start, part.stop - 1)]
    places = sorted({*ends, *rng.integers(0, depth, 20).tolist()})
    width, latency = len(memory.word.as_value()), spec.timing.weight_memory
    kept: dict[int, int] = {}
    expected: list[int] = []

    async def bench(ctx):
        async def clock(read=0, write=None):
            ctx.set(memory.read_address, read)
            ctx.set(memory.write, write is not None)
            if write is not None:
                kept[write] = int.from_bytes(rng.bytes(width // 8), "little")
                ctx.set(memory.write_address, write)
                ctx.set(memory.write_word.as_value(), kept[write])
            # What is there now, before the word of this clock.
            expected.append(before.get(read, 0))
            await ctx.tick()
            if len(expected) >= latency:
                assert ctx.get(memory.word.as_value()) == expected[-latency]

        before = dict(kept)
        for place in places:
            await clock(read=places[0] if place != places[0] else places[1], write=place)
            before = dict(kept)
        for _ in range(3):
            for place in rng.permutation(places).tolist():
                other = int(rng.choice([word for word in places if word != place]))
                await clock(read=place, write=other)
                before = dict(kept)
        for _ in range(latency):
            await clock()

    simulate(memory, bench)
