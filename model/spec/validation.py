"""What MachineSpec refuses, and the defaults that depend on the topology."""

import dataclasses
from typing import TYPE_CHECKING, Any

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.spec.matrix import UPDATE_SHIFTS
from ohmprop.model.spec.settings import Settings, whole

if TYPE_CHECKING:
    from ohmprop.model.spec import MachineSpec

#: Units of a recurrent layer.
MAX_NEURONS = 256
#: Units of a layered machine's layers.
MAX_INPUTS = 1024
MAX_HIDDEN = 512
MAX_HIDDEN_LAYERS = 3
MAX_OUTPUTS = 64
#: Lanes of a serial machine.
SERIAL_LANES = 8
#: Widest weights of a machine with a pulse unit.
STEP_TABLE_BITS = 8
#: The states of a layered machine: 0 to 1 in 255 steps, and its activities.
UNIT = Format(False, 8, 8)
#: Fields that only one of the two topologies has; a machine of the other one leaves them at their defaults.
_RECURRENT_FIELDS = ("cut_diagonals", "input_level", "target_level", "side")
_LAYERED_FIELDS = ("pixel_bits", "input_weight", "biases")
#: Learning rates of a layered machine's matrices by their number; biases learn at the first one's.
_ETA_SHIFTS = {2: (3, 4), 3: (3, 5, 7), 4: (3, 5, 7, 7)}


def check_layers(spec: "MachineSpec") -> None:
    """Refuse layers of neither topology, and what belongs to the other one."""
    layers = spec.layers
    if not isinstance(layers, tuple) or len(layers) not in (1, *range(3, MAX_HIDDEN_LAYERS + 3)):
        raise UserError(
            f"layers = {layers!r} is impossible; give one number, the units of a recurrent layer, as [100], or inputs, "
            f"one to {MAX_HIDDEN_LAYERS} hidden layers and outputs, as [784, 128, 10]."
        )
    if len(layers) == 1:
        whole("layers[0]", layers[0], 2, MAX_NEURONS)
    else:
        limits = ((1, MAX_INPUTS), *((1, MAX_HIDDEN) for _ in layers[1:-1]), (2, MAX_OUTPUTS))
        for index, (units, (low, high)) in enumerate(zip(layers, limits, strict=True)):
            whole(f"layers[{index}]", units, low, high)
    for item in dataclasses.fields(spec):
        value = getattr(spec, item.name)
        if item.name in foreign_fields(spec) and value != item.default:
            raise UserError(
                f"{item.name} = {value} belongs to a {'layered' if spec.recurrent else 'recurrent'} machine; "
                f"with layers = {list(layers)} leave it out."
            )


def foreign_fields(spec: "MachineSpec") -> tuple[str, ...]:
    """Fields that belong to the other topology."""
    return _LAYERED_FIELDS if spec.recurrent else _RECURRENT_FIELDS


def default_settings(layers: object, biases: bool) -> Settings:
    """The settings of a machine of these layers, if nobody gives any; of a recurrent one, if they are none at all."""
    eta_shifts = _ETA_SHIFTS.get(len(layers) - 1) if isinstance(layers, tuple) else None
    if not eta_shifts:
        return Settings()
    return Settings(nudged_steps=4, released_steps=0, eta_shifts=eta_shifts + eta_shifts[:biases])


def defaults(spec: "MachineSpec") -> dict[str, Any]:
    """The fields whose default depends on the topology alone."""
    settings = default_settings(spec.layers, bool(spec.biases))
    if not spec.recurrent:
        return {"state": UNIT, "activity": UNIT, "settings": settings}
    return {"state": Format(True, 8, 5), "activity": Format(True, 8, 7), "settings": settings}


def check_recurrent_formats(spec: "MachineSpec") -> None:
    """Refuse number formats that a recurrent machine cannot have."""
    for name, low, high in (("weight", 2, 8), ("state", 4, 8), ("activity", 2, 8), ("side", 8, 16)):
        _signed(spec, name, low, high)
    # No fraction leaves nothing to round in the side network.
    whole("weight's fraction", spec.weight.fraction, 1, 16)
    whole("side's fraction", spec.side.fraction, spec.activity.fraction, 16)
    if spec.activity.fraction != spec.activity.bits - 1:
        raise UserError(
            f"activity = {spec.activity} is impossible; tanh lies within +-1, so give "
            f"fxp-s{spec.activity.bits}/{spec.activity.bits - 1}."
        )
    if spec.state.fraction > spec.weight.fraction + spec.activity.fraction:
        raise UserError(
            f"state = {spec.state} has more fraction than the products of {spec.weight} and {spec.activity}; give it fewer "
            "bits of fraction."
        )


