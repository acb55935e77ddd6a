"""The checks that a MachineSpec makes of its fields when it is made."""

import dataclasses

from ohmprop.model.errors import UserError
from ohmprop.model.rules import RULES, Second, rules_of
from ohmprop.model.spec.fields import SDRAM_BYTES, SLOT_BYTES, MachineFields
from ohmprop.model.spec.matrix import UPDATE_SHIFTS
from ohmprop.model.spec.options import OPTIONS, needed
from ohmprop.model.spec.settings import BETAS, CENTRED, TOGETHER, whole
from ohmprop.model.spec.topology import MAX_HIDDEN_LAYERS, NARROW_BITS, Topology, foreign_fields, signed

MAX_LANES = 128
#: Lanes of a serial machine.
SERIAL_LANES = 8
#: Most neurons of a machine whose cells have the factors of its wires.
WIRED_NEURONS = 64
#: Widest weights of a machine with a pulse unit.
STEP_TABLE_BITS = 8
#: Most fine bits: a whole weight is a number of 16 bits.
MAX_FINE_BITS = 8
#: The smallest nudge is 2 to minus this.
SMALLEST_BETA_SHIFT = len(BETAS) - 1
#: Weight matrices that there are registers for.
MAX_MATRICES = 5
#: Clocks in which an SDRAM's refreshes come in time, and its words.
SDRAM_CLOCKS = 6_000_000, 100_000_000
#: Pixels of sparse patterns.
SPARSE_BITS = 4
#: Up to this number, fine bits take half a byte of memory per weight.
NIBBLE = 4


def check_layers(machine: MachineFields, topology: Topology) -> None:
    """Refuse layers of no topology, and what belongs to another one."""
    layers = machine.layers
    if not isinstance(layers, tuple) or len(layers) not in (1, *range(3, MAX_HIDDEN_LAYERS + 3)):
        raise UserError(
            f"layers = {layers!r} is impossible; give one number, the units of a recurrent layer, as [100], or inputs, "
            f"one to {MAX_HIDDEN_LAYERS} hidden layers and outputs, as [784, 128, 10]."
        )
    topology.check_layers(layers)
    defaults = {item.name: item.default for item in dataclasses.fields(machine)}
    for name, other in foreign_fields(topology).items():
        if getattr(machine, name) != defaults[name]:
            raise UserError(
                f"{name} = {getattr(machine, name)} belongs to a {other.name} machine; "
                f"with layers = {list(layers)} leave it out."
            )


def check_fields(machine: MachineFields, topology: Topology) -> None:
    """Refuse what the topology or the hardware cannot have; the accumulator apart."""
    whole("lanes", machine.lanes, 1, MAX_LANES)
    topology.check_fields(machine)
    whole("memory_bytes", machine.memory_bytes, 1, 1 << 30)
    _check_serial(machine)
    _check_fine_bits(machine, topology)
    _check_options(machine)
    _check_matrices(machine, topology)
    _check_pulses(machine, topology)
    _check_sparse(machine)
    _check_store(machine)
    _check_converters(machine)
    _check_wires(machine)
    whole("clock_hz", machine.clock_hz, 1, 10**9)
    whole("baud", machine.baud, 1, 10**8)
    if machine.clock_hz < 4 * machine.baud:
        raise UserError(
            f"baud = {machine.baud} is too fast for clock_hz = {machine.clock_hz}; the receiver needs four clocks per "
            f"bit, so ask for at most {machine.clock_hz // 4} baud."
        )


def check_accumulator(machine: MachineFields, topology: Topology) -> None:
    """Refuse an accumulator that the largest sum in a neuron does not fit."""
    signed(machine, "accumulator", 8, 48)
    if machine.accumulator.fraction != machine.weight.fraction + machine.activity.fraction:
        raise UserError(
            f"accumulator = {machine.accumulator} does not match the products of {machine.weight} and "
            f"{machine.activity}; give it {machine.weight.fraction + machine.activity.fraction} bits of fraction."
        )
    worst = topology.worst_accumulator(machine)
    if worst > machine.accumulator.high:
        raise UserError(
            f"accumulator = {machine.accumulator} overflows: the largest sum is {worst}; "
            f"give it at least {worst.bit_length() + 1} bits."
        )


def _check_serial(machine: MachineFields) -> None:
    """Refuse serial machines of other than the one width that they are built for."""
    if not isinstance(machine.serial, bool):
        raise UserError(f"serial = {machine.serial!r} is impossible; write true or false.")
    if machine.serial and machine.lanes != SERIAL_LANES:
        raise UserError(f"lanes = {machine.lanes} is impossible in a serial machine; give {SERIAL_LANES}.")


