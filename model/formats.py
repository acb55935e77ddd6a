"""Fixed-point number formats, written as fxpmath writes them: ``fxp-s8/7`` is signed, 8 bits, 7 of them fraction."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from ohmprop.model.errors import UserError


class Converter(NamedTuple):
    """An analog-to-digital converter, or the other way round, as integers have it (ohmprop.model.arithmetic.converted).

    Members
    -------
    shift : a code is 2**shift of what is converted; 0 is no converter.
    low, high : the smallest and the largest code.
    """

    shift: int = 0
    low: int = 0
    high: int = 0


_NOTATION = re.compile(r"fxp-([su])(\d+)/(\d+)")


@dataclass(frozen=True)
class Format:
    """One fixed-point format.

    Members
    -------
    signed : two's complement if true.
    bits : the whole width, sign included, 1 to 48.
    fraction : bits behind the binary point, 0 to 48 (may exceed ``bits``).
    """

    signed: bool
    bits: int
    fraction: int

    @classmethod
    def parse(cls, text: str) -> "Format":
        """Read ``fxp-s8/7``; raises UserError, quoting the text, when it is not of that form."""
        match = _NOTATION.fullmatch(str(text))
        if not match or not 1 <= int(match[2]) <= 48 or int(match[3]) > 48:
            raise UserError(
                f"{text!r} is not a number format; write it as fxp-s8/7 (signed, 8 bits, 7 of them fraction), "
                "with 1 to 48 bits."
            )
        return cls(match[1] == "s", int(match[2]), int(match[3]))

    def __str__(self) -> str:
        return f"fxp-{'s' if self.signed else 'u'}{self.bits}/{self.fraction}"

    @property
    def low(self) -> int:
        """Smallest raw integer."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest raw integer."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def one(self) -> int:
        """The raw integer that stands for 1.0 (it need not be representable)."""
        return 1 << self.fraction
