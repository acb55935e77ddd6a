"""Which primitives a platform's FPGA has."""

from typing import Any

from ohmprop.hw.primitives.ecp5 import Ecp5
from ohmprop.hw.primitives.generic import Primitives, Simulated
from ohmprop.hw.primitives.ice40 import UltraPlus

#: The families with primitives of their own.
FAMILIES: tuple[Primitives, ...] = (UltraPlus(), Ecp5())


def primitives_of(platform: Any) -> Primitives:
    """The primitives of an Amaranth platform, of which only the device's name is looked at; None is a simulation."""
    if platform is None:
        return Simulated()
    device = getattr(platform, "device", "")
    return next((family for family in FAMILIES if device.startswith(family.devices)), Primitives())