def _check_fine_bits(machine: MachineFields, topology: Topology) -> None:
    """Refuse fine bits below weights that are wide by themselves, or that are devices."""
    whole("fine_bits", machine.fine_bits, 0, MAX_FINE_BITS)
    widest = max(matrix.weight.bits for matrix in topology.matrices(machine))
    if machine.fine_bits and widest > NARROW_BITS:
        raise UserError(
            f"fine_bits = {machine.fine_bits} is impossible with weights of {widest} bits; give weights of at most "
            f"{NARROW_BITS} bits, or leave fine_bits out."
        )
    if machine.fine_bits and machine.pulses:
        raise UserError(
            f"fine_bits = {machine.fine_bits} is impossible with pulses = true, since a device has levels and nothing below "
            "them; write fine_bits = 0, or leave pulses out."
        )


def _check_options(machine: MachineFields) -> None:
    """Refuse options of the learning rule in a machine of devices, and a nudge too small for the numbers."""
    for name in OPTIONS:
        value = getattr(machine, name)
        if not isinstance(value, bool):
            raise UserError(f"{name} = {value!r} is impossible; write true or false.")
        if value and machine.pulses:
            raise UserError(
                f"{name} = true is impossible with pulses = true; write {name} = false, or leave pulses out."
            )
    if machine.nudges and machine.weight.fraction < SMALLEST_BETA_SHIFT:
        raise UserError(
            f"nudges = true is impossible with weight = {machine.weight}; give weights at least {SMALLEST_BETA_SHIFT} bits of "
            "fraction."
        )


def _check_matrices(machine: MachineFields, topology: Topology) -> None:
    """Refuse more matrices than there are registers for their rates, as deep asymmetric machines would have."""
    count = len(topology.matrices(machine))
    if count > MAX_MATRICES:
        raise UserError(
            f"asymmetric = true is impossible with layers = {list(machine.layers)}{' and biases' if machine.biases else ''}, "
            f"which makes {count} weight matrices of at most {MAX_MATRICES}; give fewer hidden layers, or leave it out."
        )


def _check_pulses(machine: MachineFields, topology: Topology) -> None:
    """Refuse a pulse unit for weights that have no step tables."""
    if not isinstance(machine.pulses, bool):
        raise UserError(f"pulses = {machine.pulses!r} is impossible; write true or false.")
    widths = {matrix.weight.bits for matrix in topology.matrices(machine)}
    if machine.pulses and (len(widths) > 1 or max(widths) > STEP_TABLE_BITS):
        raise UserError(
            f"pulses = true is impossible with weights of {' and '.join(map(str, sorted(widths)))} bits; give weight and "
            f"input_weight one width of at most {STEP_TABLE_BITS} bits, or leave pulses out."
        )


def _check_sparse(machine: MachineFields) -> None:
    """Refuse sparse patterns whose pixels are no half bytes."""
    if not isinstance(machine.sparse, bool):
        raise UserError(f"sparse = {machine.sparse!r} is impossible; write true or false.")
    if machine.sparse and machine.pixel_bits != SPARSE_BITS:
        raise UserError(
            f"sparse = true is impossible with pixel_bits = {machine.pixel_bits}; give {SPARSE_BITS}, or leave sparse out."
        )


def _check_converters(machine: MachineFields) -> None:
    """Refuse converters that have too few or too many bits, or a range that is no power of two."""
    if machine.adc_bits:
        whole("adc_bits", machine.adc_bits, 2, 16)
    whole("adc_range", machine.adc_range, 1, 64)
    if machine.adc_range & machine.adc_range - 1:
        raise UserError(f"adc_range = {machine.adc_range} is impossible; give a power of two, 1 to 64.")
    if machine.dac_bits:
        whole("dac_bits", machine.dac_bits, 2, machine.activity.bits - 1)


def _check_wires(machine: MachineFields) -> None:
    """Refuse factors of cells where a word's lanes are not all of a row's cells, or that a serial machine would not have."""
    if not isinstance(machine.wires, bool):
        raise UserError(f"wires = {machine.wires!r} is impossible; write true or false.")
    if machine.wires and machine.serial:
        raise UserError("wires = true is impossible in a serial machine; write serial = false, or leave wires out.")
    if machine.wires and not machine.neurons <= min(machine.lanes, WIRED_NEURONS):
        raise UserError(
            f"wires = true is impossible with {machine.neurons} neurons and {machine.lanes} lanes; give at most {WIRED_NEURONS} "
            "neurons and as many lanes, or leave wires out."
        )


