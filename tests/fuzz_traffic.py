"""What the fuzzer sends: frames of all kinds as levels of the serial line, with noise and breaks."""

import struct

import numpy as np

from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.link.frames import Op, encode_frame
from ohmprop.model.link.packing import input_bytes, target_bytes
from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.link.spaces import Space
from ohmprop.model.link.sparse import MOST_PATTERNS, Sparse
from ohmprop.model.link.stored import NUMBER_BYTES, RELATIVE_BYTES

BAUD_ERROR = 0.02
#: Kinds of traffic, those that are wanted more often several times.
KINDS = ("right", "right", "right", "right", "wrong", "damaged", "damaged", "again", "number", "noise", "long", "flood")


def access(space, address, count, data=b""):
    return struct.pack("<BHH", space, address, count) + data


class Traffic:
    """Frames of all kinds, with the numbers that a device in this state expects."""

    def __init__(self, spec, rng):
        self.spec, self.rng, self.number = spec, rng, 0

    def next(self):
        """The kind of what is sent, and its bytes."""
        kind = self.rng.choice(KINDS)
        return kind, getattr(self, f"_{kind}")()

    def frame(self, op, payload):
        """The next request."""
        self.number = (self.number + 1) & 255
        return encode_frame(op, (self.number - 1) & 255, payload)

    def weights(self):
        """A WRITE of the whole weight memory: other weights must come in pairs, as the protocol says."""
        spec, seed = self.spec, self.rng.randrange(1 << 30)
        words = spec.layout.to_words(quantise(spec, initial_weights(spec, seed))).astype(np.int8)
        return self.frame(Op.WRITE, access(Space.WEIGHTS, 0, len(words), words.tobytes()))

    def _right(self):
        rng, spec = self.rng, self.spec
        space, address = rng.choice((Space.WEIGHTS, Space.STATES, Space.SETTINGS)), rng.randrange(3)
        at = rng.randrange(SettingsRegisters.size())
        data = bytes(rng.randrange(1, 256) for _ in range(rng.randrange(1, SettingsRegisters.size() - at + 1)))
        return rng.choice(
            (
                lambda: self.frame(Op.LEARN, rng.randbytes(input_bytes(spec) + target_bytes(spec))),
                lambda: self.frame(Op.LEARN, rng.randbytes(input_bytes(spec) + target_bytes(spec))),
                lambda: self.frame(Op.RECALL, rng.randbytes(input_bytes(spec))),
                lambda: self.frame(Op.READ, access(space, address, rng.randrange(4))),
                lambda: self.frame(Op.WRITE, access(Space.SETTINGS, at, len(data), data)),
                lambda: self.frame(Op.IDENTIFY, b""),
                self.weights,
                *(2 * [self._sparse, self._stored] if spec.store else []),
            )
        )()

    def _sparse(self):
        """Sparse patterns, to be learnt or recalled."""
        op = Op.RECALL_SPARSE if self.rng.random() < 0.3 else Op.LEARN_SPARSE
        return self.frame(op, self._records())

    def _stored(self):
        """Patterns to be stored, digests, and numbers, of which there are many that are not there."""
        rng = self.rng
        first = rng.choice((0, 0, 1, 2, 3, rng.randrange(1 << 24))).to_bytes(NUMBER_BYTES, "little")
        numbers = b"".join(rng.randrange(5).to_bytes(RELATIVE_BYTES, "little") for _ in range(rng.randrange(5)))
        return rng.choice(
            (
                lambda: self.frame(Op.STORE, first + bytes([rng.choice((1, 1, 1, 2, 0, 255))]) + self._records()),
                lambda: self.frame(Op.LEARN_STORED, bytes(NUMBER_BYTES) + numbers),
                lambda: self.frame(Op.RECALL_STORED, first + numbers),
                lambda: self.frame(Op.DIGEST, first + rng.randrange(4).to_bytes(NUMBER_BYTES, "little")),
            )
        )()

    def _records(self):
        """Sparse patterns, now and then cut short, or with a byte that is another one."""
        rng, spec = self.rng, self.spec
        images = [
            np.array([rng.randrange(16) * (rng.random() < 0.4) for _ in range(spec.inputs)], np.uint8)
            for _ in range(rng.choice((1, 1, 2, MOST_PATTERNS, MOST_PATTERNS + 1)))
        ]
        records = bytearray(b"".join(Sparse(rng.randrange(spec.outputs), image).pack() for image in images))
        if rng.random() < 0.3:
            records[rng.randrange(len(records))] = rng.randrange(256)
        return bytes(records[: len(records) - (rng.random() < 0.1)])

    def _wrong(self):
        """Whole frames that make no sense: unknown ops, wrong lengths, places that are none."""
        rng = self.rng
        payload = rng.randbytes(rng.randrange(40))
        place = rng.choice((Space.STATES, Space.SIDE, rng.randrange(5, 256))), rng.randrange(1 << 16), rng.randrange(9)
        return rng.choice(
            (
                lambda: self.frame(rng.choice((0, *range(6, 256))), payload),
                lambda: self.frame(Op.LEARN, payload + bytes(300 - len(payload))[: 200 * rng.randrange(2)]),
                lambda: self.frame(Op.RECALL, payload + b"beyond"),
                lambda: self.frame(Op.READ, access(*place)),
                lambda: self.frame(Op.WRITE, access(*place, payload)),
                lambda: self.frame(Op.WRITE, payload[:4]),
                lambda: self.frame(Op.IDENTIFY, payload + b"x"),
            )
        )()

    def _damaged(self):
        """A right frame with a few bytes changed, lost, added or cut off."""
        rng, data = self.rng, bytearray(self._right())
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(len(data))
            match rng.randrange(5):
                case 0:
                    data[at] ^= 1 << rng.randrange(8)
                case 1:
                    data[at] = rng.choice((0, 1, 255))
                case 2:
                    data.insert(at, rng.randrange(256))
                case 3 if len(data) > 1:
                    del data[at]
                case 4 if at:
                    del data[at:]
        self.number = (self.number - 1) & 255
        return bytes(data)

    def _again(self):
        """The last numbers once more, with another content."""
        now = self.number
        self.number = (now - self.rng.randrange(1, 4)) & 255
        data = self._right()
        self.number = now
        return data

    def _number(self):
        """Any number."""
        now, self.number = self.number, self.rng.randrange(256)
        data = self._right()
        self.number = now
        return data

    def _flood(self):
        """Requests whose replies take longer than they do, so that the frame slots fill up."""
        words = self.spec.layout.words
        reads = (self.frame(Op.READ, access(Space.WEIGHTS, 0, words)) for _ in range(self.rng.randrange(3, 8)))
        return b"".join(reads) + self._right()

    def _noise(self):
        return self.rng.randbytes(self.rng.randrange(1, 60))

    def _long(self):
        """More than a frame buffer holds, with zeros or without, its checksum right or lost."""
        rng, size = self.rng, self.rng.choice((245, 250, 251, 256, 300, 600))
        payload = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
        return encode_frame(rng.randrange(6, 256), self.number, payload)[: rng.choice((None, -1))]


