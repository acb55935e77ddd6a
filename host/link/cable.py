"""A golden board at the end of a cable, to find out what the cable costs."""

from math import ceil

from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.cable import Cable
from ohmprop.model.link.frames import LINE_BITS, Op, decode_frame
from ohmprop.model.link.handling import BYTE, FRAME, handling_clocks, sparse_clocks, stored_clocks
from ohmprop.model.link.sparse import unpack_sparse
from ohmprop.model.link.stored import NUMBER_BYTES, RELATIVE_BYTES, Store
from ohmprop.model.spec import MachineSpec

#: Longest that one read of an idle port takes, in seconds; deadlines are the driver's.
POLL_SECONDS = 0.02


class CabledPort:
    """A golden board at the end of a cable, in simulated time, which passes only where somebody waits.

    Bytes take their time on the line, requests the machine's clocks and those of handling them, replies what the chip makes of
    them. The host itself takes no time. The board's counter of clocks is this time.

    Parameters
    ----------
    spec : the machine.
    cable : what carries the bytes.
    """

    def __init__(self, spec: MachineSpec, cable: Cable) -> None:
        self._spec, self._cable = spec, cable
        self._device = GoldenBoard(spec, lambda: round(self._begun * spec.clock_hz))
        self._byte = LINE_BITS / spec.baud
        self._now = self._begun = 0.0
        # When the line to the board, the board itself, and the line to the host are free.
        self._line = self._board = self._back = 0.0
        self._frame = bytearray()
        # What the chip holds, when its timer was last started, and packets with the time at which the host can take them.
        self._held = bytearray()
        self._timed = 0.0
        self._packets: list[tuple[float, bytes]] = []

    def now(self) -> float:
        """Seconds since it was made."""
        return self._now

    @property
    def in_waiting(self) -> int:
        """Bytes that a read returns at once."""
        return sum(len(data) for due, data in self._packets if due <= self._now)

    def read(self, size: int = 1, /) -> bytes:
        """Up to ``size`` bytes; waits for the next packet, up to POLL_SECONDS."""
        if not self.in_waiting:
            if not self._packets and self._held:
                # Nothing comes while the host only reads.
                self._send(self._timed + self._cable.timer)
            due = self._packets[0][0] if self._packets else self._now + POLL_SECONDS
            self._now = min(max(due, self._now), self._now + POLL_SECONDS)
        data = b"".join(data for due, data in self._packets if due <= self._now)
        self._packets = [packet for packet in self._packets if packet[0] > self._now]
        if data[size:]:
            self._packets.insert(0, (self._now, data[size:]))
        return data[:size]

    def write(self, data: bytes, /) -> int:
        """Send ``data``; what a board makes of whole frames comes back in time."""
        self._line = max(self._line, self._now)
        for byte in data:
            self._line += self._byte
            self._frame.append(byte)
            if byte == 0:
                self._execute(bytes(self._frame))
                self._frame.clear()
        return len(data)

    def close(self) -> None:
        """Nothing to give back."""

    def _execute(self, frame: bytes) -> None:
        """Let the board answer a frame that is there by now."""
        machine, begun = self._device.machine, max(self._line, self._board)
        self._begun, before = begun, machine.busy_clocks
        reply = self._device.feed(frame)
        clocks = machine.busy_clocks - before + handled(self._spec, frame, reply, self._device.store.held)
        self._board = begun + clocks / self._spec.clock_hz
        self._back = max(self._back, self._board)
        for byte in reply:
            self._back += self._byte
            while self._timed + self._cable.timer <= self._back:
                self._send(self._timed + self._cable.timer)
            self._held.append(byte)
            if len(self._held) == self._cable.packet:
                self._send(self._back)

    def _send(self, at: float) -> None:
        """The chip sends what it holds, if anything, and starts its timer."""
        self._timed = at
        if self._held:
            due = ceil(at / self._cable.poll) * self._cable.poll
            self._packets.append((due, bytes(self._held)))
            self._held.clear()


def handled(spec: MachineSpec, frame: bytes, reply: bytes, held: Store) -> int:
    """Clocks that a board takes for a frame beside those of the machine; those of other requests than learning are rough."""
    decoded = decode_frame(frame[:-1])
    if decoded and decoded[0] == Op.LEARN:
        return handling_clocks(spec)
    if (
        decoded
        and decoded[0] in (Op.LEARN_STORED, Op.RECALL_STORED)
        and len(decoded[2]) >= NUMBER_BYTES + RELATIVE_BYTES
    ):
        number = sum(
            int.from_bytes(part, "little") for part in (decoded[2][:NUMBER_BYTES], decoded[2][NUMBER_BYTES:][:2])
        )
        count = (len(decoded[2]) - NUMBER_BYTES) // RELATIVE_BYTES
        return stored_clocks(spec, count, held.each, len(held.records[number])) if number < len(held.records) else 0
    records = unpack_sparse(spec, decoded[2]) if decoded and decoded[0] == Op.LEARN_SPARSE else None
    return (
        sparse_clocks(spec, len(records), len(decoded[2]))
        if decoded and records
        else FRAME + BYTE * (len(frame) + len(reply))
    )
