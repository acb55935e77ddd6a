"""What differs between recurrent and layered machines: an object for each."""

from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.layout import Layout
from ohmprop.model.layout.convolutional import KernelLayout
from ohmprop.model.spec.fields import MOST_FACTOR, WIRE_BITS, MachineFields
from ohmprop.model.spec.kernels import MAX_MAP, joints
from ohmprop.model.spec.matrix import Matrix, layered_pre_shift
from ohmprop.model.spec.settings import BLOCKS, CENTRED, LAYERS, RANDOM, Settings, whole

#: Units of a recurrent layer.
MAX_NEURONS = 256
#: Units of a layered machine's layers.
MAX_INPUTS = 1024
MAX_HIDDEN = 512
MAX_HIDDEN_LAYERS = 3
MAX_OUTPUTS = 64
#: The states of a layered machine: 0 to 1 in 255 steps, and its activities.
UNIT = Format(False, 8, 8)
#: Widest weights that can have fine bits below them.
NARROW_BITS = 8


class Depth(NamedTuple):
    """How a layered machine learns by default, by the number of its weight matrices.

    Members
    -------
    eta_shifts : the rates of the matrices; biases learn at the first one's.
    steps : most Euler steps of the free phase and of recall.
    nudged : most steps of the nudged phase, if all neurons step together, and if layers step in turn by whole steps.
    fine_bits : of the weights.
    in_turn : layers step in turn.
    """

    eta_shifts: tuple[int, ...]
    steps: int
    nudged: tuple[int, int]
    fine_bits: int
    in_turn: bool


#: Found by `ohmprop bench depth` and `ohmprop bench rules` (docs/classifiers.md); deeper machines do not learn with less.
_DEPTHS = {
    2: Depth((3, 4), 20, (4, 4), 0, False),
    3: Depth((4, 5, 6), 100, (8, 4), 4, True),
    4: Depth((3, 4, 5, 6), 100, (20, 8), 4, True),
}
#: So that an impossible number of layers is refused and not looked up.
_NO_DEPTH = Depth((), 20, (4, 4), 0, False)


class Topology(ABC):
    """How the units of a machine are connected, and what follows from it.

    Members
    -------
    name : as messages and learning rules have it.
    fields : the fields of MachineFields that only this topology has; machines of another one leave them at their
        defaults.
    unused_settings : settings that this topology has no register for.
    order : the order besides TOGETHER in which its neurons can step.
    """

    name: str
    fields: tuple[str, ...]
    unused_settings: tuple[str, ...]
    order: str

    @abstractmethod
    def defaults(self, machine: MachineFields) -> dict[str, Any]:
        """The fields that are left to the topology, but for the accumulator and the settings, by their names.

        Like ``settings`` it is asked before anything is checked, so it takes every value for a possible one.
        """

    @abstractmethod
    def settings(self, machine: MachineFields) -> Settings:
        """The settings, by EP, if nobody gives any."""

    def both_ways(self, eta_shifts: tuple[int, ...], layers: tuple[int, ...]) -> tuple[int, ...]:
        """The rates of an asymmetric machine's matrices from those of the symmetric one's."""
        return eta_shifts

    @abstractmethod
    def check_layers(self, layers: tuple[int, ...]) -> None:
        """Refuse impossible numbers of units."""

    @abstractmethod
    def check_fields(self, machine: MachineFields) -> None:
        """Refuse impossible values of this topology's own fields, and number formats."""

    @abstractmethod
    def check_settings(self, settings: Settings) -> None:
        """Refuse settings that the topology cannot have."""

    @abstractmethod
    def matrices(self, machine: MachineFields) -> tuple[Matrix, ...]:
        """The weight matrices (MachineSpec.matrices)."""

    @abstractmethod
    def layout(self, machine: MachineFields) -> Layout:
        """The place of every weight in the weight memory."""

    @abstractmethod
    def worst_accumulator(self, machine: MachineFields) -> int:
        """The largest magnitude that any sum in a neuron can have, rounding included."""


def signed(machine: MachineFields, name: str, low: int, high: int) -> None:
    """Refuse anything but a signed format of ``low`` to ``high`` bits."""
    number = getattr(machine, name)
    if not isinstance(number, Format) or not number.signed or not low <= number.bits <= high:
        raise UserError(f"{name} = {number} is impossible; give a signed format of {low} to {high} bits.")


