"""Reading and writing a board's spaces, cut into frames."""

from collections import deque
from typing import NamedTuple

from ohmprop.host.link.exchange import Link
from ohmprop.model.errors import MachineError
from ohmprop.model.link.frames import ACCESS_BYTES, CRC_BYTES, PACKET, REPLY_BYTES, Op
from ohmprop.model.link.records import Counters
from ohmprop.model.link.spaces import WIDE, Space, space_words
from ohmprop.model.spec import MachineSpec

Request = tuple[int, bytes]


def access(space: Space, address: int, count: int) -> bytes:
    """The head of a READ's or WRITE's payload."""
    return bytes([space]) + address.to_bytes(2, "little") + count.to_bytes(2, "little")


#: The board's own time, and what else it counts: two readings whose replies fill a packet of a cable's chip together, so that
#: it does not hold them back.
CLOCK_BYTES = Counters.widths()["clocks"]
CLOCKS = Op.READ, access(Space.COUNTERS, 0, CLOCK_BYTES)
FILLER_BYTES = PACKET - 2 * (PACKET - REPLY_BYTES) - CLOCK_BYTES
FILLER = Op.READ, access(Space.COUNTERS, CLOCK_BYTES, FILLER_BYTES)


def read_clocks(link: Link) -> int:
    """The board's own time, in clocks; it wraps around after CLOCK_BYTES."""
    clocks, _ = link.exchange([CLOCKS, FILLER])
    return int.from_bytes(clocks, "little")


def sized(data: bytes, size: int) -> bytes:
    """The data, if it is as long as it must be; MachineError otherwise."""
    if len(data) != size:
        raise MachineError(
            f"The board's reply has {len(data)} bytes where {size} were expected; install the same version of ohmprop on "
            "both sides."
        )
    return data


class Reading(NamedTuple):
    """The requests that read a run of words, and the bytes that their replies have in all."""

    requests: list[Request]
    size: int


class Access:
    """The spaces of a connected board.

    Parameters
    ----------
    link : the link to the board.
    spec : the machine that the board is.
    frame_bytes : the longest frame that the board takes and sends.
    """

    def __init__(self, link: Link, spec: MachineSpec, frame_bytes: int) -> None:
        self._link, self._spec, self._frame_bytes = link, spec, frame_bytes
        self._words = space_words(spec)

    def width(self, space: Space) -> int:
        """Bytes of a space's word."""
        return self._spec.lanes if space in WIDE else 1

    def reading(self, space: Space, words: range) -> Reading:
        """How to read these words of a space."""
        width = self.width(space)
        chunk = (self._frame_bytes - 3 - CRC_BYTES) // width
        parts = (words[at : at + chunk] for at in range(0, len(words), chunk))
        return Reading([(Op.READ, access(space, part.start, len(part))) for part in parts], len(words) * width)

    def read(self, space: Space) -> bytes:
        """All words of a space."""
        requests, size = self.reading(space, range(self._words[space]))
        return sized(b"".join(self._link.exchange(requests)), size)

    def write(self, space: Space, content: bytes) -> None:
        """Replace all words of a space."""
        width = self.width(space)
        chunk = (self._frame_bytes - 2 - ACCESS_BYTES - CRC_BYTES) // width * width
        parts = ((start, content[start : start + chunk]) for start in range(0, len(content), chunk))
        requests = ((Op.WRITE, access(space, at // width, len(part) // width) + part) for at, part in parts)
        deque(self._link.exchange(requests), maxlen=0)
