"""The ID block: which machine is at the other end of the link."""

import struct
from dataclasses import dataclass

from ohmprop.model.link.features import feature_bits
from ohmprop.model.link.frames import WINDOW
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.spec import MachineSpec

VERSION = 2
MAGIC = b"OHMP"


@dataclass(frozen=True)
class Identity:
    """The ID block: who is at the other end of the link."""

    FORMAT = "<4sBBH8sHBBIIII"

    version: int
    window: int
    frame_bytes: int
    spec_hash: str
    neurons: int
    lanes: int
    weight_bits: int
    words: int
    clock_hz: int
    baud: int
    features: int

    @classmethod
    def of(cls, spec: MachineSpec) -> "Identity":
        """The ID block of a machine."""
        return cls(
            VERSION,
            WINDOW,
            frame_bytes(spec),
            spec.spec_hash,
            spec.neurons,
            spec.lanes,
            spec.weight.bits,
            spec.layout.words,
            spec.clock_hz,
            spec.baud,
            feature_bits(spec),
        )

    def pack(self) -> bytes:
        """The block as the machine sends it."""
        return struct.pack(
            self.FORMAT,
            MAGIC,
            self.version,
            self.window,
            self.frame_bytes,
            bytes.fromhex(self.spec_hash),
            self.neurons,
            self.lanes,
            self.weight_bits,
            self.words,
            self.clock_hz,
            self.baud,
            self.features,
        )

    @classmethod
    def size(cls) -> int:
        """Bytes of the packed block."""
        return struct.calcsize(cls.FORMAT)

    @classmethod
    def unpack(cls, data: bytes) -> "Identity | None":
        """The block from its bytes; None if they are no ID block at all (the magic or the size is wrong)."""
        if len(data) != cls.size() or data[:4] != MAGIC:
            return None
        _, version, window, size, digest, *rest = struct.unpack(cls.FORMAT, data)
        return cls(version, window, size, digest.hex(), *rest)