class Recurrent(Topology):
    """One layer, connected with itself; every unit is input and output."""

    name = "recurrent"
    fields = ("cut_diagonals", "input_level", "target_level", "side", "wires")
    unused_settings = ("feedforward",)
    order = BLOCKS

    def defaults(self, machine: MachineFields) -> dict[str, Any]:
        """No options."""
        return {"state": Format(True, 8, 5), "activity": Format(True, 8, 7), "fine_bits": 0, "in_turn": False}

    def settings(self, machine: MachineFields) -> Settings:
        """Those of Settings."""
        return Settings()

    def check_layers(self, layers: tuple[int, ...]) -> None:
        """2 to MAX_NEURONS units."""
        whole("layers[0]", layers[0], 2, MAX_NEURONS)

    def check_fields(self, machine: MachineFields) -> None:
        """Formats within what the hardware has, levels within the formats."""
        whole("cut_diagonals", machine.cut_diagonals, 0, machine.neurons - 2)
        for name, low, high in (("weight", 2, 8), ("state", 4, 8), ("activity", 2, 8), ("side", 8, 16)):
            signed(machine, name, low, high)
        # No fraction leaves nothing to round in the side network.
        whole("weight's fraction", machine.weight.fraction, 1, 16)
        whole("side's fraction", machine.side.fraction, machine.activity.fraction, 16)
        if machine.activity.fraction != machine.activity.bits - 1:
            raise UserError(
                f"activity = {machine.activity} is impossible; tanh lies within +-1, so give "
                f"fxp-s{machine.activity.bits}/{machine.activity.bits - 1}."
            )
        if machine.state.fraction > machine.weight.fraction + machine.activity.fraction:
            raise UserError(
                f"state = {machine.state} has more fraction than the products of {machine.weight} and "
                f"{machine.activity}; give it fewer bits of fraction."
            )
        whole("input_level", machine.input_level, 1, machine.state.high)
        whole("target_level", machine.target_level, 1, machine.activity.high)

    def check_settings(self, settings: Settings) -> None:
        """Nothing of a layered machine's."""
        if settings.feedforward or not settings.skip:
            raise UserError("feedforward and skip belong to a layered machine; leave them out of a recurrent one.")

    def matrices(self, machine: MachineFields) -> tuple[Matrix, ...]:
        """The one."""
        fine = machine.fine_bits
        # Fine bits leave the rates that are within reach as they are.
        return (Matrix(machine.neurons, machine.neurons, machine.weight, 2 * machine.activity.fraction, fine, fine),)

    def layout(self, machine: MachineFields) -> Layout:
        """A layer with a reach."""
        return Layout(
            machine.layers, machine.lanes, machine.reach, in_turn=machine.in_turn, asymmetric=machine.asymmetric
        )

    def worst_accumulator(self, machine: MachineFields) -> int:
        """The larger one of the neurons' sum and the side network's."""
        fan_in = min(machine.neurons - 1, 2 * machine.reach)
        if machine.wires:
            fan_in = -(-fan_in * ((1 << WIRE_BITS) + MOST_FACTOR) >> WIRE_BITS)
        current = fan_in * machine.weight_limit * machine.activity_limit
        leak = (machine.input_level - machine.state.low) << machine.leak_shift
        error = machine.target_level + machine.activity_limit
        side = fan_in * machine.weight_limit * -machine.side.low + (error << machine.side_error_shift)
        neuron = current + leak + (error << machine.nudge_shift) + (1 << (machine.euler_shift - 1))
        return max(neuron, side + (1 << machine.weight.fraction - 1))


