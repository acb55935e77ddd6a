"""The clocks between two learnt patterns, with the next frame waiting: what the rates of boards are computed with."""

from itertools import pairwise

import numpy as np
import pytest

from ohmprop.model.link.frames import WINDOW, Op, decode_frame, encode_frame
from ohmprop.model.link.handling import handling_clocks, sparse_clocks
from ohmprop.model.link.packing import pack_pattern, pack_pixels, pack_target
from ohmprop.model.link.records import LearnReply
from ohmprop.model.link.sparse import MOST_PATTERNS, Sparse
from ohmprop.model.spec import MachineSpec
from tests.hw.link.test_sparse import SPECS as SPARSE
from tests.hw.test_quick import Board
from tests.kit.simulated import simulate

SPECS = {
    "recurrent": MachineSpec(layers=(20,), lanes=8),
    "recurrent, serial": MachineSpec(layers=(20,), lanes=8, serial=True),
    "4 bits": MachineSpec(layers=(33, 6, 3), lanes=4),
    "1 bit": MachineSpec(layers=(33, 6, 3), lanes=4, pixel_bits=1),
    "8 bits, serial": MachineSpec(layers=(33, 6, 3), lanes=8, pixel_bits=8, serial=True),
}


def learning(spec, count):
    """Frames that learn random patterns, after one that asks who is there."""
    rng = np.random.default_rng(1)
    frames = [encode_frame(Op.IDENTIFY, 0, b"")]
    for number in range(1, count + 1):
        if spec.recurrent:
            payload = 2 * pack_pattern(spec, rng.random(spec.inputs) < 0.5)
        else:
            pixels = rng.integers(0, spec.brightest + 1, spec.inputs).astype(np.uint8)
            payload = pack_pixels(spec, pixels) + pack_target(spec, np.arange(spec.outputs) == number % spec.outputs)
        frames.append(encode_frame(Op.LEARN, number, payload))
    return frames


def answered(spec, frames):
    """The payloads of the replies behind their statuses, but for the first, and the clocks at which they end."""
    board, replies, ends = Board(spec), [], []

    async def bench(ctx):
        ctx.set(board.bytes.ready, 1)
        waiting, sent, reply, now = list(frames), 0, b"", 0
        while len(replies) < len(frames):
            # As many frames wait as a window has, once the board has said who it is.
            if waiting and sent - len(replies) < (WINDOW if replies else 1):
                ctx.set(board.valid, 1)
                ctx.set(board.data, waiting[0][0])
                waiting[0] = waiting[0][1:]
                if not waiting[0]:
                    waiting.pop(0)
                    sent += 1
            else:
                ctx.set(board.valid, 0)
            if ctx.get(board.bytes.valid):
                reply += bytes([ctx.get(board.bytes.payload)])
                if reply.endswith(b"\0"):
                    replies.append(decode_frame(reply[:-1]))
                    ends.append(now)
                    reply = b""
            await ctx.tick()
            now += 1
            assert now < 100_000

    simulate(board, bench)
    return [payload[1:] for _, _, payload in replies[1:]], ends[1:]


def between(busy, ends):
    """Clocks from each reply to the next that nothing is learnt in."""
    return [later - end - clocks for (end, later), clocks in zip(pairwise(ends), busy[1:], strict=True)]


@pytest.mark.parametrize("name", SPECS)
def test_the_clocks_between_two_patterns_are_those_of_the_formula(name):
    spec = SPECS[name]
    replies, ends = answered(spec, learning(spec, 5))
    assert between([LearnReply.unpack(reply).clocks for reply in replies], ends) == [handling_clocks(spec)] * 4


@pytest.mark.parametrize("name", ["two-blocks", "serial"])
def test_the_clocks_between_frames_of_sparse_patterns_are_those_of_the_formula(name):
    spec, rng, size = SPARSE[name], np.random.default_rng(2), LearnReply.size()
    frames, sizes = [encode_frame(Op.IDENTIFY, 0, b"")], []
    for number, (count, share) in enumerate(((1, 0.3), (1, 0), (1, 1), (3, 0.2), (2, 0.5), (MOST_PATTERNS, 0.1)), 1):
        images = rng.integers(1, 16, (count, spec.inputs)) * (rng.random((count, spec.inputs)) < share)
        records = b"".join(Sparse(number % spec.outputs, image).pack() for image in images.astype(np.uint8))
        frames.append(encode_frame(Op.LEARN_SPARSE, number, records))
        sizes.append((count, len(records)))
    replies, ends = answered(spec, frames)
    busy = [
        sum(LearnReply.unpack(reply[at : at + size]).clocks for at in range(0, count * size, size))
        for reply, (count, _) in zip(replies, sizes, strict=True)
    ]
    assert between(busy, ends) == [sparse_clocks(spec, *frame) for frame in sizes[1:]]
