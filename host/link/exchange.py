"""The link: requests and their replies over a port, each executed exactly once whatever the wire loses."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import serial

from ohmprop.host.link.port import Port, name_of, why
from ohmprop.model.errors import MachineError
from ohmprop.model.link.frames import REPLY, Op, Status, decode_frame, encode_frame

#: After a damaged or refused frame the line is given this long to fall quiet before the requests are sent again.
QUIET_SECONDS = 0.1
#: Times that a request is sent in vain before the link is given up: into silence, and in all. A line that damages every
#: second frame still brings each of millions of requests through.
SILENT_TRIES = 5
TRIES = 30
SILENCE = "silence"

_RESEND = (Status.BAD_CRC, Status.TOO_LONG, Status.OUT_OF_SEQUENCE)
_REFUSALS = {
    Status.UNKNOWN_OP: "it does not know this request",
    Status.BAD_LENGTH: "the payload's length does not match the request",
    Status.BAD_ADDRESS: "the address lies outside what can be read or written",
    Status.NOT_STORED: "it has stored no pattern of this number, or there is no room for one",
    Status.BAD_PATTERN: "a pattern is cut short, has a class or more pixels than there are, or the setting skip is off",
}


class BoardReset(MachineError):
    """The board has forgotten what it had learnt, since it was reset or has lost its power."""


@dataclass
class _Request:
    """A request on its way; ``reply`` is its reply's payload, status first."""

    op: int
    sequence: int
    frame: bytes
    seconds: float
    reply: bytes | None = None


class Link:
    """Requests and replies over an open port.

    Members
    -------
    window : requests that may be unanswered at once; the board says how many it has buffers for.
    timeout : seconds to wait for a reply before its request is sent again, by ``clock``.
    further : those to wait beyond it for an op and its payload; none unless it is set.
    retries : requests sent again so far.
    sent, received : bytes so far.
    """

    def __init__(self, port: Port, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.window = 1
        self.timeout = timeout
        self.further: Callable[[int, bytes], float] = lambda op, payload: 0.0
        self.retries = 0
        self.sent = self.received = 0
        self._port = port
        self._clock = clock
        self._received = bytearray()
        self._sequence = 0
        # Ends whatever frame a former host left unfinished.
        self._write(b"\0")

    def exchange(self, requests: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        """Send (op, payload) requests, as many at once as the board has buffers for; yields the replies in order.

        Each reply is the payload behind the status.
        """
        source, waiting = iter(requests), deque[_Request]()
        while True:
            for op, payload in islice(source, self.window - len(waiting)):
                frame = encode_frame(op, self._sequence, payload)
                waiting.append(_Request(op, self._sequence, frame, self.further(op, payload)))
                self._sequence = (self._sequence + 1) & 255
                self._write(frame)
            if not waiting:
                return
            self._await_first(waiting)
            request = waiting.popleft()
            assert request.reply is not None
            status = request.reply[0]
            if status != Status.DONE:
                raise MachineError(
                    f"The board refused the request {_name(request.op)} because {_REFUSALS[Status(status)]}; nothing "
                    "was changed, so install the same version of ohmprop on both sides and try again."
                )
            yield request.reply[1:]

    def _await_first(self, waiting: deque[_Request]) -> None:
        """Receive until the first request has its reply, sending again what is unanswered where need be."""
        trouble, silent, tries = "", 0, 0
        while silent < SILENT_TRIES and tries < TRIES:
            if tries:
                again = [request.frame for request in waiting if request.reply is None]
                self.retries += len(again)
                # The zero byte ends a frame whose own was lost.
                self._write(b"\0" + b"".join(again))
            trouble = self._receive(waiting)
            if waiting[0].reply is not None:
                return
            tries += 1
            silent = silent + 1 if trouble == SILENCE else 0
        raise MachineError(
            f"The board did not answer the request {_name(waiting[0].op)} in {tries} tries ({trouble}); check the "
            "cable, the baud rate and that no other program uses the port, then connect again."
        )

    def _receive(self, waiting: deque[_Request]) -> str:
        """Receive until the first request has its reply, or the time is over; returns what was wrong, if anything."""
        trouble = SILENCE
        deadline = self._clock() + self.timeout + waiting[0].seconds
        while waiting[0].reply is None and self._clock() < deadline:
            frame = self._frame(deadline)
            if frame is None:
                break
            if problem := _assign(frame, waiting):
                trouble = problem
                deadline = min(deadline, self._clock() + QUIET_SECONDS)
        return trouble

    def _frame(self, deadline: float) -> bytes | None:
        """The next frame without its zero byte; None if the deadline comes first."""
        while (end := self._received.find(0)) < 0:
            if self._clock() > deadline:
                return None
            try:
                data = self._port.read(self._port.in_waiting or 1)
            except (serial.SerialException, OSError) as error:
                raise _broken(self._port, error) from None
            self._received += data
            self.received += len(data)
        frame = bytes(self._received[:end])
        del self._received[: end + 1]
        return frame

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (serial.SerialException, OSError) as error:
            raise _broken(self._port, error) from None
        self.sent += len(data)


def _assign(frame: bytes, waiting: deque[_Request]) -> str:
    """Give a received frame to the request that it answers; returns what is wrong, if a request must be sent again."""
    if not frame:
        return ""
    decoded = decode_frame(frame)
    if decoded is None or not decoded[2]:
        return "a damaged reply"
    op, sequence, payload = decoded
    if waiting[0].op != Op.IDENTIFY:
        _check_place(payload, waiting)
    if payload[0] in _RESEND:
        return f"the board answered {Status(payload[0]).name}"
    if payload[0] not in set(Status):
        return f"the board answered with the unknown status {payload[0]}"
    for request in waiting:
        if (request.sequence, request.op | REPLY) == (sequence, op):
            request.reply = payload
            # Replies come in order: one for a later request says that the first one's was lost.
            return "" if waiting[0].reply is not None else "a lost reply"
    return ""


def _check_place(payload: bytes, waiting: deque[_Request]) -> None:
    """MachineError if a refusal says that the board's numbers are no longer this host's; BoardReset if it was reset."""
    if payload[0] == Status.NOT_IDENTIFIED:
        raise BoardReset(
            "The board was reset during the run, and what it had learnt may be lost; check its power supply, "
            "connect again and continue from saved weights."
        )
    # The line keeps the order of frames, so that no number older than that of the first request can come.
    if payload[0] == Status.OUT_OF_SEQUENCE and (payload[1] - waiting[0].sequence) & 255 > len(waiting):
        raise MachineError(
            "Another program has connected to the board during the run, and may have changed its weights; end "
            "that program, connect again and continue from saved weights."
        )


def _name(op: int) -> str:
    return Op(op).name if op in set(Op) else f"{op:#04x}"


def _broken(port: Port, error: Exception) -> MachineError:
    return MachineError(
        f"The link to the board on {name_of(port)} broke ({why(error)}); check the cable and connect again: the board keeps its "
        "weights as long as it has power."
    )
