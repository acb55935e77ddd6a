"""What the host writes as registers: settings, what the cells are, and pulses on one cell."""

from dataclasses import dataclass

from ohmprop.model.errors import UserError
from ohmprop.model.layout import Cell
from ohmprop.model.link.records import Record, number_bytes
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.rules import RULES, code_bits, rule_of
from ohmprop.model.spec import UPDATE_SHIFTS, MachineSpec, Settings
from ohmprop.model.spec.settings import BETAS, CENTRED, NUDGES, RANDOM, TOGETHER
from ohmprop.model.spec.validation import MAX_MATRICES

#: Bits of a request's pulses; the higher ones of its byte are ignored.
PULSE_BITS = 4


@dataclass(frozen=True)
class SettingsRegisters(Record):
    """Space.SETTINGS: the run-time settings and the LFSR's value (never zero)."""

    free_steps: int = number_bytes(1)
    nudged_steps: int = number_bytes(1)
    driven_steps: int = number_bytes(1)
    released_steps: int = number_bytes(1)
    update_shift_0: int = number_bytes(1)
    update_shift_1: int = number_bytes(1)
    update_shift_2: int = number_bytes(1)
    update_shift_3: int = number_bytes(1)
    update_shift_4: int = number_bytes(1)
    tolerance: int = number_bytes(1)
    stop_when_settled: int = number_bytes(1)
    feedforward: int = number_bytes(1)
    skip: int = number_bytes(1)
    rule: int = number_bytes(1)
    order: int = number_bytes(1)
    whole: int = number_bytes(1)
    nudge: int = number_bytes(1)
    lfsr: int = number_bytes(4)

    @classmethod
    def used_bits(cls, spec: MachineSpec) -> dict[str, int]:
        """Bits of each register that the machine has, the LFSR apart; the others read as 0."""
        shifts = {f"update_shift_{number}": 3 for number in range(len(spec.matrices))}
        steps = dict.fromkeys(("free_steps", "nudged_steps", "driven_steps", "released_steps"), 8)
        flags = dict.fromkeys(("stop_when_settled", "feedforward", "skip"), 1)
        used = {**steps, **shifts, **flags, "tolerance": 7, "rule": code_bits(spec)}
        used |= {"order": 1, "whole": 2} if spec.in_turn else {}
        used |= {"nudge": 4} if spec.nudges else {}
        used |= dict.fromkeys(spec.topology.unused_settings, 0)
        return {name: used.get(name, 0) for name in cls.widths() if name != "lfsr"}

    @classmethod
    def of(cls, spec: MachineSpec, settings: Settings, lfsr: int) -> "SettingsRegisters":
        """The registers' values for ``settings``."""
        used = [shift - matrix.shift_base for shift, matrix in zip(settings.eta_shifts, spec.matrices, strict=True)]
        shift_0, shift_1, shift_2, shift_3, shift_4 = [*used, 0, 0, 0, 0][:MAX_MATRICES]
        return cls(
            settings.free_steps,
            settings.nudged_steps,
            settings.driven_steps,
            settings.released_steps,
            shift_0,
            shift_1,
            shift_2,
            shift_3,
            shift_4,
            settings.tolerance,
            int(settings.stop_when_settled),
            int(settings.feedforward),
            int(settings.skip),
            RULES[settings.rule].code,
            int(settings.order != TOGETHER),
            int(settings.free_eps == 1) | int(settings.nudged_eps == 1) << 1,
            _nudge_byte(settings),
            lfsr,
        )

    def settings(self, spec: MachineSpec) -> Settings:
        """The settings that the registers stand for."""
        shifts = (
            self.update_shift_0,
            self.update_shift_1,
            self.update_shift_2,
            self.update_shift_3,
            self.update_shift_4,
        )
        return Settings(
            self.free_steps,
            self.nudged_steps,
            self.driven_steps,
            self.released_steps,
            tuple(
                shift % UPDATE_SHIFTS + matrix.shift_base for shift, matrix in zip(shifts, spec.matrices, strict=False)
            ),
            self.tolerance & 127,
            bool(self.stop_when_settled & 1),
            bool(self.feedforward & 1),
            bool(self.skip & 1),
            rule_of(self.rule, spec).name,
            spec.topology.order if spec.in_turn and self.order & 1 else TOGETHER,
            1.0 if spec.in_turn and self.whole & 1 else 0.5,
            1.0 if spec.in_turn and self.whole & 2 else 0.5,
            *_nudge_of(self.nudge if spec.nudges else 0),
        )


def _nudge_byte(settings: Settings) -> int:
    """The register ``nudge``: bit 0 negative, bit 1 random, above them the shift of beta."""
    if settings.nudge == CENTRED:
        raise UserError(
            f"nudge = {CENTRED} is learnt by the golden machine alone; give images to --board golden, or another nudge."
        )
    return NUDGES.index(settings.nudge) | BETAS.index(settings.beta) << 2


def _nudge_of(register: int) -> tuple[str, float]:
    """The settings ``nudge`` and ``beta`` that the register stands for; a bit for random counts more than one for negative."""
    sign = RANDOM if register & 2 else NUDGES[register & 1]
    return sign, BETAS[min(register >> 2 & 3, len(BETAS) - 1)]


@dataclass(frozen=True)
class PulseRegisters(Record):
    """Space.DEVICE: what the cells are. All is 0 after power-up, and the cells linear; so they are while ``most`` is 0.

    ``low`` and ``high`` are signed. A write to this space restarts the count of patterns up to the next decay.
    """

    most: int = number_bytes(1)
    noise: int = number_bytes(1)
    scale: int = number_bytes(1)
    spread: int = number_bytes(1)
    low: int = number_bytes(1)
    high: int = number_bytes(1)
    stuck: int = number_bytes(1)
    decay_shift: int = number_bytes(1)
    decay_every: int = number_bytes(2)
    read_noise: int = number_bytes(2)

    @classmethod
    def used_bits(cls) -> dict[str, int]:
        """Bits of each register that the machine has."""
        narrow = {"most": 3, "noise": 1, "scale": 4, "stuck": 1, "decay_shift": 4, "read_noise": 12}
        return {name: narrow.get(name, 8 * width) for name, width in cls.widths().items()}

    @classmethod
    def of(cls, unit: PulseUnit | None) -> "PulseRegisters":
        """The registers' values for a pulse unit, or for linear cells."""
        if unit is None:
            return cls()
        tables = unit.tables
        return cls(
            unit.most,
            int(unit.noise),
            tables.scale,
            unit.spread,
            tables.low & 0xFF,
            tables.high & 0xFF,
            int(any(mask.any() for mask in unit.stuck)),
            unit.decay_shift,
            unit.decay_every,
            unit.read_noise,
        )


@dataclass(frozen=True)
class PulseRequest(Record):
    """Space.PROGRAM: pulses on one cell, whose row and column have these numbers (Layout.numbers).

    ``pulses`` is signed, up or down, in PULSE_BITS.
    """

    row: int = number_bytes(2)
    column: int = number_bytes(2)
    pulses: int = number_bytes(1)

    @classmethod
    def of(cls, spec: MachineSpec, cell: Cell, pulses: int) -> "PulseRequest":
        """The request for this many pulses, down if negative, on a cell (matrix, row, column)."""
        matrix, row, column = cell
        rows, columns = spec.layout.numbers[matrix]
        return cls(int(rows[row]), int(columns[column]), pulses & 0xFF)

    def wanted(self) -> int:
        """The pulses, up or, if negative, down."""
        half = 1 << PULSE_BITS - 1
        return (self.pulses + half) % (2 * half) - half
