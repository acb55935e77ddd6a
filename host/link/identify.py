"""Who is at the other end: a board is asked for its ID block, and anything but the expected machine is refused."""

from collections.abc import Callable, Iterable
from contextlib import closing

from ohmprop.host.link.exchange import Link
from ohmprop.host.link.port import Port
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.link.features import lacking, without
from ohmprop.model.link.frames import Op
from ohmprop.model.link.identity import MAGIC, VERSION, Identity
from ohmprop.model.link.packing import LINK_BITS
from ohmprop.model.spec import MachineSpec

#: Seconds to wait for an answer at a rate that may be the wrong one.
SECONDS = 0.2


def check_link(spec: MachineSpec) -> None:
    """Refuse a machine that has no hardware, or whose weights do not fit the link."""
    if spec.kernels:
        raise UserError(
            "No board has kernels yet, and no link to one: such a machine is learnt and read by the golden machine alone; give "
            "train, eval or predict --board golden."
        )
    widest = max(matrix.weight.bits for matrix in spec.matrices)
    if widest > LINK_BITS:
        raise UserError(
            f"This machine's weights have {widest} bits and the link carries {LINK_BITS}; give --board golden, or a machine "
            f"with weights of at most {LINK_BITS} bits."
        )


def recognised(url: str, known: Iterable[MachineSpec], opening: Callable[[str, int], Port]) -> MachineSpec:
    """Which of the machines the board at a port is, tried at each of their serial rates.

    UserError if it is none of them, or the port cannot be opened; MachineError if nothing answers at any rate.
    """
    machines = {spec.spec_hash: spec for spec in known}
    silence: MachineError | None = None
    for baud in dict.fromkeys(spec.baud for spec in machines.values()):
        with closing(opening(url, baud)) as port:
            try:
                (block,) = Link(port, SECONDS).exchange([(Op.IDENTIFY, b"")])
            except MachineError as error:
                silence = error
                continue
        found = Identity.unpack(block)
        if found and found.spec_hash in machines:
            return machines[found.spec_hash]
        raise UserError(
            f"The board at {url} is none of the boards' own machines ({found.spec_hash if found else 'no ID block'}); give its "
            "--machine file, which `ohmprop board build` has written beside its bitstream."
        )
    assert silence
    raise silence


def identify(link: Link, spec: MachineSpec) -> Identity:
    """The board's ID block; UserError if it is another machine, MachineError if it is no board of this protocol."""
    (block,) = link.exchange([(Op.IDENTIFY, b"")])
    if block[: len(MAGIC)] != MAGIC or len(block) == len(MAGIC):
        raise MachineError(
            "Something answers, but not with the ID block of an ohmprop board; give the port of an ohmprop board."
        )
    # Other versions may have other blocks; magic and version come first in all of them.
    version = block[len(MAGIC)]
    identity, expected = Identity.unpack(block), Identity.of(spec)
    if identity is None or version != VERSION:
        raise MachineError(
            f"The board speaks protocol version {version} ({len(block)} bytes of ID block) and this host version "
            f"{VERSION} ({Identity.size()} bytes); build its bitstream with this version of ohmprop, `ohmprop board build BOARD "
            "--machine MACHINE`, and load it, or install the version of ohmprop that it was built with."
        )
    missing = lacking(spec, identity.features)
    if missing and identity.spec_hash == without(spec, missing).spec_hash:
        raise UserError(
            f"The board is this machine without {' and '.join(one.part for one in missing)}, which "
            f"{' and '.join(one.user for one in missing)} need; {' and '.join(one.without for one in missing)}, or give its "
            f"file {' and '.join(f'{one.field} = true' for one in missing)} under [machine] and build the board again."
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
            "build the board again."
        )
    return identity
