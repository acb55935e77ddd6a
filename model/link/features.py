"""What a board's hardware has besides the basic machine: a bit each in the ID block.

A later version of the hardware adds bits. A host that meets a board without one that it needs says what is missing; the
protocol's version names the shape of frames and records only.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from ohmprop.model.rules import RULES
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.optional import off_values


@dataclass(frozen=True)
class Feature:
    """One option of the hardware.

    Members
    -------
    bit : its place in the ID block's ``features``; never given to another one.
    field : the field of the spec that asks for it.
    part : what it is, in sentences.
    user : what needs it.
    without : how to do without it.
    own_weights : the machine's weights are others with it than without.
    """

    bit: int
    field: str
    part: str
    user: str
    without: str
    own_weights: bool = False

    def within(self, spec: MachineSpec) -> bool:
        """Whether a machine has it."""
        return bool(getattr(spec, self.field) != off_values(MachineSpec)[self.field])


#: All of them, by their bits.
FEATURES = (
    Feature(0, "pulses", "a pulse unit", "devices", "leave --device out"),
    Feature(1, "in_turn", "steps in turn", "orders and whole steps", "leave --order, --free-eps and --nudged-eps out"),
    Feature(2, "nudges", "nudges of any sign and size", "other nudges", "leave --nudge and --beta out"),
    Feature(3, "continual", "updates in every step", "continual rules", "leave --rule out"),
    Feature(4, "asymmetric", "a weight for each direction", "vector fields", "leave --rule out", own_weights=True),
    Feature(5, "sparse", "a decoder of sparse patterns", "such patterns", "give a machine with sparse = false"),
    Feature(6, "store", "a store of patterns", "patterns kept on the board", "give a machine with store = 0"),
    Feature(7, "adc_bits", "converters of currents", "such converters", "give a machine with adc_bits = 0"),
    Feature(8, "dac_bits", "converters of activities", "such converters", "give a machine with dac_bits = 0"),
    Feature(9, "wires", "factors of wires", "wires with a resistance", "give a machine with wires = false"),
)


def feature_bits(spec: MachineSpec) -> int:
    """The ID block's ``features`` of a machine."""
    return sum(1 << feature.bit for feature in FEATURES if feature.within(spec))


def without(spec: MachineSpec, features: Iterable[Feature]) -> MachineSpec:
    """The machine without features, at settings that need none."""
    off = off_values(MachineSpec)
    removed = {feature.field: off[feature.field] for feature in features}
    asymmetric = removed.get("asymmetric", spec.asymmetric)
    rule = next(rule.name for rule in RULES.values() if rule.asymmetric == asymmetric)
    settings = dataclasses.replace(spec.settings, **(off_values(Settings) | {"rule": rule}))
    return dataclasses.replace(spec, settings=settings, **removed)


def basic(spec: MachineSpec) -> MachineSpec:
    """The machine without those features that leave its weights as they are."""
    return without(spec, [feature for feature in FEATURES if not feature.own_weights])


def lacking(spec: MachineSpec, present: int) -> tuple[Feature, ...]:
    """The features that a machine has and the bits ``present`` of a board's ID block do not name."""
    return tuple(feature for feature in FEATURES if feature.within(spec) and not present >> feature.bit & 1)
