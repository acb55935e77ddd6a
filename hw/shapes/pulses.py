"""Interfaces of the pulse units of a machine whose synapses can be pulsed (hw/units/pulse.py)."""

from amaranth import signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, Signature

from ohmprop.hw.shapes.operation import address_shape, drawn_layout
from ohmprop.model.layout import bits_for
from ohmprop.model.link.registers import PULSE_BITS, PulseRegisters
from ohmprop.model.memristors.kernels import NOISY_SETS, READ_SETS
from ohmprop.model.memristors.tables import ENTRY_BITS
from ohmprop.model.spec import DITHER_BITS, MachineSpec

#: Sets of random bytes of an update besides the linear device's: two round the step, two make its noise.
OWN_SETS = NOISY_SETS - 1
#: A current's read noise: 12 bits of amplitude times ``deviate``, exact.
NOISE_BITS = 18
AMPLITUDE_BITS = 12


def device_layout() -> data.StructLayout:
    """The pulse unit's registers as one struct."""
    widths = {name: unsigned(bits) for name, bits in PulseRegisters.used_bits().items()}
    return data.StructLayout(widths | {"low": signed(8), "high": signed(8)})


def request_layout(spec: MachineSpec) -> data.StructLayout:
    """The host's pulses on one cell: the numbers of its row and its column, and pulses up or, if negative, down."""
    layout = spec.layout
    return data.StructLayout({"row": layout.code_bits, "column": layout.neuron_bits, "pulses": signed(PULSE_BITS)})


def entry_write_layout(spec: MachineSpec) -> data.StructLayout:
    """One clock: entry ``entry`` of the step tables, weight below direction, becomes ``step`` and ``noise``."""
    return data.StructLayout({"write": 1, "entry": spec.weight.bits + 1, "step": ENTRY_BITS, "noise": ENTRY_BITS})


def stuck_write_layout(spec: MachineSpec) -> data.StructLayout:
    """One clock: the cells of word ``address`` whose bits of ``cells`` are set are stuck, the others are not."""
    return data.StructLayout({"write": 1, "address": address_shape(spec), "cells": spec.lanes})


def word_counts_layout(spec: MachineSpec) -> data.StructLayout:
    """One clock: pulses of cells of ``matrix``; of all in a word, or of one in a serial machine."""
    most = unsigned(3 if spec.serial else 3 + bits_for(spec.lanes))
    matrix = max(1, bits_for(len(spec.matrices)))
    return data.StructLayout({"valid": 1, "matrix": matrix, "up": most, "down": most, "lost": most})


def pulses_signature(spec: MachineSpec) -> Signature:
    """What a crossbar has to know whose cells can be pulsed, and what it counts, seen from the machine."""
    return Signature(
        {
            "device": Out(device_layout()),  #: constant during an update
            "decays": Out(1),  #: the update is a decay; constant during it
            "by_host": Out(1),  #: the update is the host's ``request``; both constant during it
            "request": Out(request_layout(spec)),
            "table": Out(entry_write_layout(spec)),
            "stuck": Out(stuck_write_layout(spec)),
            "own_bytes": Out(data.ArrayLayout(drawn_layout(spec), OWN_SETS)),  #: drawn bytes of sets 1 to 4; constant
            "counts": In(word_counts_layout(spec)),
        }
    )


def noise_signature(spec: MachineSpec) -> Signature:
    """What the read noise of the currents is made of, seen from the machine."""
    drawn = data.ArrayLayout(DITHER_BITS, drawn_layout(spec).length + 1)
    return Signature(
        {
            "drawn": Out(data.ArrayLayout(drawn, READ_SETS)),  #: drawn bytes; constant during a step
            "amplitude": Out(AMPLITUDE_BITS),  #: constant during a run
        }
    )
