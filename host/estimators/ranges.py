"""How much of its number formats a machine uses: of weights, states, currents and increments, as a table and a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.run.trace import Subject
from ohmprop.host.show.picture import Picture
from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.float64.reference import Reference, as_float64
from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec

#: Heads of the table, and how wide its columns are.
HEADS = ("what", "format", "largest", "of the format", "at its end", "zero", "bits")
WIDTHS = (24, 14, 10, 15, 12, 8, 6)


@dataclass(frozen=True)
class Range:
    """The values of one kind.

    Members
    -------
    name : what they are.
    format : of the numbers.
    limit : their largest magnitude; at it they saturate.
    values : in LSBs, as many as were seen.
    ends_meant : they are to reach the end of the format, as the states of a hard sigmoid are.
    """

    name: str
    format: Format
    limit: int
    values: NDArray[np.int64]
    ends_meant: bool = False

    @property
    def largest(self) -> int:
        """The largest magnitude in LSBs."""
        return int(np.abs(self.values).max(initial=0))

    @property
    def used(self) -> float:
        """The largest magnitude to that of the format, 0 to 1."""
        return self.largest / self.limit

    @property
    def at_limit(self) -> float:
        """The share of values that stand at the end of the format, 0 to 1."""
        return float((np.abs(self.values) >= self.limit).mean())

    @property
    def zero(self) -> float:
        """The share of values that are 0: of increments those that the LSB is too coarse for."""
        return float((self.values == 0).mean())

    @property
    def figures(self) -> dict[str, Any]:
        """All of it but the values, by the names that a JSON uses."""
        shares = {"used": self.used, "at_limit": self.at_limit, "zero": self.zero}
        bits = self.largest.bit_length() + self.format.signed
        return {"name": self.name, "format": str(self.format), "largest": self.largest, **shares, "bits": bits}


class Ranges(tuple[Range, ...]):
    """What `Machine.ranges` finds: printed it is a table, ``picture`` draws it."""

    @property
    def saturated(self) -> list[str]:
        """The kinds of values of which some stand at the end of their format without being meant to."""
        return [one.name for one in self if one.at_limit and not one.ends_meant]

    def __str__(self) -> str:
        rows: list[Sequence[str]] = [HEADS]
        for one in self:
            f = one.figures
            shares = f"{f['used']:.0%}", f"{f['at_limit']:.2%}", f"{f['zero']:.0%}"
            rows.append((f["name"], f["format"], str(f["largest"]), *shares, f"{f['bits']}"))
        lines = ["".join(cell.ljust(width) for cell, width in zip(row, WIDTHS, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, f"saturated: {', '.join(self.saturated) or 'none'}"])

    __repr__ = __str__

    def picture(self) -> Picture:
        """For each kind of values what the format can hold, grey, and where the magnitudes lie that are not 0, as a box."""
        from ohmprop.host.show.pictures import ranges_figure

        kinds = [(one.name, 1 / one.format.one, one.limit / one.format.one) for one in self]
        return Picture(ranges_figure(kinds, [np.abs(one.values[one.values != 0]) / one.format.one for one in self]))


def ranges(subject: Subject, patterns: Sequence[tuple[NDArray[Any], NDArray[np.bool_]]]) -> Ranges:
    """The numbers while a machine learns each of these patterns and targets from where it stands; it then stands there again.

    States and currents are those at the end of either phase.
    """
    spec, (settings, lfsr, weights) = subject.spec, subject.held()
    reference = Reference(spec, settings, as_float64(spec, weights))
    states, currents, increments = [], [], []
    try:
        for pattern, target in patterns:
            for nudged_steps in sorted({0, settings.nudged_steps}):
                subject.put(replace(settings, nudged_steps=nudged_steps), lfsr, weights)
                subject.learn(pattern, target)
                states.append(subject.states().astype(np.int64))
                real = reference.currents(pattern, states[-1] / spec.state.one)
                currents.append(np.rint(real * spec.accumulator.one).astype(np.int64))
            after = subject.held()[2]
            increments.append([new.astype(np.int64) - old for new, old in zip(after, weights, strict=True)])
    finally:
        subject.put(settings, lfsr, weights)
    return Ranges(
        [
            *_matrices(spec, "", [matrix.astype(np.int64) for matrix in weights]),
            Range("states", spec.state, spec.state.high, np.array(states).ravel(), not spec.recurrent),
            Range("currents", spec.accumulator, spec.accumulator.high, np.array(currents).ravel()),
            *_matrices(spec, "increments, ", [np.array(matrix) for matrix in zip(*increments, strict=True)]),
        ]
    )


def _matrices(spec: MachineSpec, what: str, values: Sequence[NDArray[np.int64]]) -> list[Range]:
    """What is found of each matrix, without the synapses that a recurrent machine has not."""
    found = []
    for name, matrix, one in zip(spec.matrix_names, spec.matrices, values, strict=True):
        kept = one[..., synapse_mask(spec)] if spec.recurrent else one
        found.append(Range(f"{what}{name}", matrix.stored, matrix.limit, kept.ravel()))
    return found
