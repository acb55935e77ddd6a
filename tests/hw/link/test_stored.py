"""Stored patterns: every frame goes to the hardware and to the golden device, and both replies must be the same bytes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ohmprop.hw.store.memory import BUFFER_WORDS, store_signature
from ohmprop.model.link.frames import Op, encode_frame
from ohmprop.model.link.handling import stored_clocks
from ohmprop.model.link.records import StoredReply
from ohmprop.model.link.sparse import Sparse
from ohmprop.model.link.stored import NUMBER_BYTES, numbered
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SLOT_BYTES
from tests.hw.link.test_handling import answered
from tests.hw.link.test_sparse import SPECS, begun, wrong
from tests.hw.test_quick import Board

STORE = 8 * SLOT_BYTES
#: Outputs in one block, in two, and in both arrangements; one machine with records of more than a slot.
STORED = {name: replace(SPECS[name], store=STORE) for name in ("two-blocks", "serial")}
STORED["long"] = MachineSpec(layers=(600, 3, 2), lanes=4, sparse=True, store=STORE)


def records(spec, count, seed=3, share=0.4):
    """Random records of all classes, one of them black."""
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 16, (count, spec.inputs)) * (rng.random((count, spec.inputs)) < share)
    images[1] = 0
    return [Sparse(number % spec.outputs, image).pack() for number, image in enumerate(images.astype(np.uint8))]


def storing(first, slots, parts):
    """The payload of STORE."""
    return first.to_bytes(NUMBER_BYTES, "little") + bytes([slots]) + b"".join(parts)


def digest(first, count):
    """The payload of DIGEST."""
    return first.to_bytes(NUMBER_BYTES, "little") + count.to_bytes(NUMBER_BYTES, "little")


@pytest.mark.parametrize("name", STORED)
def test_stored_patterns(name):
    spec = STORED[name]
    slots = 2 if name == "long" else 1
    host, parts = begun(spec, np.random.default_rng(5)), records(spec, 4, share=0.6)
    if name == "long":
        assert max(map(len, parts)) > SLOT_BYTES
    # What is stored first is replaced.
    host.request(Op.STORE, storing(0, slots, parts[2:3]))
    host.request(Op.LEARN_STORED, numbered(0, [0]))
    for number, part in enumerate(parts):
        host.request(Op.STORE, storing(number, slots, [part]))
    host.request(Op.DIGEST, digest(0, 0))
    host.request(Op.DIGEST, digest(1, 3))
    host.request(Op.LEARN_STORED, numbered(0, [1, 3]))
    if name == "long":
        host.play()
        return
    host.request(Op.RECALL_STORED, numbered(0, [3, 1, 0]))
    host.request(Op.LEARN_STORED, numbered(0, [3, 3, 0, 2]))
    host.read_states()
    host.request(Op.LEARN_STORED, numbered(2, [3, 2]))
    # All other requests go on, with either list of rows.
    for count in (1, 2):
        host.request(Op.LEARN_SPARSE, b"".join(parts[:count]))
        host.request(Op.RECALL_SPARSE, parts[3])
    host.learn_pixels(np.arange(spec.inputs) % 3, np.arange(spec.outputs) == 1)
    host.request(Op.RECALL_STORED, numbered(0, [2]))
    host.read_weights()
    host.counters()
    host.play()


def test_errors_are_counted_by_each_patterns_own_class():
    # One image and the black one, whose outputs are equal, in all classes: one of each is read right.
    spec = STORED["two-blocks"]
    host, image = begun(spec, np.random.default_rng(8)), np.full(spec.inputs, 9, np.uint8)
    for first, pixels in ((0, image), (5, 0 * image)):
        parts = [Sparse(label, pixels).pack() for label in range(spec.outputs)]
        host.request(Op.STORE, storing(first, 1, parts))
    for number in range(5):
        # The next pattern is loaded by the time that one is compared.
        host.request(Op.RECALL_STORED, numbered(0, [number, (number + 1) % 5]))
        host.request(Op.RECALL_STORED, numbered(0, [5 + number]))
    # Without weights all outputs are equal, and the first one counts.
    host.write_weights([np.zeros((matrix.rows, matrix.columns), np.int8) for matrix in spec.matrices])
    for number in (0, 4):
        host.request(Op.RECALL_STORED, numbered(0, [number]))
    host.play()


@pytest.mark.parametrize("name", ["two-blocks", "serial"])
def test_wrong_requests_are_refused_and_change_nothing(name):
    spec = STORED[name]
    host, parts = begun(spec, np.random.default_rng(6)), records(spec, 4)
    host.request(Op.LEARN_STORED, numbered(0, [0]))
    host.request(Op.STORE, storing(1, 1, parts[:1]))
    host.request(Op.STORE, storing(0, 1, parts[:3]))
    for payload in (numbered(0, [0, 3]), numbered(0, [3, 0]), numbered(2, [3]), numbered(1 << 16, [1 << 16])):
        host.request(Op.LEARN_STORED, payload)
        host.request(Op.RECALL_STORED, payload)
    good = numbered(0, [0, 1])
    for payload in (b"", good[:3], good[:4], good[:6], good + b"\0"):
        for op in (Op.LEARN_STORED, Op.RECALL_STORED, Op.DIGEST, Op.STORE):
            host.request(op, payload)
    for first, count in ((0, 3), (3, 0), (3, 1), (4, 0), (0, 4), ((1 << 24) - 1, 2), (2, (1 << 24) - 1)):
        host.request(Op.DIGEST, digest(first, count))
    # Not behind what there is, in slots of another size or none, and beyond the end.
    for first, slots in ((2, 1), (4, 1), (3, 2), (0, 0), (0, 3), (3, 0), (1 << 23, 1)):
        host.request(Op.STORE, storing(first, slots, parts[:1]))
    host.request(Op.STORE, storing(3, 1, [parts[0]] * 5))
    for payload in wrong(spec):
        host.request(Op.STORE, storing(0 if len(payload) == 1 else 3, 1, [payload]))
        host.request(Op.DIGEST, digest(0, 0))
    host.request(Op.STORE, storing(0, 2, parts[:4]))
    host.request(Op.STORE, storing(4, 2, parts[:1]))
    host.settings(replace(spec.settings, skip=False), 0xC0FFEE11)
    host.request(Op.LEARN_STORED, good)
    host.request(Op.RECALL_STORED, good)
    host.read_weights()
    host.counters()
    host.play()


def test_a_record_has_room_in_its_slots_or_is_refused():
    spec = STORED["long"]
    host = begun(spec, np.random.default_rng(7))
    for size in (SLOT_BYTES, SLOT_BYTES + 1):
        # Class and end take two bytes, and each pixel half of one.
        image = (np.arange(spec.inputs) < 2 * (size - 2)).astype(np.uint8)
        part = Sparse(1, image).pack()
        assert len(part) == size
        for slots in (1, 2):
            host.request(Op.STORE, storing(0, slots, [part]))
            host.request(Op.DIGEST, digest(0, 1))
    host.play()


def test_the_clocks_between_stored_patterns_are_those_of_the_formula():
    # Long enough runs that the next pattern is loaded by their ends.
    spec = MachineSpec(layers=(90, 30, 10), lanes=16, sparse=True, store=STORE)
    parts = records(spec, 5)
    orders = ([0], [2], [3, 0, 4], [3, 3, 4, 2, 0, 4])
    frames = [encode_frame(Op.IDENTIFY, 0, b""), encode_frame(Op.STORE, 1, storing(0, 1, parts))]
    frames += [encode_frame(Op.LEARN_STORED, at, numbered(0, order)) for at, order in enumerate(orders, 2)]
    replies, ends = answered(spec, frames)
    busy = [StoredReply.unpack(reply).clocks for reply in replies[1:]]
    idle = [end - begin - clocks for (begin, end), clocks in zip(pairwise(ends[1:]), busy[1:], strict=True)]
    assert idle == [stored_clocks(spec, len(order), 1, len(parts[order[0]])) for order in orders[1:]]
    assert (idle[2] - idle[1]) / 3 <= 40


class Damaged(wiring.Component):
    """A store whose records never end."""

    def __init__(self, slots):
        super().__init__({"store": In(store_signature(slots))})

    def elaborate(self, platform):
        m, store, left = Module(), self.store, Signal(range(2 * BUFFER_WORDS))
        m.d.sync += [store.place.eq(store.place + 1), left.eq(Mux(left == 0, 0, left - 1))]
        with m.If(store.start):
            m.d.sync += left.eq(BUFFER_WORDS)
        m.d.comb += store.busy.eq(left != 0)
        m.d.comb += [store.take.eq(store.busy & ~store.write), store.taken.eq(0x1111)]
        return m


class DamagedBoard(Board):
    """A board whose store is damaged."""

    make_store = Damaged


def test_a_record_that_was_damaged_in_the_store_ends(monkeypatch):
    spec = STORED["two-blocks"]
    monkeypatch.setattr("tests.hw.link.test_handling.Board", DamagedBoard)
    requests = [(Op.STORE, storing(0, 1, records(spec, 3))), (Op.DIGEST, digest(0, 3))]
    requests += [
        (Op.LEARN_STORED, numbered(0, [0, 1])),
        (Op.RECALL_STORED, numbered(0, [2])),
        (Op.DIGEST, digest(0, 0)),
    ]
    frames = [encode_frame(Op.IDENTIFY, 0, b"")]
    frames += [encode_frame(op, number, payload) for number, (op, payload) in enumerate(requests, 1)]
    replies, _ = answered(spec, frames)
    assert [StoredReply.unpack(reply).patterns for reply in replies[2:4]] == [2, 1]
    assert replies[0][:8] == replies[4][:8] == replies[1][:8] and replies[1][8:] != bytes(4)
