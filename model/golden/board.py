"""The golden machine behind the link's protocol, in Python: what a board answers, byte for byte (docs/protocol.md)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.golden.store import STORED, GoldenStore
from ohmprop.model.link.frames import (
    ACCESS_BYTES,
    CRC_BYTES,
    REPLY,
    REPLY_BYTES,
    WINDOW,
    Op,
    Status,
    decode_frame,
    encode_frame,
)
from ohmprop.model.link.identity import Identity
from ohmprop.model.link.packing import (
    frame_bytes,
    input_bytes,
    join_words,
    pack_input,
    pack_pattern,
    pack_target,
    split_words,
    target_bytes,
    unpack_factors,
    unpack_input,
    unpack_target,
)
from ohmprop.model.link.pulses import pack_counts, unit_of, unpack_stuck
from ohmprop.model.link.records import Counters
from ohmprop.model.link.registers import PulseRegisters, PulseRequest, SettingsRegisters
from ohmprop.model.link.spaces import READ_ONLY, STEP_BYTES, WIDE, WRITE_ONLY, Space, space_words
from ohmprop.model.link.sparse import unpack_sparse
from ohmprop.model.spec import MachineSpec

LFSR_BYTES = SettingsRegisters.widths()["lfsr"]


class GoldenBoard:
    """A board made of the golden machine.

    Members
    -------
    machine : the golden machine behind the link; weights of more than 8 bits do not fit the link.
    store : the patterns that it keeps.

    Its clock stands still while the machine is idle, so the counter ``clocks`` equals ``busy_clocks``, unless the
    ``clocks`` since reset come from elsewhere.
    """

    def __init__(self, spec: MachineSpec, clocks: Callable[[], int] | None = None) -> None:
        self.machine = GoldenMachine(spec)
        self._spec = spec
        self._layout = spec.layout
        self._clocks = clocks or (lambda: self.machine.busy_clocks)
        self.store = GoldenStore(spec, self.machine)
        self._input = bytearray()
        self._expected = 0
        self._identified = False
        self._replies: dict[int, tuple[int, bytes]] = {}
        self._frames = self._refused = self._repeated = 0
        self._registers = bytearray(SettingsRegisters.of(spec, spec.settings, self.machine.lfsr).pack())
        # The crossbar's words, as they were written; None while the machine's own weights are newer.
        self._words: NDArray[np.int16] | None = None
        # Pulse unit and factors as they were written, and whether the unit is still to be passed to the machine.
        written = (Space.DEVICE, Space.STEPS, Space.STUCK) * spec.pulses + (Space.FACTORS,) * spec.wires
        self._unit = {space: bytearray(self._size(space)) for space in written}
        self._gathered = bytes(PulseRequest.size())
        self._rewritten = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come over the wire; return the replies' bytes."""
        self._input += data
        *frames, rest = bytes(self._input).split(b"\0")
        self._input = bytearray(rest)
        return b"".join(self._answer(frame) for frame in frames if frame)

    # -- frames and sequence numbers -------------------------------------------------------------------------------

    def _answer(self, frame: bytes) -> bytes:
        decoded = decode_frame(frame)
        if self._too_long(frame):
            return self._refuse(Op.REFUSED, 0, Status.TOO_LONG)
        if decoded is None:
            return self._refuse(Op.REFUSED, 0, Status.BAD_CRC)
        self._frames += 1
        op, sequence, payload = decoded
        if op == Op.IDENTIFY:
            self._expected = (sequence + 1) & 255
            self._identified = True
            self._replies.clear()
            if payload:
                self._refused += 1
                return encode_frame(op | REPLY, sequence, bytes([Status.BAD_LENGTH]))
            return encode_frame(op | REPLY, sequence, bytes([Status.DONE]) + Identity.of(self._spec).pack())
        if not self._identified:
            return self._refuse(op, sequence, Status.NOT_IDENTIFIED)
        behind = (self._expected - sequence) & 255
        if behind:
            cached = self._replies.get(sequence % WINDOW)
            if behind <= WINDOW and cached and cached[0] == sequence:
                self._repeated += 1
                return cached[1]
            return self._refuse(op, sequence, Status.OUT_OF_SEQUENCE)
        self._expected = (sequence + 1) & 255
        status, answer = self._execute(op, payload)
        self._refused += status is not Status.DONE
        reply = encode_frame(op | REPLY, sequence, bytes([status]) + answer)
        self._replies[sequence % WINDOW] = sequence, reply
        return reply

    def _too_long(self, frame: bytes) -> bool:
        """Whether more bytes come out of the frame, damaged or not, than fit the frame buffer."""
        length = at = 0
        while at < len(frame):
            after = at + frame[at]
            # A run of 254 bytes stands for no zero at its end; nor does the last run, which may be cut short.
            length += min(after, len(frame)) - at - 1 + (after < len(frame) and frame[at] < 255)
            at = after
        return length > frame_bytes(self._spec)

    def _refuse(self, op: int, sequence: int, status: Status) -> bytes:
        self._refused += 1
        return encode_frame(op | REPLY, sequence, bytes([status, self._expected]))

    # -- requests ----------------------------------------------------------------------------------------------------

    def _execute(self, op: int, payload: bytes) -> tuple[Status, bytes]:
        size = input_bytes(self._spec)
        if op == Op.LEARN:
            whole = len(payload) == size + target_bytes(self._spec)
            return self._learn(payload) if whole else (Status.BAD_LENGTH, b"")
        if op == Op.RECALL:
            return self._recall(payload) if len(payload) == size else (Status.BAD_LENGTH, b"")
        if op in (Op.READ, Op.WRITE):
            return self._access(op == Op.WRITE, payload)
        if op in (Op.LEARN_SPARSE, Op.RECALL_SPARSE) and self._spec.sparse:
            return self._run_sparse(op == Op.LEARN_SPARSE, payload)
        if op in STORED and self._spec.store:
            self._settle()
            status, answer = self.store.execute(op, payload)
            if op == Op.LEARN_STORED and status is Status.DONE:
                self._words = None
            return status, answer
        return Status.UNKNOWN_OP, b""

    def _run_sparse(self, learn: bool, payload: bytes) -> tuple[Status, bytes]:
        spec = self._spec
        records = unpack_sparse(spec, payload)
        if not records or not (learn or len(records) == 1) or not self.machine.settings.skip:
            return Status.BAD_PATTERN, b""
        if not learn:
            return self._recall(pack_input(spec, records[0].pixels))
        classes = np.arange(spec.outputs)
        targets = (pack_target(spec, classes == record.label) for record in records)
        replies = (
            self._learn(pack_input(spec, one.pixels) + target)[1] for one, target in zip(records, targets, strict=True)
        )
        return Status.DONE, b"".join(replies).ljust(REPLY_BYTES, b"\0")

    def _learn(self, payload: bytes) -> tuple[Status, bytes]:
        spec = self._spec
        pattern, target = payload[: input_bytes(spec)], payload[input_bytes(spec) :]
        self._settle()
        reply = self.machine.learn(unpack_input(spec, pattern), unpack_target(spec, target))
        self._words = None
        return Status.DONE, reply.pack()

    def _recall(self, payload: bytes) -> tuple[Status, bytes]:
        spec, machine = self._spec, self.machine
        self._settle()
        reply, _ = machine.recall(unpack_input(spec, payload))
        return Status.DONE, reply.pack() + pack_pattern(spec, machine.states > 0)

    def _settle(self) -> None:
        """Give the machine the weights and the pulse unit written since it last ran."""
        machine, words = self.machine, self._words
        if self._rewritten:
            registers = PulseRegisters.unpack(bytes(self._unit[Space.DEVICE]))
            stuck = np.frombuffer(bytes(self._unit[Space.STUCK]), np.int8).reshape(-1, self._spec.lanes)
            steps = bytes(self._unit[Space.STEPS])
            machine.device = unit_of(self._spec, registers, steps, unpack_stuck(self._spec, stuck))
            self._rewritten = False
        if words is not None:
            machine.weights = self._layout.from_words(words)

    def _weight_bytes(self, space: Space) -> bytes:
        """The crossbar's words in WEIGHTS or FINE."""
        words = self._layout.to_words(self.machine.weights) if self._words is None else self._words
        return split_words(self._spec, words)[space is Space.FINE].tobytes()

    def _size(self, space: Space) -> int:
        """Bytes of a space."""
        return space_words(self._spec)[space] * (self._spec.lanes if space in WIDE else 1)

    def _access(self, write: bool, payload: bytes) -> tuple[Status, bytes]:
        if len(payload) < ACCESS_BYTES or (not write and len(payload) > ACCESS_BYTES):
            return Status.BAD_LENGTH, b""
        space = payload[0]
        address, count = (int.from_bytes(payload[at : at + 2], "little") for at in (1, 3))
        width = self._spec.lanes if space in WIDE else 1
        carried = len(payload) - ACCESS_BYTES if write else count * width
        overhead = 2 + (ACCESS_BYTES if write else 1) + CRC_BYTES
        if count == 0 or carried != count * width or overhead + carried > frame_bytes(self._spec):
            return Status.BAD_LENGTH, b""
        ends = space_words(self._spec)
        if space not in ends or address + count > ends[Space(space)] or space in (READ_ONLY if write else WRITE_ONLY):
            return Status.BAD_ADDRESS, b""
        part = slice(address * width, (address + count) * width)
        if not write:
            return Status.DONE, bytes(self._image(Space(space))[part])
        if space in (Space.WEIGHTS, Space.FINE):
            self._write_weights(Space(space), part, payload[ACCESS_BYTES:])
        elif space == Space.SETTINGS:
            self._write_settings(part, payload[ACCESS_BYTES:])
        elif space == Space.FACTORS:
            self._unit[Space.FACTORS][part] = payload[ACCESS_BYTES:]
            self.machine.factors = unpack_factors(self._spec, bytes(self._unit[Space.FACTORS]))
        elif space == Space.PROGRAM:
            self._program(part.stop, payload[ACCESS_BYTES:])
        else:
            self._write_unit(Space(space), part.start, payload[ACCESS_BYTES:])
        return Status.DONE, b""

    def _image(self, space: Space) -> bytes:
        """The bytes of a space as the link shows them."""
        machine = self.machine
        if space in (Space.WEIGHTS, Space.FINE):
            return self._weight_bytes(space)
        if space is Space.SIDE:
            blocks = self._layout.to_blocks(machine.side_states)
            return np.stack([blocks & 0xFF, blocks >> 8 & 0xFF], axis=1).astype(np.uint8).tobytes()
        if space is Space.STATES:
            return self._layout.to_blocks(machine.states.view(np.uint8)).tobytes()
        if space in (Space.DEVICE, Space.FACTORS):
            return bytes(self._unit[space])
        if space is Space.PULSES:
            return pack_counts(machine.pulses)
        if space is Space.SETTINGS:
            return bytes(self._registers[:-LFSR_BYTES]) + machine.lfsr.to_bytes(LFSR_BYTES, "little")
        counted = (self._clocks(), machine.busy_clocks, machine.steps, machine.learnt, machine.recalled)
        skipped = (machine.rows_skipped, machine.updates_skipped)
        link = (self._frames, self._refused, self._repeated, 0)
        limits = (1 << 8 * width for width in Counters.widths().values())
        return Counters(*(n % limit for n, limit in zip((*counted, *skipped, *link), limits, strict=True))).pack()

    def _write_weights(self, space: Space, part: slice, data: bytes) -> None:
        images = {kind: bytearray(self._weight_bytes(kind)) for kind in (Space.WEIGHTS, Space.FINE)}
        images[space][part] = data
        rounded, rest = (np.frombuffer(bytes(image), np.int8) for image in images.values())
        self._words = join_words(self._spec, rounded, rest).reshape(self._layout.words, self._spec.lanes)

    def _write_settings(self, part: slice, data: bytes) -> None:
        """Set registers; the LFSR takes its four bytes when the last of them is written."""
        self._registers[part] = data
        for at, bits in enumerate(SettingsRegisters.used_bits(self._spec).values()):
            self._registers[at] &= (1 << bits) - 1
        registers = SettingsRegisters.unpack(bytes(self._registers))
        if part.stop == len(self._registers):
            self.machine.lfsr = registers.lfsr
        self.machine.settings = registers.settings(self._spec)

    def _program(self, end: int, data: bytes) -> None:
        """Write to PROGRAM; its last byte gives the pulses."""
        self._gathered = (self._gathered + data)[-PulseRequest.size() :]
        if end == PulseRequest.size():
            self._settle()
            layout, request = self._layout, PulseRequest.unpack(self._gathered)
            row, column = request.row % (1 << layout.code_bits), request.column % (1 << layout.neuron_bits)
            self.machine.pulse(layout.cell_of(row, column), request.wanted())
            self._words = None

    def _write_unit(self, space: Space, start: int, data: bytes) -> None:
        """Write to one of the pulse unit's spaces; an entry of STEPS takes its bytes when the last of them is written."""
        memory = self._unit[space]
        self._rewritten = True
        if space is Space.STEPS:
            for address, byte in enumerate(data, start):
                self._gathered = self._gathered[1:] + bytes([byte])
                if (address + 1) % STEP_BYTES == 0:
                    memory[address + 1 - STEP_BYTES : address + 1] = self._gathered[-STEP_BYTES:]
            return
        memory[start : start + len(data)] = data
        if space is Space.STUCK:
            memory[:] = bytes(byte & 1 for byte in memory)
        else:
            used = PulseRegisters(**{name: (1 << bits) - 1 for name, bits in PulseRegisters.used_bits().items()})
            memory[:] = bytes(a & b for a, b in zip(memory, used.pack(), strict=True))
