"""Convolutions between a machine's layers: each kernel from its text, and the maps of units that they make."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import NamedTuple

from ohmprop.model.errors import UserError

#: Most units of a map: what addresses of 12 bits reach.
MAX_MAP = 4096
#: The text of a layer that is connected with all units of the one below.
FULL = "full"
_TEXT = re.compile(r"(\d+)x(\d+)x(\d+)(?: stride (\d+))?( pool)?")


class Map(NamedTuple):
    """A layer's units: ``side`` by ``side`` positions of ``channels`` each, channels next to each other."""

    side: int
    channels: int

    @property
    def units(self) -> int:
        """All of them."""
        return self.side**2 * self.channels


@dataclass(frozen=True)
class Kernel:
    """Weights that every window of the layer below shares.

    Members
    -------
    size : rows and columns of a window.
    channels : of the layer that they make.
    stride : positions from one window to the next.
    pool : a unit takes the largest current of 2 x 2 windows, that do not overlap.
    """

    size: int
    channels: int
    stride: int = 1
    pool: bool = False

    @classmethod
    def parse(cls, text: str, where: str) -> "Kernel":
        """The kernel of a text as "5x5x16 pool" or "5x5x32 stride 2"; UserError for any other."""
        found = _TEXT.fullmatch(text) if isinstance(text, str) else None
        if not found or found[1] != found[2] or not int(found[1]) or not int(found[3]) or found[4] == "0":
            raise UserError(
                f'{where} = {text!r} is no kernel; give rows x columns x channels, as many rows as columns, as "5x5x16 pool" or '
                f'"5x5x32 stride 2", or "{FULL}".'
            )
        return cls(int(found[1]), int(found[3]), int(found[4] or 1), bool(found[5]))

    def over(self, below: Map, where: str) -> Map:
        """The map that the kernel makes of the one below; UserError if it makes none."""
        if self.size > below.side:
            raise UserError(
                f"{where} is larger than the map of {below.side} x {below.side} below it; give a kernel of at most "
                f"{below.side}x{below.side}."
            )
        side = (below.side - self.size) // self.stride + 1
        if self.pool and side % 2:
            raise UserError(
                f"{where} has {side} x {side} windows, and a pool takes 2 x 2 of an even number; give another size or stride, "
                "or leave pool out."
            )
        made = Map(side // 2 if self.pool else side, self.channels)
        if made.units > MAX_MAP:
            raise UserError(f"{where} makes {made.units} units of at most {MAX_MAP}; give fewer channels.")
        return made

    def windows(self, below: Map) -> int:
        """Windows along a side of the map below."""
        return (below.side - self.size) // self.stride + 1


class Joint(NamedTuple):
    """Two layers that follow each other: their maps and the kernel between them, None where all units are connected."""

    below: Map
    above: Map
    kernel: Kernel | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its matrix: taps times lower channels by upper channels; without a kernel upper units by lower."""
        if self.kernel is None:
            return self.above.units, self.below.units
        return self.kernel.size**2 * self.below.channels, self.kernel.channels

    @property
    def most_above(self) -> int:
        """The most units above that a unit below is joined with: those of all windows that it can lie in."""
        if self.kernel is None:
            return self.above.units
        along = min(-(-self.kernel.size // self.kernel.stride), self.kernel.windows(self.below))
        return along**2 * self.kernel.channels


def joints(layers: Sequence[int], texts: object) -> tuple[Joint, ...]:
    """What joins the layers, from the inputs on; UserError if kernels and layers do not fit.

    There is a text for each pair of layers. Kernels come first, the first of them over square images of one channel; only it
    may have a pool, since its currents alone stand still while a pattern is learnt.
    """
    if not isinstance(texts, tuple):
        raise UserError(
            f'kernels = {texts!r} is impossible; give a list, one for each pair of layers, as ["5x5x16", "full"].'
        )
    if len(texts) != len(layers) - 1:
        raise UserError(
            f"kernels = {list(texts)} are {len(texts)} for {len(layers)} layers; give one for each pair of layers that follow "
            f'each other, "{FULL}" where all units are connected.'
        )
    side = isqrt(layers[0])
    if side * side != layers[0]:
        raise UserError(
            f"layers[0] = {layers[0]} is no square, and kernels want square images of one channel; give one."
        )
    below = Map(side, 1)
    found: list[Joint] = []
    for index, text in enumerate(texts):
        where, kernel = f"kernels[{index}] = {text}", None
        if text != FULL:
            kernel = Kernel.parse(text, f"kernels[{index}]")
            if index and (found[-1].kernel is None or kernel.pool):
                raise UserError(
                    f"{where} {'has a pool' if kernel.pool else 'follows a full layer'}; only the first kernel has a pool, and "
                    "kernels come before full layers."
                )
            above = kernel.over(below, where)
            if above.units != layers[index + 1]:
                raise UserError(
                    f"layers[{index + 1}] = {layers[index + 1]} does not fit {where}, which makes {above.side} x {above.side} "
                    f"x {above.channels} of {below.side} x {below.side}; give {above.units}."
                )
        elif not index:
            raise UserError(f'{where} is no kernel; give one to the images, as "5x5x16 pool", or leave kernels out.')
        else:
            above = Map(1, layers[index + 1])
        found.append(Joint(below, above, kernel))
        below = above
    return tuple(found)
