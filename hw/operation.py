"""What the sequencer issues to the crossbar: one word of a sweep."""

from amaranth import signed, unsigned
from amaranth.lib import data, enum

from model.layout import Kind, Layout, bits_for
from model.spec import MachineSpec


class Action(enum.Enum, shape=2):
    """The sweeps' kinds as the hardware knows them."""

    READ_COLUMNS = Kind.READ_COLUMNS
    READ_ROWS = Kind.READ_ROWS
    PROGRAM = Kind.PROGRAM


def block_shape(spec: MachineSpec):
    """Number of a column block."""
    return unsigned(max(1, Layout(spec).block_bits))


def lane_shape(spec: MachineSpec):
    """Number of a lane."""
    return unsigned(max(1, Layout(spec).lane_bits))


def address_shape(spec: MachineSpec):
    """Address of a weight word."""
    return unsigned(max(1, bits_for(Layout(spec).words)))


def offset_shape(spec: MachineSpec):
    """Distance of a row from a block's first column."""
    return signed(bits_for(spec.neurons + spec.lanes) + 1)


def operation_layout(spec: MachineSpec) -> data.StructLayout:
    """One issued word. A word to program is issued twice, once for each phase's product."""
    return data.StructLayout(
        {
            "valid": 1,  # there is a word
            "action": Action,  # what to do with it
            "second": 1,  # programming: the free phase's product, which is subtracted and ends the word
            "address": address_shape(spec),  # its address in the weight memory
            "row_block": block_shape(spec),  # its row's neuron: block
            "row_lane": lane_shape(spec),  # and lane
            "block": block_shape(spec),  # its column block
            "offset": offset_shape(spec),  # its row's number less the block's first column's
            "clear": 1,  # the accumulators start anew with it
            "fires": 1,  # after it the neurons of ``target`` step
            "target": block_shape(spec),  # whose currents these are
        }
    )
