"""The fields of a machine, and the numbers that follow from them by plain arithmetic. Nothing is checked here."""

from dataclasses import dataclass
from typing import Any

from ohmprop.model.formats import Converter, Format
from ohmprop.model.spec.optional import optional
from ohmprop.model.spec.settings import Settings

#: Bytes of a slot of the store, and those of a store that is an SDRAM chip; some boards have larger ones.
SLOT_BYTES, SDRAM_BYTES = 256, 1 << 25
#: The factor that a crossbar's wires make of a cell is a signed byte, 2**WIRE_BITS times what it is more than 1, so that 0 is an
#: ideal wire; the largest byte.
WIRE_BITS, MOST_FACTOR = 6, 127
#: Default of the fields whose default depends on the topology; no machine keeps it.
BY_TOPOLOGY: Any = None


@dataclass(frozen=True)
class MachineFields:
    """What a machine is described by.

    Members
    -------
    layers : unit counts. One entry is a recurrent layer in which every unit is input and output (2 to 256 units).
        Otherwise inputs (1 to 1024), one to three hidden layers (1 to 512 each) and outputs (2 to 64), each connected
        with the next: a layered machine.
    lanes : column multipliers that work side by side, 1 to 128.
    cut_diagonals : K outer diagonals of the weight matrix are absent (Zoppo, Marrone, Corinto 2020, Fig. 2);
        N*N - K*(K+1) - N synapses remain, self weights being absent always. Recurrent machines only.
    pixel_bits : an input of p bits (1, 4 or 8) stands for 0 to 1 - 2**-p. Layered machines only.
    input_weight : format of the weights of inputs and biases. Layered machines only.
    biases : every neuron has a weight from one more input, which stands at 1 - 2**-p always. Layered machines only.
    weight, state, activity, accumulator : number formats (docs/arithmetic.md), by default those of the topology; the
        accumulator is by default as wide as the machine's worst sum takes, and at least 24 bits.
    input_level : the clamped input of a white pixel, in LSBs of the state; a black one has the negative. Recurrent only.
    target_level : the target of a white pixel, in LSBs of the activity; a black one has the negative. Recurrent only.
    side : format of the side network's states, which recurrent backpropagation relaxes. Recurrent only.
    memory_bytes : the weight memory that the board offers.
    serial : one neuron and one synapse unit serve all lanes in turn, and the weight memory has one port: for small
        FPGAs. A block of neurons takes ``lanes`` clocks, and so does a word to program. Such a machine has 8 lanes.
    pulses : the synapses can be pulsed like devices (hw/units/pulse.py); with many lanes a board may have too few
        memories for it.
    fine_bits : low bits, 0 to 8, that a weight has besides those of its format: updates go into them, products are taken
        from the rounded rest. Weights of at most 8 bits only. By default 4 with more than one hidden layer, else 0.
    in_turn : layers, or the blocks of lanes of a recurrent layer, can step in turn, and eps can be 1 (the settings ``order``,
        ``free_eps``, ``nudged_eps``). By default they can with more than one hidden layer.
    nudges : the nudge can have another sign and another size (the settings ``nudge`` and ``beta``).
    continual : the weights can learn after every nudged step (the rule "continual").
    asymmetric : the two directions between two neurons have a weight each (the rule "vector-field").
    sparse : patterns may also come without their zeros, several in a frame (model/link/sparse.py). Layered machines with
        pixels of four bits only.
    adc_bits, adc_range : bits of the converter that each neuron's current passes, 2 to 16, and the units, a power of two, up to
        which it reaches in either direction; 0 bits are no converter.
    dac_bits : bits of the converters through which activities drive the crossbar, fewer than the activities'; with 0 there are
        none.
    kernels : convolutions, a text for each pair of layers that follow each other (model/spec/kernels.py), "full" where all units
        are connected; without any all are. Machines with kernels are learnt by the golden machine alone.
    wires : the crossbar's wires have a resistance: each cell has a factor, which the host writes (model/memristors/wires.py).
        Recurrent machines only, of as many lanes as neurons and at most 64.
    store : bytes in which sparse patterns are kept, to be learnt by their numbers (model/link/stored.py): SDRAM_BYTES, a chip
        beside the FPGA, or fewer in block RAMs.
    clock_hz, baud : the machine's clock and its serial rate.
    settings : run-time defaults; not part of the hash, since they need no new hardware.
    """

    layers: tuple[int, ...] = (100,)
    lanes: int = 32
    cut_diagonals: int = 0
    pixel_bits: int = 4
    input_weight: Format = Format(True, 8, 8)
    biases: bool = optional(False, off=False)
    weight: Format = Format(True, 8, 7)
    state: Format = BY_TOPOLOGY
    activity: Format = BY_TOPOLOGY
    accumulator: Format = BY_TOPOLOGY
    input_level: int = 16
    target_level: int = 127
    side: Format = Format(True, 12, 9)
    memory_bytes: int = 1 << 20
    serial: bool = optional(False, off=False)
    pulses: bool = optional(False, off=False)
    fine_bits: int = optional(BY_TOPOLOGY, off=0)
    in_turn: bool = optional(BY_TOPOLOGY, off=False)
    nudges: bool = optional(False, off=False)
    continual: bool = optional(False, off=False)
    asymmetric: bool = optional(False, off=False)
    sparse: bool = optional(False, off=False)
    adc_bits: int = optional(0, off=0)
    adc_range: int = optional(4, off=4)
    dac_bits: int = optional(0, off=0)
    kernels: tuple[str, ...] = optional((), off=())
    wires: bool = optional(False, off=False)
    store: int = optional(0, off=0)
    clock_hz: int = 4_000_000
    baud: int = 1_000_000
    settings: Settings = BY_TOPOLOGY

    # -- units ---------------------------------------------------------------------------------------------------

    @property
    def recurrent(self) -> bool:
        """One recurrent layer; if false, a layered machine."""
        return len(self.layers) == 1

    @property
    def neurons(self) -> int:
        """Units that have a state: all of a recurrent layer, all but the inputs of a layered machine."""
        return self.layers[0] if self.recurrent else sum(self.layers[1:])

    @property
    def inputs(self) -> int:
        """Pixels of a pattern."""
        return self.layers[0]

    @property
    def outputs(self) -> int:
        """Units that have a target."""
        return self.layers[-1]

    @property
    def reach(self) -> int:
        """Units i and j of a recurrent layer are connected if 1 <= abs(i - j) <= reach."""
        return self.neurons - 1 - self.cut_diagonals

    # -- arithmetic ----------------------------------------------------------------------------------------------

    @property
    def weight_limit(self) -> int:
        """Weights saturate at plus and minus this, so that the format is symmetric."""
        return self.weight.high

    @property
    def activity_limit(self) -> int:
        """Activities lie within plus and minus this; those of a layered machine are not negative."""
        return self.activity.high

    @property
    def white(self) -> float:
        """Where an input of the brightest pixel stands, and that of the biases: 1 - 2**-pixel_bits."""
        return self.brightest / (1 << self.pixel_bits)

    @property
    def brightest(self) -> int:
        """The largest pixel, 1 - 2**-pixel_bits; the biases' input stands at it."""
        return (1 << self.pixel_bits) - 1

    @property
    def sdram(self) -> bool:
        """The store is an SDRAM chip."""
        return self.store == SDRAM_BYTES

    @property
    def adc(self) -> Converter:
        """What converts a neuron's current, at the accumulator's binary point."""
        if not self.adc_bits:
            return Converter()
        half = 1 << self.adc_bits - 1
        return Converter(self.accumulator.fraction + self.adc_range.bit_length() - self.adc_bits, -half, half - 1)

    @property
    def wire_bits(self) -> int:
        """Low bits that currents have besides, through wires with factors; they are rounded away."""
        return WIRE_BITS if self.wires else 0

    @property
    def dac(self) -> Converter:
        """What converts an activity that drives the crossbar."""
        if not self.dac_bits:
            return Converter()
        high = (1 << self.dac_bits - self.activity.signed) - 1
        return Converter(self.activity.bits - self.dac_bits, -high if self.activity.signed else 0, high)

    @property
    def leak_shift(self) -> int:
        """Left shift that brings a state to the accumulator's binary point."""
        return self.accumulator.fraction - self.state.fraction

    @property
    def nudge_shift(self) -> int:
        """Left shift that brings an activity to the accumulator's binary point; beta is 1."""
        return self.accumulator.fraction - self.activity.fraction

    @property
    def euler_shift(self) -> int:
        """Right shift from the accumulator to a state's increment: the step is eps = 1/2."""
        return self.leak_shift + 1

    @property
    def drive_shift(self) -> int:
        """Left shift that brings the inputs' current to the accumulator's binary point; if negative, a right shift."""
        return self.accumulator.fraction - self.input_weight.fraction - self.pixel_bits

    @property
    def side_error_shift(self) -> int:
        """Left shift that brings an activity to the binary point of the side network's currents, weight times state."""
        return self.weight.fraction + self.side.fraction - self.activity.fraction

    @property
    def side_update_shift(self) -> int:
        """Right shift from the side network's products of an update to those of EP; their mean takes one bit of it."""
        return 1 + self.side.fraction - self.activity.fraction
