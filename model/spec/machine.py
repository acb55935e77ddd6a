"""MachineSpec: the one description from which hardware, golden model, ID block and documentation tables are made."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.layout import Layout
from ohmprop.model.rules import RULES, Second, first_rule
from ohmprop.model.spec import toml
from ohmprop.model.spec import validation as checks
from ohmprop.model.spec.fields import BY_TOPOLOGY, MachineFields
from ohmprop.model.spec.matrix import Matrix
from ohmprop.model.spec.settings import TOGETHER, Settings
from ohmprop.model.spec.topology import Topology, topology_of
from ohmprop.model.text import read_text
from ohmprop.model.timing import Timing, Uncounted

#: Machine files that come with the package.
_READY = Path(__file__).parents[1] / "machines"


def ready_machines() -> list[str]:
    """Names of the machines that ship with the package; MachineSpec.load takes them as it takes paths."""
    return sorted(path.stem for path in _READY.glob("*.toml"))


@dataclass(frozen=True)
class MachineSpec(MachineFields):
    """A machine: its topology, number formats, parallelism and link (the fields of MachineFields).

    Validated on construction: UserError for an impossible machine. Hashable and frozen.

    Examples
    --------
    >>> spec = MachineSpec(layers=(784, 128, 10), lanes=32)
    >>> spec.synapses
    101632
    """

    def __post_init__(self) -> None:
        topology = self.topology
        checks.check_layers(self, topology)
        for name, value in topology.defaults(self).items():
            self._default(name, value)
        checks.check_fields(self, topology)
        self._default("settings", replace(topology.settings(self), rule=first_rule(self)))
        if self.accumulator is BY_TOPOLOGY:
            self._default("accumulator", Format(True, 24, self.weight.fraction + self.activity.fraction))
            bits = max(24, self.worst_accumulator.bit_length() + 1)
            object.__setattr__(self, "accumulator", replace(self.accumulator, bits=bits))
        checks.check_accumulator(self, topology)
        checks.check_settings(self, topology)
        checks.check_memory(self, topology, self.layout.words)

    def _default(self, name: str, value: object) -> None:
        """Set a field that was left to the topology."""
        if getattr(self, name) is BY_TOPOLOGY:
            object.__setattr__(self, name, value)

    # -- what follows from the topology ----------------------------------------------------------------------------

    @property
    def topology(self) -> Topology:
        """What differs between recurrent and layered machines."""
        return topology_of(self.layers, self.kernels)

    @cached_property
    def layout(self) -> Layout:
        """The place of every weight in the weight memory."""
        return self.topology.layout(self)

    @cached_property
    def timing(self) -> Timing:
        """Clocks of the machine's parts, and of a pattern."""
        return Uncounted(self.layout) if self.kernels else Timing(self.layout, self.serial, self.wires)

    @property
    def dense_clocks(self) -> int:
        """Busy clocks of a learnt pattern with all steps, every input's row and every update."""
        settings = self.settings
        steps = settings.free_steps + settings.nudged_steps
        return self.timing.pattern(steps, 1, self.layout.inputs, turns=self.turns(settings))

    def turns(self, settings: Settings) -> int:
        """Turns of a step by these settings; 1 if all neurons step together, as with a side network."""
        together = settings.order == TOGETHER or RULES[settings.rule].second is Second.SIDE
        return 1 if together else len(self.layout.turns)

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        """The weight matrices, from the inputs on. The inputs are rows of the first; the others have the upper layer's
        units as rows, so that few outputs take few words. The biases, if any, are the last: a row for all neurons.
        """
        return self.topology.matrices(self)

    @property
    def synapses(self) -> int:
        """Weights that may differ from zero; each symmetric pair of a recurrent layer counts two."""
        return self.layout.synapses

    @property
    def update_shift_base(self) -> int:
        """The eta_shift at which the first matrix's variable shift is zero; it reaches UPDATE_SHIFTS values from here."""
        return self.matrices[0].shift_base

    @cached_property
    def matrix_names(self) -> tuple[str, ...]:
        """What the matrices are called where their figures are shown."""
        count = len(self.matrices)
        if count == 1:
            return ("weights",)
        numbered = tuple(f"weights {index}" for index in range(count))
        return (*numbered[:-1], "biases") if self.biases else numbered

    @property
    def worst_accumulator(self) -> int:
        """The largest magnitude that any sum in a neuron can have, rounding included."""
        return self.topology.worst_accumulator(self)

    # -- identity and files ----------------------------------------------------------------------------------------

    @property
    def spec_hash(self) -> str:
        """Sixteen hexadecimal digits over everything that the hardware depends on; equal on every computer."""
        text = json.dumps(toml.hardware(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_toml(self) -> str:
        """The spec as TOML text: a table ``machine`` and a table ``settings``."""
        return toml.write(self)

    @classmethod
    def from_toml(cls, text: str) -> "MachineSpec":
        """Read a user's TOML text: absent keys take their defaults of today, unknown ones raise UserError."""
        return cls(**toml.read(text, cls, saved=False))

    @classmethod
    def from_saved(cls, text: str) -> "MachineSpec":
        """Read what ``to_toml`` wrote into a file, by this version or an earlier one: absent keys mean off."""
        return cls(**toml.read(text, cls, saved=True))

    @classmethod
    def load(cls, path: str | Path) -> "MachineSpec":
        """Read a machine that comes with the package, by its name, or a user's TOML file."""
        if str(path) in ready_machines():
            # Written out in full, so that no default of a later version changes a board.
            return cls.from_saved(read_text(_READY / f"{path}.toml", "machine file", "install ohmprop again"))
        remedy = f"give the path of a TOML file or one of {', '.join(ready_machines())}"
        text = read_text(Path(path), "machine file", remedy)
        if not text.strip():
            # As TOML it would be the default machine; as a file it is what a broken copy leaves.
            raise UserError(f"The machine file {path} is empty; {remedy}.")
        return cls.from_toml(text)