class Layered(Topology):
    """Inputs, hidden layers and outputs, each connected with the next, both ways through the same weights."""

    name = "layered"
    fields: tuple[str, ...] = ("pixel_bits", "input_weight", "biases", "sparse", "store")
    unused_settings = ("released_steps",)
    order = LAYERS

    def defaults(self, machine: MachineFields) -> dict[str, Any]:
        """Fine bits and layers in turn by depth, where weights can have them; those of a device cannot."""
        depth, formats = _depth(machine), (machine.input_weight, machine.weight)
        narrow = all(isinstance(format, Format) and format.bits <= NARROW_BITS for format in formats)
        plain = machine.pulses is not True
        fine_bits = depth.fine_bits if narrow and plain else 0
        return {"state": UNIT, "activity": UNIT, "fine_bits": fine_bits, "in_turn": depth.in_turn and plain}

    def settings(self, machine: MachineFields) -> Settings:
        """By depth; layers step in turn where they can."""
        depth = _depth(machine)
        in_turn = self.defaults(machine)["in_turn"] if machine.in_turn is None else machine.in_turn is True
        rates = depth.eta_shifts + depth.eta_shifts[: machine.biases is True]
        settings = Settings(
            free_steps=depth.steps,
            nudged_steps=depth.nudged[depth.in_turn and in_turn],
            driven_steps=depth.steps,
            released_steps=0,
            eta_shifts=self.both_ways(rates, machine.layers) if machine.asymmetric is True else rates,
        )
        # A machine with one hidden layer can step in turn if it is asked to.
        return replace(settings, order=LAYERS, free_eps=1.0, nudged_eps=1.0) if depth.in_turn and in_turn else settings

    def both_ways(self, eta_shifts: tuple[int, ...], layers: tuple[int, ...]) -> tuple[int, ...]:
        """Those between layers twice, up and back."""
        between = eta_shifts[1 : len(layers) - 1]
        return (eta_shifts[0], *(shift for shift in between for _ in range(2)), *eta_shifts[len(layers) - 1 :])

    def check_layers(self, layers: tuple[int, ...]) -> None:
        """Each within the most units of its kind."""
        limits = ((1, MAX_INPUTS), *((1, MAX_HIDDEN) for _ in layers[1:-1]), (2, MAX_OUTPUTS))
        for index, (units, (low, high)) in enumerate(zip(layers, limits, strict=True)):
            whole(f"layers[{index}]", units, low, high)

    def check_fields(self, machine: MachineFields) -> None:
        """Formats within what the hardware has."""
        if isinstance(machine.pixel_bits, bool) or machine.pixel_bits not in (1, 4, 8):
            raise UserError(f"pixel_bits = {machine.pixel_bits!r} is impossible; give 1, 4 or 8.")
        if not isinstance(machine.biases, bool):
            raise UserError(f"biases = {machine.biases!r} is impossible; write true or false.")
        for name in ("weight", "input_weight"):
            signed(machine, name, 2, 12)
            # No fraction leaves nothing to shift in an Euler step; more of it would not fit 32-bit products.
            whole(f"{name}'s fraction", getattr(machine, name).fraction, 1, 16)
        for name in ("state", "activity"):
            if getattr(machine, name) != UNIT:
                raise UserError(
                    f"{name} = {getattr(machine, name)} is impossible in a layered machine; leave it out, it is {UNIT}."
                )

    def check_settings(self, settings: Settings) -> None:
        """The input stays on."""
        if settings.released_steps:
            raise UserError(
                f"released_steps = {settings.released_steps} is impossible in a layered machine, whose input stays on; "
                "give 0."
            )

    def matrices(self, machine: MachineFields) -> tuple[Matrix, ...]:
        """That of the inputs, those between layers, with asymmetric weights one up and one back, and the biases, if any."""
        layers, weight, input_weight, fine = machine.layers, machine.weight, machine.input_weight, machine.fine_bits
        first, later = machine.pixel_bits + machine.activity.fraction, 2 * machine.activity.fraction
        shift = layered_pre_shift(input_weight.fraction + fine, first)
        upper_shift = layered_pre_shift(weight.fraction + fine, later)
        sizes = [
            size
            for lower, upper in pairwise(layers[1:])
            for size in ([(lower, upper), (upper, lower)] if machine.asymmetric else [(upper, lower)])
        ]
        between = [Matrix(rows, columns, weight, later, upper_shift, fine) for rows, columns in sizes]
        biases = [Matrix(1, machine.neurons, input_weight, first, shift, fine)] if machine.biases else []
        return (Matrix(layers[0], layers[1], input_weight, first, shift, fine), *between, *biases)

    def layout(self, machine: MachineFields) -> Layout:
        """Layers with inputs."""
        return Layout(
            machine.layers[1:],
            machine.lanes,
            inputs=machine.inputs,
            biases=machine.biases,
            in_turn=machine.in_turn,
            asymmetric=machine.asymmetric,
        )

    def worst_accumulator(self, machine: MachineFields) -> int:
        """The largest of the layers' sums."""
        layers, shift = machine.layers, machine.drive_shift
        counts = (machine.inputs + machine.biases, *(machine.biases for _ in layers[2:]))
        raws = [count * machine.input_weight.high * machine.brightest for count in counts]
        # A right shift is taken of the finished sum, and rounds a negative one away from zero.
        drives = [raw << shift if shift >= 0 else max(raw, (raw >> -shift) + 1) if raw else 0 for raw in raws]
        fans = (layers[2], *(a + b for a, b in zip(layers[1:], layers[3:], strict=False)), layers[-2])
        widest = machine.weight_limit * machine.state.high
        current = max(kept + fan * widest for kept, fan in zip(drives, fans, strict=True))
        return current + (2 * machine.state.high << machine.leak_shift) + (1 << (machine.euler_shift - 1))


