"""One word of a sweep, as the sequencer issues it to the crossbar."""

from amaranth import Cat, Const, Mux, signed, unsigned
from amaranth.hdl import Shape, Value
from amaranth.lib import data, enum

from ohmprop.model.layout import Kind, bits_for
from ohmprop.model.spec import DITHER_BITS, MachineSpec


class Action(enum.Enum, shape=2):  # type: ignore[call-arg]
    """The sweeps' kinds as the hardware knows them."""

    READ_COLUMNS = Kind.READ_COLUMNS
    READ_ROWS = Kind.READ_ROWS
    PROGRAM = Kind.PROGRAM


def block_shape(spec: MachineSpec) -> Shape:
    """Number of a column block."""
    return unsigned(max(1, spec.layout.block_bits))


def lane_shape(spec: MachineSpec) -> Shape:
    """Number of a lane."""
    return unsigned(max(1, spec.layout.lane_bits))


def address_shape(spec: MachineSpec) -> Shape:
    """Address of a weight word."""
    return unsigned(max(1, bits_for(spec.layout.words)))


def offset_shape(spec: MachineSpec) -> Shape:
    """Distance of a row from a block's first column."""
    return signed(bits_for(spec.neurons + spec.lanes) + 1)


def input_shape(spec: MachineSpec) -> Shape:
    """Number of an input of a layered machine; the biases' one comes after the pixels."""
    return unsigned(max(1, bits_for(spec.inputs + spec.biases)))


def activity_shape(spec: MachineSpec) -> Shape:
    """An activity: signed in a recurrent layer, where it is a tanh; unsigned in a layered machine."""
    return signed(spec.activity.bits) if spec.activity.signed else unsigned(spec.activity.bits)


def value_shape(spec: MachineSpec) -> Shape:
    """The value that drives a row or a column: an activity or, in a recurrent layer, a state of the side network."""
    return signed(max(spec.activity.bits, spec.side.bits)) if spec.recurrent else activity_shape(spec)


def row_shape(spec: MachineSpec) -> Shape:
    """The value of a row at the lanes: as it is or, where an update can change sign, that or its negative."""
    value = value_shape(spec)
    return signed(value.width + 2) if spec.nudges else value


def drawn_layout(spec: MachineSpec) -> data.ArrayLayout:
    """One random byte for each bit of a row's code: lane bits below, block bits above, then the bit that marks an input."""
    return data.ArrayLayout(DITHER_BITS, spec.layout.code_bits)


def operation_layout(spec: MachineSpec) -> data.StructLayout:
    """One issued word. A word to program is issued twice, once for each phase's product."""
    return data.StructLayout(
        {
            "valid": 1,  # there is a word
            "action": Action,  # what to do with it
            "second": 1,  # programming: the other product of the word, which ends it
            "address": address_shape(spec),  # its address in the weight memory
            "row_block": block_shape(spec),  # its row's neuron: block
            "row_lane": lane_shape(spec),  # and lane
            "block": block_shape(spec),  # its column block
            "offset": offset_shape(spec),  # its row's index minus that of the block's first column
            "matrix": max(1, bits_for(len(spec.matrices))),  # its matrix
            "pixels": 1,  # its row is an input or the biases', and no neuron
            "input": input_shape(spec),  # that input; before hw/control/inputs.py, its place among those that are read
            "clear": 1,  # the accumulators start from zero with it
            "driven": 1,  # and from what inputs and biases drive into ``target``
            "taken": 1,  # in a serial machine the accumulators are complete with it (ohmprop.model.timing.taken)
            "fires": 1,  # after it the neurons of ``target`` step; with ``pixels``, their currents are kept as a drive
            "target": block_shape(spec),  # whose currents these are
        }
    )


def row_code(spec: MachineSpec, operation: data.View) -> Value:
    """Number of a word's row from which its random bytes are made (Layout.row_codes, Layout.input_codes)."""
    layout = spec.layout
    neuron = Cat(operation.row_lane[: layout.lane_bits], operation.row_block[: layout.block_bits])
    if spec.asymmetric:
        neuron = Cat(neuron[-1:], neuron[:-1], Const(0, layout.input_bits - layout.neuron_bits), 1)
    return neuron if spec.recurrent else Mux(operation.pixels, (1 << layout.input_bits) | operation.input, neuron)
