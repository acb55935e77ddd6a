"""The clocks between two learnt patterns, with the next frame waiting: what the rates of boards are computed with."""

from itertools import pairwise

import numpy as np
import pytest

from ohmprop.model.link.frames import WINDOW, Op, decode_frame, encode_frame
from ohmprop.model.link.handling import handling_clocks
from ohmprop.model.link.packing import pack_pattern, pack_pixels, pack_target
from ohmprop.model.link.records import LearnReply
from ohmprop.model.spec import MachineSpec
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


@pytest.mark.parametrize("name", SPECS)
def test_the_clocks_between_two_patterns_are_those_of_the_formula(name):
    spec = SPECS[name]
    board, frames, replies, ends = Board(spec), learning(spec, 5), [], []

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
    busy = [LearnReply.unpack(payload[1:]).clocks for _, _, payload in replies[1:]]
    between = [later - end - clocks for (end, later), clocks in zip(pairwise(ends[1:]), busy[1:], strict=True)]
    assert between == [handling_clocks(spec)] * 4
