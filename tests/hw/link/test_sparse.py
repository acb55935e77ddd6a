"""Sparse patterns: every frame goes to the hardware and to the golden device, and both replies must be the same bytes."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.link.frames import Op
from ohmprop.model.link.sparse import MOST_PATTERNS, Sparse
from ohmprop.model.spec import MachineSpec
from tests.hw.test_quick import Host

#: Outputs in one byte, in two blocks, behind a lane of the second byte; both arrangements, with and without biases.
SPECS = {
    "one-block": MachineSpec(layers=(37, 4, 3), lanes=4, sparse=True),
    "two-blocks": MachineSpec(layers=(40, 4, 5), lanes=3, biases=True, sparse=True),
    "wide": MachineSpec(layers=(70, 9, 11), lanes=12, in_turn=True, sparse=True),
    "serial": MachineSpec(layers=(64, 9, 10), lanes=8, serial=True, sparse=True),
}


def images(spec, rng):
    """Black, white, first and last pixel alone, runs of every kind, and others."""
    for pixels in (np.zeros(spec.inputs), np.full(spec.inputs, 15)):
        yield pixels.astype(np.uint8)
    for place in (0, 1, 15, 16, 17, 30, 31, 32, spec.inputs - 1):
        yield (np.arange(spec.inputs) == place).astype(np.uint8)
    for share in (0.1, 0.3, 0.7):
        yield (rng.integers(1, 16, spec.inputs) * (rng.random(spec.inputs) < share)).astype(np.uint8)


def begun(spec, rng):
    """A host that has written weights and settings."""
    host = Host(spec)
    shifts = tuple(matrix.shift_base for matrix in spec.matrices)
    host.settings(replace(spec.settings, free_steps=2, nudged_steps=1, driven_steps=1, eta_shifts=shifts), 0xC0FFEE11)
    host.write_weights([rng.integers(-90, 91, (matrix.rows, matrix.columns)) for matrix in spec.matrices])
    return host


@pytest.mark.parametrize("name", SPECS)
def test_sparse_patterns(name):
    spec, rng = SPECS[name], np.random.default_rng(5)
    host = begun(spec, rng)
    records = [Sparse(number % spec.outputs, image) for number, image in enumerate(images(spec, rng))]
    done = 0
    for count in (1, MOST_PATTERNS, 3, 2, 3):
        host.request(Op.LEARN_SPARSE, b"".join(record.pack() for record in records[done : done + count]))
        host.read_states()
        done += count
    assert done == len(records)
    for record in records[::4]:
        host.request(Op.RECALL_SPARSE, record.pack())
        host.read_states()
    # Packed ones still go.
    host.learn_pixels(records[-1].pixels, np.arange(spec.outputs) == 1)
    host.read_weights()
    host.counters()
    host.play()


def wrong(spec):
    """Payloads that are no records, and those like them that are."""
    good = Sparse(1, (np.arange(spec.inputs) % 3).astype(np.uint8)).pack()
    last = Sparse(0, (np.arange(spec.inputs) == spec.inputs - 1).astype(np.uint8)).pack()
    full = Sparse(0, np.ones(spec.inputs, np.uint8)).pack()
    yield from (good, b"", good[:-1], good + b"\1", good + good[:-1], good * MOST_PATTERNS, good * (MOST_PATTERNS + 1))
    yield from (bytes([spec.outputs]) + good[1:], good + bytes([255]) + good[1:], last, full)
    # One pixel more, in either nibble, and a run up to the end and beyond it.
    yield b"\0" + bytes([0x11]) * (spec.inputs // 2 + 1) + b"\0"
    yield b"\0" + bytes([0x11]) * (spec.inputs // 2) + (b"\0" if spec.inputs % 2 == 0 else b"\1\0")
    for length in (spec.inputs, spec.inputs + 1, 15 * 30):
        digits = [0, *[15] * (length // 15), length % 15, 0, 0]
        digits += [0] * (len(digits) % 2)
        yield b"\0" + bytes(low | high << 4 for low, high in zip(digits[::2], digits[1::2], strict=True))
    # The end in the lower nibble, with something above it; a class alone; no end.
    yield from (
        b"\0\x01\x70",
        b"\0\x10\xf0",
        b"\0\x00",
        b"\0",
        b"\0\0\0",
        b"\0\x0f",
        b"\0\xf0\x0f\x00",
        b"\0\xf0\x00\x00",
    )


@pytest.mark.parametrize("name", ["two-blocks", "serial"])
def test_wrong_records_are_refused_and_change_nothing(name):
    spec, rng = SPECS[name], np.random.default_rng(6)
    host = begun(spec, rng)
    for op in (Op.LEARN_SPARSE, Op.RECALL_SPARSE):
        for payload in wrong(spec):
            host.request(op, payload)
    # All rows are driven where nothing is skipped, which such patterns do not say.
    host.settings(replace(spec.settings, skip=False, free_steps=2), 0xC0FFEE11)
    host.request(Op.LEARN_SPARSE, next(wrong(spec)))
    host.read_weights()
    host.counters()
    host.play()
