"""The store in block RAMs: how long a record takes."""

import pytest

from ohmprop.hw.store.block_ram import BlockRamStore
from ohmprop.hw.store.memory import SLOT_WORDS
from tests.kit.simulated import simulate


@pytest.mark.parametrize(("write", "wide"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_a_record_takes_its_words_and_a_clock(write, wide):
    part, busy = BlockRamStore(4), []

    async def bench(ctx):
        for port, value in (("start", 1), ("write", write), ("wide", wide), ("slot", 2)):
            ctx.set(getattr(part.store, port), value)
        await ctx.tick()
        ctx.set(part.store.start, 0)
        while ctx.get(part.store.busy):
            busy.append(ctx.get(part.store.take))
            await ctx.tick()

    simulate(part, bench)
    words = (1 + wide) * SLOT_WORDS
    assert len(busy) == words + 1 and sum(busy) == (0 if write else words)
