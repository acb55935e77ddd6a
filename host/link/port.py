"""Ports: a device file, a pseudo-terminal or ``socket://host:number`` by pyserial, or the golden machine in-process."""

import errno
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import serial
from serial.tools import list_ports

from ohmprop.host.link.cable import POLL_SECONDS, CabledPort
from ohmprop.model.errors import UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.cable import Cable, cable_of
from ohmprop.model.spec import MachineSpec

if TYPE_CHECKING:
    from ohmprop.sim.virtual_board import VirtualBoard

#: Paths of pseudo-terminals (Linux, BSD; macOS), and the rate at which they are opened. They ignore it, and macOS refuses
#: rates there that are not standard ones.
PTY = re.compile(r"/dev/(pts/\d+|ttys\d+)")
PTY_BAUD = 115_200
#: Where Linux keeps how long a cable's chip waits for more, and as short as it can be, in ms.
TIMERS = Path("/sys/bus/usb-serial/devices")
LATENCY_MS = 1


class Port(Protocol):
    """The part of pyserial's interface that the driver uses."""

    @property
    def in_waiting(self) -> int:
        """Bytes that a read returns at once (for sockets at least whether there are any)."""

    def read(self, size: int = 1, /) -> bytes:
        """Up to ``size`` bytes; fewer, or none, after the port's timeout."""

    def write(self, data: bytes, /) -> int | None:
        """Send all of ``data``."""

    def close(self) -> None:
        """Give the port back."""


def has_rate(url: str) -> bool:
    """Whether the port's end has a baud rate; sockets and pseudo-terminals take any and have none."""
    return not (url.startswith("socket:") or PTY.fullmatch(os.path.realpath(url)))


def open_port(url: str, baud: int) -> Port:
    """Open a serial port, exclusively where the system allows; UserError if it is missing, taken, forbidden or no port.

    Parameters
    ----------
    url : ``/dev/ttyUSB0``, ``COM3``, a pseudo-terminal, ``socket://127.0.0.1:5000`` or any other URL of pyserial's.
    baud : bits per second; a pseudo-terminal or a socket ignores it.
    """
    rate = baud if has_rate(url) else PTY_BAUD
    try:
        port: Port = serial.serial_for_url(url, rate, timeout=POLL_SECONDS, write_timeout=5, exclusive=True)
    except Exception as error:  # pyserial and the system below raise termios.error, OSError, ValueError, TypeError, ...
        raise UserError(_explain(url, error)) from None
    # Only where pyserial can; chips without such a timer refuse it.
    with suppress(OSError, ValueError, NotImplementedError, AttributeError):
        port.set_low_latency_mode(True)  # type: ignore[attr-defined]
    return port


def held_back(url: str) -> str:
    """A sentence, with the remedy, if the cable's chip holds replies back; else empty. Linux alone tells.

    Chips of FTDI send a packet when 62 bytes are there or their timer ends, by default after 16 ms, for which a window of two
    short replies would wait again and again.
    """
    timer = TIMERS / os.path.basename(os.path.realpath(url)) / "latency_timer"
    try:
        milliseconds = int(timer.read_text())
    except (OSError, ValueError):
        return ""
    if milliseconds <= LATENCY_MS:
        return ""
    return (
        f"The cable at {url} holds replies back for up to {milliseconds} ms, which makes learning several times slower; lower "
        f"that with `echo {LATENCY_MS} | sudo tee {timer}`."
    )


def _explain(url: str, error: Exception) -> str:
    """One sentence on why the port did not open."""
    number = getattr(error, "errno", None)
    text = str(error)
    if url.startswith("socket:") and not _is_address(url):
        return (
            f"{url} lacks a host or a port number up to 65535; give socket://HOST:NUMBER, as socket://127.0.0.1:5000."
        )
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        return (
            f"You may not use the port {url}; close the program that holds it, or join its group "
            "(`sudo usermod -aG dialout $USER`, then log in again)."
        )
    if number in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in text:
        return f"The port {url} is in use by another program; close that program or give another port."
    found = ", ".join(sorted(entry.device for entry in list_ports.comports())) or "none"
    if number == errno.ENOENT or "FileNotFoundError" in text:
        return (
            f"The port {url} is not there (ports found: {found}); plug the board in, or start a virtual board "
            "with `ohmprop sim` and give the port it prints."
        )
    return (
        f"{url} does not open as a serial port ({why(error, 'it is no port')}; ports found: {found}); give --board sim, "
        "golden, a serial port, or socket://HOST:NUMBER."
    )


