"""The driver: one board behind a port, every request of the link's protocol, retries and deadlines included."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.exchange import Link
from ohmprop.host.link.port import Port, opened
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.layout import Cell
from ohmprop.model.link.frames import ACCESS_BYTES, CRC_BYTES, Op
from ohmprop.model.link.identity import MAGIC, VERSION, Identity
from ohmprop.model.link.packing import (
    LINK_BITS,
    pack_pattern,
    pack_pixels,
    pack_target,
    pattern_bytes,
    target_blocks,
    unpack_pattern,
)
from ohmprop.model.link.pulses import PulseCounts, pack_stuck, unit_spaces, unpack_counts
from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.link.registers import PulseRequest, SettingsRegisters
from ohmprop.model.link.spaces import WIDE, Space, space_words
from ohmprop.model.memristors.tables import conductances, pulse_direction
from ohmprop.model.memristors.unit import PulseUnit, no_cells, outside
from ohmprop.model.spec import MachineSpec, Settings

#: Seconds to wait for a reply, beside the longest relaxation; for the first one, which says whether a board is there.
REPLY_SECONDS = 5.0
CONNECT_SECONDS = 1.0
#: A simulated board learns at least this many clocks a second; a real one is faster.
SLOWEST_CLOCK_HZ = 500_000

Bits = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
#: A layered machine's weights: (inputs, first hidden layer), then (upper layer, lower layer) for each matrix.
Matrices = Sequence[NDArray[np.integer[Any]]]


class Board:
    """A board, real, simulated or golden, behind an open port; connects, or refuses the board, at once.

    Parameters
    ----------
    port : the open port (ohmprop.host.link.port); the caller closes it.
    spec : the machine that the board must be.
    timeout : seconds to wait for a reply, beside the longest relaxation.
    clock : what these seconds are measured by.

    Members
    -------
    identity : the board's ID block.
    link : requests and replies one by one; its window may be made smaller.

    Every method raises MachineError if the link breaks, stays silent, or the board refuses; a request whose frame or
    reply was lost is sent again under its number, so it is executed once. Methods for patterns and ``weights`` are those
    of recurrent boards, methods for images, answers and ``matrices`` those of layered ones.
    """

    def __init__(
        self,
        port: Port,
        spec: MachineSpec,
        timeout: float = REPLY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_link(spec)
        self.spec = spec
        self._layout = spec.layout
        self._device: PulseUnit | None = None
        self.link = Link(port, min(CONNECT_SECONDS, timeout), clock)
        self.identity = self._connect()
        self.link.window = self.identity.window
        # Two phases of 255 steps at most; every word read once and programmed in two clocks.
        clocks = 2 * 255 * self._layout.step_words + 3 * self._layout.words
        self.link.timeout = timeout + clocks / SLOWEST_CLOCK_HZ

    # -- requests --------------------------------------------------------------------------------------------------

    def learn(self, pattern: Bits, target: Bits | None = None) -> LearnReply:
        """Learn one pattern (neurons,), True white; the target is the pattern itself if not given."""
        payload = pack_pattern(self.spec, pattern) + pack_pattern(self.spec, pattern if target is None else target)
        reply: LearnReply = LearnReply.unpack(self._sized(self.request(Op.LEARN, payload), LearnReply.size()))
        return reply

    def learn_images(self, pairs: Iterable[tuple[Pixels, Bits]]) -> Iterator[LearnReply]:
        """Learn pairs of pixels (inputs,), of pixel_bits each, and target (outputs,), True 1; yields each one's reply.

        The next image is on its way while the board learns. Take all items: what is left was learnt all the same.
        """
        payloads = (pack_pixels(self.spec, pixels) + pack_target(self.spec, target) for pixels, target in pairs)
        for reply in self.link.exchange((Op.LEARN, payload) for payload in payloads):
            yield LearnReply.unpack(self._sized(reply, LearnReply.size()))

    def answer_many(self, images: Iterable[Pixels]) -> Iterator[tuple[RecallReply, NDArray[np.uint8]]]:
        """Recall images (inputs,) one after another; yields each one's reply and its outputs' states (outputs,)."""
        spec, size, blocks = self.spec, RecallReply.size(), target_blocks(self.spec)
        read = Op.READ, access(Space.STATES, blocks.start, len(blocks))

        def requests() -> Iterator[tuple[int, bytes]]:
            for image in images:
                yield Op.RECALL, pack_pixels(spec, image)
                yield read

        replies = self.link.exchange(requests())
        for reply in replies:
            states = self._sized(next(replies), len(blocks) * spec.lanes)
            self._sized(reply, size + pattern_bytes(spec))
            yield RecallReply.unpack(reply[:size]), np.frombuffer(states, np.uint8)[: spec.outputs]

    def recall(self, image: Bits) -> tuple[RecallReply, Bits]:
        """Recall one image (neurons,); returns the reply and which states are positive (neurons,)."""
        return next(self.recall_many([image]))

    def learn_many(self, patterns: Iterable[Bits]) -> Iterator[tuple[LearnReply, NDArray[np.int8]]]:
        """Learn patterns one after another; yields each one's reply and the states (neurons,) after it.

        The next pattern is on its way while the board learns. Take all items: what is left was learnt all the same.
        """
        reads = self._reads(Space.STATES, self._layout.blocks, self.spec.lanes)

        def requests() -> Iterator[tuple[int, bytes]]:
            for pattern in patterns:
                yield Op.LEARN, 2 * pack_pattern(self.spec, pattern)
                yield from reads

        replies = self.link.exchange(requests())
        for reply in replies:
            states = b"".join(islice(replies, len(reads)))
            learnt = LearnReply.unpack(self._sized(reply, LearnReply.size()))
            yield learnt, self._states(states)

    def recall_many(self, images: Iterable[Bits]) -> Iterator[tuple[RecallReply, Bits]]:
        """Recall images one after another; yields each one's reply and signs (neurons,)."""
        size = RecallReply.size()
        for reply in self.link.exchange((Op.RECALL, pack_pattern(self.spec, image)) for image in images):
            self._sized(reply, size + pattern_bytes(self.spec))
            yield RecallReply.unpack(reply[:size]), unpack_pattern(self.spec, reply[size:])

    def read_weights(self) -> NDArray[np.int8]:
        """All weights, int8 (neurons, neurons)."""
        return self.spec.layout.from_words(self._read_words())[0]

    def read_matrices(self) -> tuple[NDArray[np.int16], ...]:
        """All weights, int16, matrix after matrix."""
        return self.spec.layout.from_words(self._read_words().astype(np.int16))

    def write_weights(self, weights: NDArray[np.int8]) -> None:
        """Replace all weights by int8 (neurons, neurons), which `checked_weights` must accept."""
        self._write_words(self.spec.layout.to_words((checked_weights(self.spec, weights),)))

    def write_matrices(self, matrices: Matrices) -> None:
        """Replace all weights by the matrices, which `checked_weights` must accept when they are joined."""
        weights = checked_weights(self.spec, joined(matrices))
        self._write_words(self.spec.layout.to_words(split(self.spec, weights)).astype(np.int8))

    def read_states(self) -> NDArray[np.integer[Any]]:
        """The neurons' states (neurons,), in LSBs: int8 of a recurrent board, uint8 of a layered one."""
        return self._states(self._read(Space.STATES, self._layout.blocks, self.spec.lanes))

    def read_side_states(self) -> NDArray[np.int16]:
        """The side network's states (neurons,) of a recurrent board, in LSBs of ``spec.side``."""
        spec, words = self.spec, space_words(self.spec)[Space.SIDE]
        data = self._read(Space.SIDE, words, spec.lanes)
        cells = np.frombuffer(data, np.uint8).reshape(-1, 2, spec.lanes).astype(np.uint16)
        return self._layout.from_blocks((cells[:, 0] | cells[:, 1] << 8).view(np.int16))

    def read_settings(self) -> tuple[Settings, int]:
        """The run-time settings and the LFSR's value."""
        data = self._read(Space.SETTINGS, SettingsRegisters.size(), 1)
        registers = SettingsRegisters.unpack(data)
        return registers.settings(self.spec), registers.lfsr

    def write_settings(self, settings: Settings, lfsr: int) -> None:
        """Replace the run-time settings and the LFSR (1 to 2**32 - 1)."""
        if not 0 < lfsr < 1 << 32:
            raise UserError(f"The LFSR cannot hold {lfsr}, and never leaves 0; give 1 to {(1 << 32) - 1}.")
        data = SettingsRegisters.of(self.spec, settings, lfsr).pack()
        self.request(Op.WRITE, access(Space.SETTINGS, 0, len(data)) + data)

    def read_counters(self) -> Counters:
        """The board's counters."""
        counters: Counters = Counters.unpack(self._read(Space.COUNTERS, Counters.size(), 1))
        return counters

    def load_device(self, unit: PulseUnit | None) -> None:
        """Make the cells the devices of ``unit``, or linear ones if it is None; the machine must have a pulse unit.

        Weights that stick at a rail are written with the others.
        """
        if not self.spec.pulses:
            raise UserError(
                "This machine has no pulse unit; give it pulses = true under [machine] in its file, and build the board anew."
            )
        if unit:
            unit.check(self.spec)
        for space, content in unit_spaces(self.spec, unit):
            self._write(space, content, self.spec.lanes if space in WIDE else 1)
        self._device = unit

    def pulse(self, matrix: int, row: int, column: int, conductance: str = "+", pulses: int = 1) -> int:
        """Raise a cell's conductance G+ or G- by programming pulses, or lower it by a negative number of them.

        Returns the cell's weight after them; ``pulse_many`` says more.
        """
        return next(self.pulse_many((matrix, row, column), conductance, [pulses]))

    def pulse_many(self, cell: Cell, conductance: str, commands: Iterable[int]) -> Iterator[int]:
        """Give one command of pulses after another to a cell (matrix, row, column); yields its weight after each.

        Each is 1 to the device's most, or as many below 0. Which pulses of the weight they are is a matter of the scheme
        (docs/devices.md). The next command is on its way while one is executed. UserError, before that command moves
        anything, for linear cells, a cell that is none, another number, and a pulse that the scheme does not have.
        """
        unit, spec = self._device, self.spec
        if unit is None:
            raise UserError("No device was loaded, and linear cells take no pulses; give one to load_device.")
        if not self._layout.has(*cell):
            raise UserError(f"The cell {outside(spec, *cell)}")
        masks, (matrix, row, column) = no_cells(spec), cell
        masks[matrix][row, column] = True
        if spec.recurrent:
            # One of the two copies may be the only one that is stored.
            masks[matrix][column, row] = True
        address, lane = np.argwhere(pack_stuck(spec, masks))[0].tolist()
        read = Op.READ, access(Space.WEIGHTS, address, 1)

        def requests() -> Iterator[tuple[int, bytes]]:
            for pulses in commands:
                if not 1 <= abs(pulses) <= unit.most:
                    raise UserError(f"{pulses} pulses at once are impossible with this device; give 1 to {unit.most}.")
                direction = pulse_direction(unit.tables.scheme, conductance, pulses > 0)
                data = PulseRequest.of(spec, cell, direction * abs(pulses)).pack()
                yield Op.WRITE, access(Space.PROGRAM, 0, len(data)) + data
                yield read

        replies = self.link.exchange(requests())
        for _ in replies:
            word = np.frombuffer(self._sized(next(replies), spec.lanes), np.int8)
            yield int(word[lane])

    def read_pulses(self) -> list[PulseCounts]:
        """Each matrix's counters of pulses; a symmetric pair of cells counts once."""
        return unpack_counts(self._read(Space.PULSES, space_words(self.spec)[Space.PULSES], 1))

    def read_conductances(self, unit: PulseUnit) -> tuple[list[NDArray[np.int16]], list[NDArray[np.int16]]]:
        """G+ and G- of all cells in levels, matrix after matrix, as the scheme of the device has them (docs/devices.md)."""
        weights = [self.read_weights().astype(np.int16)] if self.spec.recurrent else self.read_matrices()
        pairs = [conductances(matrix, unit.tables) for matrix in weights]
        return [up for up, _ in pairs], [down for _, down in pairs]

    def request(self, op: int, payload: bytes) -> bytes:
        """One request of any kind; returns the reply's payload behind the status."""
        return next(self.exchange([(op, payload)]))

    def exchange(self, requests: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        """Requests (op, payload) of any kind, the next one on its way while one is executed; as ``request`` for each."""
        return self.link.exchange(requests)

    # -- connecting --------------------------------------------------------------------------------------------------

    def _connect(self) -> Identity:
        """Ask who is there; refuse anything but the expected machine."""
        block = self.request(Op.IDENTIFY, b"")
        if block[: len(MAGIC)] != MAGIC or len(block) == len(MAGIC):
            raise MachineError(
                "Something answers, but not with the ID block of an ohmprop board; give the port of an ohmprop board."
            )
        # Other versions may have other blocks; magic and version come first in all of them.
        version = block[len(MAGIC)]
        identity, expected = Identity.unpack(block), Identity.of(self.spec)
        if identity is None or version != VERSION:
            raise MachineError(
                f"The board speaks protocol version {version} ({len(block)} bytes of ID block) and this host version "
                f"{VERSION} ({Identity.size()} bytes); install the same version of ohmprop on both sides."
            )
        if self.spec.pulses and identity.spec_hash == replace(self.spec, pulses=False).spec_hash:
            raise UserError(
                "The board is this machine without a pulse unit, which devices take; leave --device out, or give its file "
                "pulses = true under [machine] and build the board anew."
            )
        if identity.spec_hash != expected.spec_hash:
            raise UserError(
                f"The board is machine {identity.spec_hash} ({identity.neurons} neurons, {identity.lanes} lanes), but "
                f"{expected.spec_hash} ({expected.neurons} neurons, {expected.lanes} lanes) was asked for; give the "
                "board's own --machine file, or build the board from this one."
            )
        if identity != expected:
            raise MachineError(
                f"The board's ID block ({identity}) does not match its spec hash, which stands for {expected}; "
                "build the board anew."
            )
        return identity

    # -- spaces ------------------------------------------------------------------------------------------------------

    def _reads(self, space: Space, count: int, width: int) -> list[tuple[int, bytes]]:
        """The requests that read words 0 to count - 1 of ``width`` bytes."""
        chunk = (self.identity.frame_bytes - 3 - CRC_BYTES) // width
        return [(Op.READ, access(space, at, min(chunk, count - at))) for at in range(0, count, chunk)]

    def _read(self, space: Space, count: int, width: int) -> bytes:
        return self._sized(b"".join(self.link.exchange(self._reads(space, count, width))), count * width)

    def _read_words(self) -> NDArray[np.int8]:
        """The words of the weight memory (words, lanes)."""
        words = self._read(Space.WEIGHTS, self._layout.words, self.spec.lanes)
        return np.frombuffer(words, np.int8).reshape(-1, self.spec.lanes)

    def _write_words(self, words: NDArray[np.int8]) -> None:
        """Replace all words of the weight memory (words, lanes)."""
        self._write(Space.WEIGHTS, words.tobytes(), self.spec.lanes)

    def _write(self, space: Space, content: bytes, width: int) -> None:
        """Replace all words, of ``width`` bytes, of a space."""
        chunk = (self.identity.frame_bytes - 2 - ACCESS_BYTES - CRC_BYTES) // width * width
        parts = ((start, content[start : start + chunk]) for start in range(0, len(content), chunk))
        requests = ((Op.WRITE, access(space, at // width, len(part) // width) + part) for at, part in parts)
        deque(self.link.exchange(requests), maxlen=0)

    def _states(self, data: bytes) -> NDArray[Any]:
        size = self._layout.blocks * self.spec.lanes
        kind = np.int8 if self.spec.state.signed else np.uint8
        return self._layout.from_blocks(np.frombuffer(self._sized(data, size), kind))

    @staticmethod
    def _sized(data: bytes, size: int) -> bytes:
        """The data, if it is as long as it must be."""
        if len(data) != size:
            raise MachineError(
                f"The board's reply has {len(data)} bytes where {size} were expected; install the same version of "
                "ohmprop on both sides."
            )
        return data


def check_link(spec: MachineSpec) -> None:
    """Refuse a machine whose weights do not fit the link."""
    widest = max(matrix.weight.bits for matrix in spec.matrices)
    if widest > LINK_BITS:
        raise UserError(
            f"This machine's weights have {widest} bits and the link carries {LINK_BITS}; give --board golden, or a machine "
            f"with weights of at most {LINK_BITS} bits."
        )


def joined(matrices: Matrices) -> NDArray[Any]:
    """A layered machine's weights as one array, int16 (synapses,): matrix after matrix, row after row."""
    return np.concatenate([np.asarray(matrix, np.int16).reshape(-1) for matrix in matrices])


def split(spec: MachineSpec, weights: NDArray[Any]) -> list[NDArray[np.int16]]:
    """The inverse of `joined`."""
    sizes = [matrix.rows * matrix.columns for matrix in spec.matrices]
    parts = np.split(weights, np.cumsum(sizes)[:-1])
    return [part.reshape(matrix.rows, -1) for part, matrix in zip(parts, spec.matrices, strict=True)]


def checked_weights(spec: MachineSpec, weights: NDArray[Any]) -> NDArray[Any]:
    """The weights, if a machine of the spec can hold them; UserError otherwise.

    Those of a recurrent machine are int8 (neurons, neurons), those of a layered one as `joined` makes them.
    """
    n = spec.neurons
    shape, kind = ((n, n), np.int8) if spec.recurrent else ((spec.synapses,), np.int16)
    if weights.shape != shape or weights.dtype != kind:
        raise UserError(
            f"Weights of shape {weights.shape} and type {weights.dtype} do not fit; give {kind.__name__} {shape}."
        )
    if spec.recurrent:
        distance = np.abs(np.arange(n)[:, None] - np.arange(n))
        if not np.array_equal(weights, weights.T) or weights[(distance == 0) | (distance > spec.reach)].any():
            raise UserError(
                "These weights are not symmetric or lie where the machine has no synapse; give those of this machine."
            )
    for matrix, part in zip(spec.matrices, split(spec, weights), strict=True):
        if np.abs(part.astype(np.int64)).max() > matrix.weight.high:
            raise UserError(
                f"A weight lies outside +-{matrix.weight.high}; give weights in the machine's format {matrix.weight}."
            )
    return weights


def access(space: Space, address: int, count: int) -> bytes:
    """The head of a READ's or WRITE's payload."""
    return bytes([space]) + address.to_bytes(2, "little") + count.to_bytes(2, "little")


@contextmanager
def connect(board: str, spec: MachineSpec) -> Iterator[Board]:
    """The board named as ``--board`` names it: ``sim`` (started here), ``golden``, or a port's URL; closed at the end."""
    with opened(board, spec) as port:
        yield Board(port, spec)