class Convolutional(Layered):
    """Layers of which the first ones are joined by kernels, which all their windows share. It steps in turn, by whole steps but
    for nudged outputs, whose step is ``nudged_eps``.
    """

    name = "convolutional"
    fields = ("pixel_bits", "input_weight", "kernels")

    def defaults(self, machine: MachineFields) -> dict[str, Any]:
        """All the fine bits, and layers in turn."""
        return {"state": UNIT, "activity": UNIT, "fine_bits": 8, "in_turn": True}

    def settings(self, machine: MachineFields) -> Settings:
        """A small nudge of random sign, if it can have one, without which kernels do not learn."""
        count = len(machine.layers) - 1
        settings = Settings(
            free_steps=16,
            nudged_steps=3,
            driven_steps=16,
            released_steps=0,
            eta_shifts=(4, *(5 for _ in range(count - 2)), 4),
            tolerance=1,
            order=LAYERS,
            free_eps=1.0,
            settled_only=True,
        )
        return replace(settings, nudge=RANDOM, beta=0.25) if machine.nudges is True else settings

    def check_layers(self, layers: tuple[int, ...]) -> None:
        """Each within the most units of its kind."""
        limits = ((1, MAX_INPUTS), *((1, MAX_MAP) for _ in layers[1:-1]), (2, MAX_OUTPUTS))
        for index, (units, (low, high)) in enumerate(zip(layers, limits, strict=True)):
            whole(f"layers[{index}]", units, low, high)

    def check_fields(self, machine: MachineFields) -> None:
        """Kernels that fit the layers, and formats."""
        joints(machine.layers, machine.kernels)
        super().check_fields(machine)
        for name in ("serial", "pulses", "continual", "asymmetric"):
            if getattr(machine, name):
                raise UserError(f"{name} = true is impossible with kernels; leave one of the two out.")
        for name in ("adc_bits", "dac_bits"):
            if getattr(machine, name):
                raise UserError(
                    f"{name} = {getattr(machine, name)} is impossible with kernels; leave one of the two out."
                )
        if machine.in_turn is not True:
            raise UserError("in_turn = false is impossible with kernels, whose layers step in turn; leave it out.")

    def check_settings(self, settings: Settings) -> None:
        """The order and the steps that it has."""
        super().check_settings(settings)
        if settings.settled_only and not settings.stop_when_settled:
            raise UserError(
                "settled_only = true teaches nothing with stop_when_settled = false, whose phases take all steps; change one of "
                "the two."
            )
        if settings.order != LAYERS or settings.free_eps != 1 or settings.feedforward or settings.nudge == CENTRED:
            raise UserError(
                f'A machine with kernels steps in turn by whole steps; give order = "{LAYERS}", free_eps = 1.0, no feedforward '
                f"and another nudge than {CENTRED}."
            )

    def matrices(self, machine: MachineFields) -> tuple[Matrix, ...]:
        """One for each pair of layers."""
        fine, shapes = machine.fine_bits, [joint.shape for joint in joints(machine.layers, machine.kernels)]
        first, later = machine.pixel_bits + machine.activity.fraction, 2 * machine.activity.fraction
        formats = [(machine.input_weight, first), *((machine.weight, later) for _ in shapes[1:])]
        return tuple(
            Matrix(*shape, weight, product, layered_pre_shift(weight.fraction + fine, product), fine)
            for shape, (weight, product) in zip(shapes, formats, strict=True)
        )

    def layout(self, machine: MachineFields) -> Layout:
        """The numbers of the cells."""
        shapes = tuple(joint.shape for joint in joints(machine.layers, machine.kernels))
        return KernelLayout(machine.layers[1:], machine.lanes, inputs=machine.inputs, in_turn=True, shapes=shapes)

    def worst_accumulator(self, machine: MachineFields) -> int:
        """The largest of the layers' sums: of the taps that a unit is made of, and of those of all windows that it lies in."""
        found, shift = joints(machine.layers, machine.kernels), machine.drive_shift
        drive = found[0].shape[0] * machine.input_weight.high * machine.brightest
        kept = drive << shift if shift >= 0 else (drive >> -shift) + 1
        widest = machine.weight_limit * machine.state.high
        ups = [0, *(joint.shape[0] if joint.kernel else joint.shape[1] for joint in found[1:])]
        downs = [*(one.most_above for one in found[1:]), 0]
        current = kept + max(up + down for up, down in zip(ups, downs, strict=True)) * widest
        return current + (2 * machine.state.high << machine.leak_shift) + (1 << (machine.euler_shift - 1))


RECURRENT, LAYERED, CONVOLUTIONAL = Recurrent(), Layered(), Convolutional()
TOPOLOGIES: tuple[Topology, ...] = (RECURRENT, LAYERED, CONVOLUTIONAL)


def _depth(machine: MachineFields) -> Depth:
    return _DEPTHS.get(len(machine.layers) - 1, _NO_DEPTH)


def topology_of(layers: object, kernels: object = ()) -> Topology:
    """The topology of a machine of these layers and kernels; a recurrent one's if they are impossible."""
    if not isinstance(layers, tuple) or len(layers) == 1:
        return RECURRENT
    return CONVOLUTIONAL if kernels else LAYERED


def foreign_fields(topology: Topology) -> dict[str, Topology]:
    """Fields that machines of this topology have no use for, and whose they are."""
    # Of fields that two of them have, the first one's.
    others = [other for other in reversed(TOPOLOGIES) if other is not topology]
    return {name: other for other in others for name in other.fields if name not in topology.fields}
