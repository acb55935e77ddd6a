"""What a USB cable does to a serial line: its chip sends bytes to the host in packets, late if they are few."""

from dataclasses import dataclass

from ohmprop.model.errors import UserError
from ohmprop.model.link.frames import PACKET


@dataclass(frozen=True)
class Cable:
    """What a cable's chip does; nothing is known of a real one but what its maker says.

    Members
    -------
    packet : bytes that it sends to the host as soon as it has them.
    timer : seconds after which it sends what it has, counted from the packet before, or from its last end with nothing to send.
    poll : seconds between two times at which the host takes packets.
    """

    packet: int
    timer: float
    poll: float


#: By the names of ``--cable``: chips of FTDI as they come, and with the shortest timer.
CABLES = {"ftdi": Cable(PACKET, 0.016, 0.001), "ftdi-low": Cable(PACKET, 0.001, 0.001)}


def cable_of(name: str | None) -> Cable | None:
    """The cable of this name; None of None, UserError if there is none."""
    if name is not None and name not in CABLES:
        raise UserError(f"There is no cable {name!r}; the cables are {', '.join(CABLES)}.")
    return CABLES[name] if name else None
