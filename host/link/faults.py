"""Faults of the line between host and board, at chosen bytes or at random, to prove that the link loses nothing."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import serial

from ohmprop.host.link.port import Port

#: What may happen to a byte: it is lost, changed, preceded by another, doubled, overtaken by later ones, lost with the rest
#: of its frame, or held up with all that follow it.
KINDS = ("drop", "flip", "insert", "repeat", "delay", "truncate", "stall")
#: The cable is pulled at this byte: reading and writing fail from then on.
DISCONNECT = "disconnect"
#: Most bytes that overtake a delayed one.
OVERTAKING = 8


class Fault(NamedTuple):
    """A fault at one byte of one direction.

    Members
    -------
    position : the byte, counted from 0 since the port was opened.
    kind : one of KINDS, or DISCONNECT.
    value : 1 to 255: the bits to flip, the byte to insert, or, of a delay, how many bytes overtake (modulo OVERTAKING).
    """

    position: int
    kind: str
    value: int = 1


def at_random(rate: float, rng: np.random.Generator) -> Iterator[Fault]:
    """Faults of all KINDS, each byte meeting one with probability ``rate``, 0 to 1; in order, without end."""
    position = -1
    while rate:
        position += int(rng.geometric(rate))
        yield Fault(position, KINDS[rng.integers(len(KINDS))], int(rng.integers(1, 256)))


class SimulatedTime:
    """Seconds that pass only where somebody sleeps, so that waiting for silence costs nothing."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Seconds since it was made."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


class _Wire:
    """One direction of the line.

    Attributes
    ----------
    counts : faults injected, by kind.
    stall_seconds : how long a stall lasts.
    cut : the cable has been pulled.
    """

    def __init__(self, faults: Iterable[Fault], clock: Callable[[], float]) -> None:
        self.counts = Counter[str]()
        self.stall_seconds = 0.0
        self.cut = False
        self._faults = iter(faults)
        self._next = next(self._faults, None)
        self._clock = clock
        self._position = 0
        self._truncating = False
        self._overtaken: list[tuple[int, int]] = []  # when to let a byte go, and the byte
        self._stalled = bytearray()
        self._stalled_until = 0.0

    def carry(self, data: bytes) -> bytes:
        """Take bytes in at one end; what comes out at the other end by now."""
        for byte in data:
            self._carry(byte)
            late = [item for item in self._overtaken if item[0] <= self._position]
            self._stalled += bytes(byte for _, byte in late)
            self._overtaken = [item for item in self._overtaken if item not in late]
            self._position += 1
            if self.cut:
                break
        if self._clock() < self._stalled_until:
            return b""
        out = bytes(self._stalled)
        self._stalled.clear()
        return out

    def _carry(self, byte: int) -> None:
        fault = None
        if self._next and self._next.position == self._position:
            fault, self._next = self._next, next(self._faults, None)
        if self._truncating:
            self._truncating = byte != 0
            return
        if fault is None:
            self._stalled.append(byte)
            return
        self.counts[fault.kind] += 1
        match fault.kind:
            case "flip":
                self._stalled.append(byte ^ fault.value)
            case "insert":
                self._stalled += bytes([fault.value, byte])
            case "repeat":
                self._stalled += bytes([byte, byte])
            case "delay":
                self._overtaken.append((self._position + 1 + fault.value % OVERTAKING, byte))
            case "truncate":
                self._truncating = byte != 0
            case "stall":
                self._stalled.append(byte)
                self._stalled_until = self._clock() + self.stall_seconds
            case "disconnect":
                self.cut = True


class FaultyPort:
    """A port whose line meets faults; it wraps any other port.

    Parameters
    ----------
    port : the port behind it; ``close`` closes it.
    to_board, to_host : the faults of the two directions, by ascending position.
    clock : seconds, for stalls.
    """

    def __init__(
        self,
        port: Port,
        to_board: Iterable[Fault] = (),
        to_host: Iterable[Fault] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._port = port
        self._to_board = _Wire(to_board, clock)
        self._to_host = _Wire(to_host, clock)
        self._received = bytearray()

    def stall_for(self, seconds: float) -> None:
        """Let stalls last so long; before that they take no time."""
        self._to_board.stall_seconds = self._to_host.stall_seconds = seconds

    @property
    def faults(self) -> Counter[str]:
        """Faults injected so far, by kind."""
        return self._to_board.counts + self._to_host.counts

    @property
    def in_waiting(self) -> int:
        """Bytes that a read returns at once."""
        self._move(b"")
        return len(self._received)

    def read(self, size: int = 1, /) -> bytes:
        """Up to ``size`` bytes; fewer, or none, after the port's timeout."""
        self._move(b"")
        if not self._received:
            self._take(self._port.read(1))
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def write(self, data: bytes, /) -> int:
        """Send ``data``."""
        self._move(data)
        return len(data)

    def close(self) -> None:
        """Close the port behind."""
        self._port.close()

    def _move(self, data: bytes) -> None:
        """Carry bytes on in both directions."""
        self._check()
        self._port.write(self._to_board.carry(data))
        self._check()
        self._take(self._port.read(count) if (count := self._port.in_waiting) else b"")

    def _take(self, data: bytes) -> None:
        self._received += self._to_host.carry(data)
        self._check()

    def _check(self) -> None:
        if self._to_board.cut or self._to_host.cut:
            raise serial.SerialException("the cable was pulled")