def check_layered_formats(spec: "MachineSpec") -> None:
    """Refuse number formats that a layered machine cannot have."""
    if isinstance(spec.pixel_bits, bool) or spec.pixel_bits not in (1, 4, 8):
        raise UserError(f"pixel_bits = {spec.pixel_bits!r} is impossible; give 1, 4 or 8.")
    if not isinstance(spec.biases, bool):
        raise UserError(f"biases = {spec.biases!r} is impossible; write true or false.")
    for name in ("weight", "input_weight"):
        _signed(spec, name, 2, 12)
        # No fraction leaves nothing to shift in an Euler step; more of it would not fit 32-bit products.
        whole(f"{name}'s fraction", getattr(spec, name).fraction, 1, 16)
    for name in ("state", "activity"):
        if getattr(spec, name) != UNIT:
            raise UserError(
                f"{name} = {getattr(spec, name)} is impossible in a layered machine; leave it out, it is {UNIT}."
            )


def _signed(spec: "MachineSpec", name: str, low: int, high: int) -> None:
    number = getattr(spec, name)
    if not isinstance(number, Format) or not number.signed or not low <= number.bits <= high:
        raise UserError(f"{name} = {number} is impossible; give a signed format of {low} to {high} bits.")


def check_accumulator(spec: "MachineSpec") -> None:
    """Refuse an accumulator that some sum in a neuron does not fit."""
    _signed(spec, "accumulator", 8, 48)
    if spec.accumulator.fraction != spec.weight.fraction + spec.activity.fraction:
        raise UserError(
            f"accumulator = {spec.accumulator} does not match the products of {spec.weight} and {spec.activity}; "
            f"give it {spec.weight.fraction + spec.activity.fraction} bits of fraction."
        )
    if spec.worst_accumulator > spec.accumulator.high:
        raise UserError(
            f"accumulator = {spec.accumulator} overflows: the largest sum is {spec.worst_accumulator}; "
            f"give it at least {spec.worst_accumulator.bit_length() + 1} bits."
        )


def check_serial(spec: "MachineSpec") -> None:
    """Refuse serial machines of other than the one width that they are built for."""
    if not isinstance(spec.serial, bool):
        raise UserError(f"serial = {spec.serial!r} is impossible; write true or false.")
    if spec.serial and spec.lanes != SERIAL_LANES:
        raise UserError(f"lanes = {spec.lanes} is impossible in a serial machine; give {SERIAL_LANES}.")


def check_pulses(spec: "MachineSpec") -> None:
    """Refuse a pulse unit for weights that have no step tables."""
    if not isinstance(spec.pulses, bool):
        raise UserError(f"pulses = {spec.pulses!r} is impossible; write true or false.")
    widths = {matrix.weight.bits for matrix in spec.matrices}
    if spec.pulses and (len(widths) > 1 or max(widths) > STEP_TABLE_BITS):
        raise UserError(
            f"pulses = true is impossible with weights of {' and '.join(map(str, sorted(widths)))} bits; give weight and "
            f"input_weight one width of at most {STEP_TABLE_BITS} bits, or leave pulses out."
        )


def check_settings(spec: "MachineSpec") -> None:
    """Refuse settings that this machine has no registers or no reach for."""
    settings, matrices = spec.settings, spec.matrices
    if len(settings.eta_shifts) != len(matrices):
        raise UserError(
            f"eta_shifts = {list(settings.eta_shifts)} is impossible; this machine's weight matrices number {len(matrices)}"
            f"{', the biases included' if spec.biases else ''}, so give as many."
        )
    for index, (shift, matrix) in enumerate(zip(settings.eta_shifts, matrices, strict=True)):
        if shift not in matrix.eta_shifts:
            raise UserError(
                f"eta_shifts[{index}] = {shift} is out of this machine's reach; with weights {matrix.weight} give "
                f"{matrix.shift_base} to {matrix.shift_base + UPDATE_SHIFTS - 1}."
            )
    if not spec.recurrent and settings.rule != "ep":
        raise UserError(
            f"rule = {settings.rule} belongs to a recurrent machine; a layered one learns by ep, so leave it out."
        )
    if spec.recurrent and (settings.feedforward or not settings.skip):
        raise UserError("feedforward and skip belong to a layered machine; leave them out of a recurrent one.")
    if not spec.recurrent and settings.released_steps:
        raise UserError(
            f"released_steps = {settings.released_steps} is impossible in a layered machine, whose input stays on; give 0."
        )


def check_memory(spec: "MachineSpec") -> None:
    """Refuse weights that the board cannot hold."""
    widest = max(matrix.weight.bits for matrix in spec.matrices)
    needed = spec.layout.words * spec.lanes * -(-widest // 8)
    if needed > spec.memory_bytes:
        raise UserError(
            f"memory_bytes = {spec.memory_bytes} is too little for this machine's weights, which take {needed}; "
            "give fewer neurons, cut diagonals, or a board with more memory."
        )
