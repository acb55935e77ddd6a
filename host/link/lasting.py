"""A port that lasts: where its cable is pulled it is waited for and opened again, and the link sends what was lost again."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import serial
from serial.tools import list_ports

from ohmprop.host.link.port import Port, name_of, open_port, why
from ohmprop.model.errors import MachineError, UserError

Answer = TypeVar("Answer")

#: How long a port that is gone is waited for, and how often it is looked for, in seconds.
WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.5
#: What is read first of a port that was opened again: the end of a frame that was cut off. The link takes it for a damaged
#: reply, and sends at once what is unanswered.
CUT_OFF = b"\1\0"


class LastingPort:
    """A port that is opened again when it breaks.

    The protocol's numbers tell what happened meanwhile: a board that kept its power sends the replies that it has kept, so
    that each request is executed once; one that lost it refuses (`ohmprop.host.link.exchange.BoardReset`).

    Parameters
    ----------
    open_again : opens the port; UserError while it is not there.
    stopped : asked while the port is waited for; true ends that with a MachineError, as the end of WAIT_SECONDS does.
    say : gets a sentence when the port breaks, and one when it is back.
    clock, sleep : what seconds are measured and spent by.
    """

    def __init__(
        self,
        open_again: Callable[[], Port],
        stopped: Callable[[], bool],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._open_again, self._stopped, self._say = open_again, stopped, say
        self._clock, self._sleep = clock, sleep
        self._port = open_again()
        self.port = name_of(self._port)
        self._cut_off = b""

    @property
    def in_waiting(self) -> int:
        """Bytes that a read returns at once."""
        return len(self._cut_off) or self._lasting(lambda: self._port.in_waiting, 0)

    def read(self, size: int = 1, /) -> bytes:
        """Up to ``size`` bytes; fewer, or none, after the port's timeout."""
        if self._cut_off:
            data, self._cut_off = self._cut_off, b""
            return data
        return self._lasting(lambda: self._port.read(size), b"")

    def write(self, data: bytes, /) -> int:
        """Send ``data``, which a port that breaks loses."""
        self._lasting(lambda: self._port.write(data), None)
        return len(data)

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def _lasting(self, work: Callable[[], Answer], otherwise: Answer) -> Answer:
        """What the port answers; ``otherwise`` if it broke, and is open again."""
        try:
            return work()
        except (serial.SerialException, OSError) as error:
            self._wait(error)
            return otherwise

    def _wait(self, error: Exception) -> None:
        """Wait for the port and open it again."""
        with suppress(serial.SerialException, OSError):
            self._port.close()
        broke = f"The link to the board on {self.port} broke ({why(error)})"
        minutes = WAIT_SECONDS / 60
        self._say(
            f"{broke}; plug the cable in again, and the run goes on. It is waited for up to {minutes:.0f} minutes."
        )
        ends = self._clock() + WAIT_SECONDS
        while True:
            with suppress(UserError):
                self._port = self._open_again()
                break
            if self._stopped() or self._clock() > ends:
                raise MachineError(
                    f"{broke} and did not come back; check the cable and connect again: the board keeps its weights as long as "
                    "it has power."
                )
            self._sleep(LOOK_SECONDS)
        self.port, self._cut_off = name_of(self._port), CUT_OFF
        self._say(f"The board is back on {self.port}.")


def lasting_port(url: str, baud: int, stopped: Callable[[], bool], say: Callable[[str], None]) -> LastingPort:
    """A serial port, pseudo-terminal or socket (`ohmprop.host.link.port.open_port`) that is opened again when it breaks.

    An adapter that has a number of its own is known by it, and may come back under another name.
    """
    adapter = next((_numbers(port) for port in list_ports.comports() if _same(port.device, url)), None)

    def open_again() -> Port:
        if adapter is None:
            return open_port(url, baud)
        for port in list_ports.comports():
            if _numbers(port) == adapter:
                return open_port(port.device, baud)
        raise UserError(f"The port {url} is not there; plug the board in.")

    return LastingPort(open_again, stopped, say)


def _same(device: str, url: str) -> bool:
    """Whether a device is what a path, which may be a link, stands for."""
    return device in (url, os.path.realpath(url))


def _numbers(port: object) -> tuple[int, int, str] | None:
    """An adapter's numbers: its maker's, its kind's and its own; None if it has none of its own."""
    vendor, product, own = (getattr(port, name, None) for name in ("vid", "pid", "serial_number"))
    return (vendor, product, own) if vendor and product and own else None