#: What an error of the system means for a port.
_MEANINGS = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.ECONNRESET: "the other end hung up",
    errno.EPIPE: "the other end hung up",
    errno.EIO: "the cable was pulled, or the board lost its power",
    errno.ENODEV: "the cable was pulled, or the board lost its power",
    errno.ENXIO: "the cable was pulled, or the board lost its power",
    errno.EBADF: "the port was closed",
    errno.EHOSTUNREACH: "there is no way to this host",
    errno.ENETUNREACH: "there is no way to this host",
    errno.ETIMEDOUT: "the other end does not answer",
    errno.ENOTTY: "it is no port",
    errno.EISDIR: "it is a folder",
}


def why(error: Exception, otherwise: str = "the other end hung up, or the cable was pulled") -> str:
    """What an error of the system or of pyserial means for the user, in our words and not in a library's."""
    cause = error if isinstance(error, OSError) and error.errno else error.__cause__ or error.__context__
    number = getattr(error, "errno", None) or getattr(cause, "errno", None)
    if isinstance(cause, socket.gaierror):
        return "there is no such host"
    if number in _MEANINGS:
        return _MEANINGS[number]
    if isinstance(error, serial.SerialTimeoutException):
        return "it takes no more data"
    if isinstance(error, ValueError | TypeError):
        return "there is no such kind of port"
    return os.strerror(number) if number else otherwise


def name_of(port: object) -> str:
    """What a port is called where it was opened; pyserial keeps that."""
    return str(getattr(port, "port", None) or "the golden board")


def _is_address(url: str) -> bool:
    """Whether a URL has a host and a number."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port)
    except ValueError:
        return False


class GoldenPort:
    """The golden machine behind the same interface as a serial port, without wires or waiting."""

    def __init__(self, device: GoldenBoard, sleep: Callable[[float], None] = time.sleep) -> None:
        self._device = device
        self._sleep = sleep
        self._replies = bytearray()

    @property
    def in_waiting(self) -> int:
        """Bytes of replies not yet read."""
        return len(self._replies)

    def read(self, size: int = 1, /) -> bytes:
        """Up to ``size`` bytes of replies; waits the poll time if there are none, as a serial port does."""
        if not self._replies:
            self._sleep(POLL_SECONDS)
        data = bytes(self._replies[:size])
        del self._replies[:size]
        return data

    def write(self, data: bytes, /) -> int:
        """Let the device answer ``data``."""
        self._replies += self._device.feed(data)
        return len(data)

    def close(self) -> None:
        """Nothing to give back."""


@contextmanager
def opened(
    board: str, spec: MachineSpec, opening: Callable[[str, int], Port] = open_port, cable: str | None = None
) -> Iterator[Port]:
    """The port of a board named as ``--board`` names it: ``sim`` (started here), ``golden``, or a port's URL.

    A URL is opened by ``opening``, which gets it and the baud rate. The line of ``sim`` and ``golden`` may end in a ``cable``
    of CABLES; UserError if another one has its own.
    """
    chip = cable_of(cable)
    if board == "golden":
        yield CabledPort(spec, chip) if chip else GoldenPort(GoldenBoard(spec))
    elif board == "sim":
        with virtual_board(spec, cable=chip) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
            yield port
    elif chip:
        raise UserError(
            f"--cable {cable} is a model for --board sim and golden, and {board} has a cable of its own; leave it out."
        )
    else:
        with closing(opening(board, spec.baud)) as port:
            yield port


def virtual_board(
    spec: MachineSpec, listen: str | None = None, baud_error: float = 0.0, cable: Cable | None = None
) -> "VirtualBoard":
    """A virtual board, a context manager with its ``port``; UserError where the simulator's tools are not installed.

    ``listen`` is an address such as 127.0.0.1:0 for a socket instead of a pseudo-terminal. The bits of the host's end
    last longer by the fraction ``baud_error``. What it sends passes through a ``cable``'s chip.
    """
    # Only here, so that a PC that drives a real board loads nothing of the simulator.
    from ohmprop.sim.virtual_board import VirtualBoard

    return VirtualBoard(spec, listen, baud_error, lambda line: print(line, file=sys.stderr, flush=True), cable)