def waveform(spec, rng, data):
    """The line's levels (clocks,) while bytes come at a baud rate of up to 2 % off, a pause behind them."""
    bits = [bit for byte in data for bit in (0, *(byte >> at & 1 for at in range(8)), 1)]
    clocks_per_bit = spec.clock_hz / spec.baud * (1 + rng.uniform(-BAUD_ERROR, BAUD_ERROR))
    edges = np.floor(np.arange(len(bits) + 1) * clocks_per_bit + rng.random()).astype(int)
    levels = np.repeat(np.array(bits, bool), np.diff(edges))
    pause = rng.choice((0, 0, rng.randrange(40), rng.randrange(3000)))
    return np.concatenate([levels, np.ones(pause, bool)])


def burst(spec, rng, traffic, seen):
    """Several pieces of traffic, half of the time with noise and breaks on the line."""
    pieces = []
    for _ in range(rng.randrange(1, 13)):
        kind, data = traffic.next()
        seen[kind] += 1
        pieces.append(waveform(spec, rng, data))
    if rng.random() < 0.3:
        seen["break"] += 1
        pieces.insert(rng.randrange(len(pieces)), np.zeros(rng.randrange(1, 4000), bool))
    levels = np.concatenate(pieces)
    if rng.random() < 0.5:
        for _ in range(rng.randrange(1, 10)):
            seen["noise on the line"] += 1
            at = rng.randrange(len(levels))
            levels[at : at + rng.choice((1, 1, 2, 4, rng.randrange(1, 60)))] ^= True
    return levels