def _check_store(machine: MachineFields) -> None:
    """Refuse a store of parts of slots, and one whose records the machine could not learn."""
    whole("store", machine.store, 0, SDRAM_BYTES)
    if machine.store % (2 * SLOT_BYTES):
        raise UserError(f"store = {machine.store} is impossible; give a multiple of {2 * SLOT_BYTES}.")
    if machine.store and not machine.sparse:
        raise UserError(f"store = {machine.store} keeps sparse patterns; write sparse = true as well, or store = 0.")
    low, high = SDRAM_CLOCKS
    if machine.sdram and not low <= machine.clock_hz <= high:
        raise UserError(
            f"store = {machine.store} is an SDRAM chip, which clock_hz = {machine.clock_hz} does not suit; give {low} to "
            f"{high}, or a smaller store."
        )


def check_settings(machine: MachineFields, topology: Topology) -> None:
    """Refuse settings that this machine has no registers or no reach for."""
    settings, matrices = machine.settings, topology.matrices(machine)
    if len(settings.eta_shifts) != len(matrices):
        raise UserError(
            f"eta_shifts = {list(settings.eta_shifts)} is impossible; this machine has {len(matrices)} weight matrices"
            f"{', the biases included' if machine.biases else ''}, so give as many shifts."
        )
    for index, (shift, matrix) in enumerate(zip(settings.eta_shifts, matrices, strict=True)):
        if shift not in matrix.eta_shifts:
            raise UserError(
                f"eta_shifts[{index}] = {shift} is outside this machine's range; with weights {matrix.weight} give "
                f"{matrix.shift_base} to {matrix.shift_base + UPDATE_SHIFTS - 1}."
            )
    _check_rule(machine, topology)
    if settings.settled_only and not machine.kernels:
        raise UserError("settled_only = true belongs to a machine with kernels; leave it out.")
    topology.check_settings(settings)
    _check_order(machine, topology)


def _check_rule(machine: MachineFields, topology: Topology) -> None:
    """Refuse a rule that the machine's topology, its hardware or its storage has not, and what does not go with it."""
    settings, rule, possible = machine.settings, RULES[machine.settings.rule], rules_of(machine)
    if topology.name not in rule.topologies:
        raise UserError(
            f"rule = {settings.rule} belongs to a {' or '.join(rule.topologies)} machine; a "
            f"{topology.name} one learns by {' or '.join(one.name for one in possible)}, so leave it out."
        )
    if rule.asymmetric != machine.asymmetric:
        storage = "a weight for each direction" if machine.asymmetric else "one weight for both directions"
        raise UserError(
            f"rule = {settings.rule} does not go with {storage} (asymmetric = {str(machine.asymmetric).lower()} under "
            f"[machine]); such a machine learns by {' or '.join(one.name for one in possible)}."
        )
    if rule.every_step and settings.nudge == CENTRED:
        raise UserError(
            f"nudge = {CENTRED} does not go with rule = {settings.rule}, which compares each step with the one before; give "
            "another nudge."
        )


def _check_order(machine: MachineFields, topology: Topology) -> None:
    """Refuse an order or a step that the machine's hardware has not, or that its topology or its rule has no use for."""
    settings = machine.settings
    if settings.order not in (TOGETHER, topology.order):
        raise UserError(
            f"order = {settings.order} is impossible in a {topology.name} machine; give {TOGETHER} or {topology.order}."
        )
    wanted = needed(settings)
    asked = [f"{name} = {getattr(settings, name)}" for name, _ in wanted]
    if asked and RULES[settings.rule].second is Second.SIDE:
        raise UserError(
            f"{asked[0]} does not go with rule = {settings.rule}, whose networks step together by 1/2 and have no nudge; leave "
            "it out."
        )
    for name, field in wanted:
        if not getattr(machine, field):
            raise UserError(
                f"{name} = {getattr(settings, name)} needs hardware that not every machine has; write {field} = true under "
                "[machine]."
            )


def fine_words(words: int, machine: MachineFields) -> int:
    """Memory words of ``lanes`` bytes that the fine bits of ``words`` take: half a byte a weight, or a whole one."""
    if not machine.fine_bits:
        return 0
    return -(-words // 2) if machine.fine_bits <= NIBBLE else words


def check_memory(machine: MachineFields, topology: Topology, words: int) -> None:
    """Refuse weights, in ``words``, that the board cannot hold."""
    widest = max(matrix.weight.bits for matrix in topology.matrices(machine))
    needed = (words * -(-widest // 8) + fine_words(words, machine) + words * machine.wires) * machine.lanes
    if needed > machine.memory_bytes:
        raise UserError(
            f"memory_bytes = {machine.memory_bytes} is too small for this machine's weights, which need {needed}; "
            "give fewer neurons, cut diagonals, or a board with more memory."
        )
