"""What the command processor and the machine say to each other, and what the machine says to its datapath."""

from amaranth.lib import data, enum
from amaranth.lib.wiring import In, Member, Out, Signature

from ohmprop.hw.shapes.operation import drawn_layout, operation_layout
from ohmprop.hw.shapes.pulses import noise_signature, pulses_signature
from ohmprop.model.layout import bits_for
from ohmprop.model.link.packing import block_bytes, input_bytes
from ohmprop.model.link.records import Counters
from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import UPDATE_SHIFTS, MachineSpec

#: Counters that the machine itself keeps.
MACHINE_COUNTERS = ("busy_clocks", "steps", "learnt", "recalled", "rows_skipped", "updates_skipped")


class Program(enum.Enum, shape=1):  # type: ignore[call-arg]
    """What to do with the loaded pattern."""

    LEARN = 0
    RECALL = 1


def settings_layout() -> data.StructLayout:
    """The run-time settings as one struct, made of the registers of the link; the LFSR has ports of its own."""
    widths = SettingsRegisters.widths()
    return data.StructLayout({name: 8 * width for name, width in widths.items() if name != "lfsr"})


def counters_layout() -> data.StructLayout:
    """The counters that the machine itself keeps."""
    widths = Counters.widths()
    return data.StructLayout({name: 8 * widths[name] for name in MACHINE_COUNTERS})


def events_layout(spec: MachineSpec) -> data.StructLayout:
    """The growth of each of those counters in one clock."""
    return data.StructLayout(
        {name: bits_for(spec.inputs) if name == "rows_skipped" else 1 for name in MACHINE_COUNTERS}
    )


def phase_signature() -> Signature:
    """What is on, seen from the sequencer; it holds during a step, unless it is said to be one clock."""
    return Signature(
        {
            "begins": Out(1),  #: one clock: a run begins
            "watch": Out(1),  #: one clock: a step begins, the run's first one among them
            "stepped": Out(1),  #: one clock: a step is complete; the next one reads what it wrote
            #: With ``stepped`` and during the step: what it reads is what the update compares with; what the free phase ended
            #: with or, where weights learn in every nudged step, what the step before did.
            "branches": Out(1),
            "fresh": Out(1),  #: first step of a run, or of the side network
            "whole": Out(1),  #: the step's eps is 1
            "driven": Out(1),  #: the input is on
            "nudged": Out(1),  #: the nudge is on
            "side": Out(1),  #: the side network steps
            #: In a machine whose neurons can step in turn:
            "in_turn": Out(1),  #: they do, and what a step writes takes the place of what it reads
            "turn": Out(8),  #: turns of the running step that are over
            "second": Out(1),  #: the second phase is on, or its update
            "early": Out(1),  #: a phase's first step, or any that compares itself with the one before
            #: In a machine that can learn in every nudged step:
            "swapped": Out(1),  #: what neurons in turn write and what the update compares with have changed places
            #: In a machine whose nudge can have another sign and size; they hold from the nudged phase to the update's end:
            "negative": Out(1),  #: the nudge draws away from the targets
            "beta_shift": Out(2),  #: its size is 2 to minus this
        }
    )


def host_ports(spec: MachineSpec) -> dict[str, Member]:
    """Patterns in, cells and states in and out, seen from the command processor, which asks while nothing runs."""
    layout = spec.layout
    block = max(1, layout.block_bits)
    byte = max(1, bits_for(block_bytes(spec)), 0 if spec.recurrent else bits_for(input_bytes(spec)))
    return {
        #: One clock: byte ``load_byte`` of block ``load_block`` of the input (0) or the target (1) is ``load_bits``. A
        #: layered machine's input is one block of packed pixels and comes in its order.
        "load": Out(1),
        "load_target": Out(1),
        "load_block": Out(block),
        "load_byte": Out(byte),
        "load_bits": Out(8),
        #: One clock: read or write one cell; ``access_read`` is valid Timing.access clocks later.
        "access": Out(1),
        "access_space": Out(Space),
        "access_write": Out(1),
        "access_address": Out(16),
        "access_lane": Out(max(1, layout.lane_bits)),
        "access_data": Out(8),
        "access_read": In(8),
        #: Which states are positive, eight lanes at a time; ``sign_bits`` follows its address after three clocks.
        "sign_block": Out(block),
        "sign_byte": Out(byte),
        "sign_bits": In(8),
    }


def datapath_signature(spec: MachineSpec) -> Signature:
    """Crossbar and neurons, of either arrangement, seen from the machine.

    A datapath does what is issued to it, Timing.columns or Timing.rows clocks later, and has no reset but that of ``moved``
    and ``changed``.
    """
    return Signature(
        {
            "phase": Out(phase_signature()),
            "moved": In(1),  #: since ``watch`` a state has moved by more than the tolerance
            "changed": In(1),  #: since ``watch`` a state has moved
            "issued": Out(operation_layout(spec)),  #: the sequencer's words
            "operation": Out(
                operation_layout(spec)
            ),  #: the same Timing.placing clocks later, the inputs' with their row
            "pixel": Out(8),  #: the value of its input; layered machines only
            "tolerance": Out(7),  #: largest move of a settled state, in its LSBs
            "shifts": Out(data.ArrayLayout(bits_for(UPDATE_SHIFTS), len(spec.matrices))),  #: each matrix's update shift
            "by_side": Out(1),  #: the update is that of the side network
            "random_bytes": Out(drawn_layout(spec)),  #: the drawn bytes; constant during an update
            "access_done": Out(1),  #: one clock: the host's access is over
            **host_ports(spec),
            **({"pulses": Out(pulses_signature(spec)), "noise": Out(noise_signature(spec))} if spec.pulses else {}),
        }
    )


def machine_signature(spec: MachineSpec) -> Signature:
    """Ports of the machine, seen from the command processor (``In`` there is ``Out`` at the machine).

    The command processor makes one request at a time: it raises ``start``, ``load`` or ``access`` only while ``busy``
    is low and no access is pending; but a machine with a store loads the next pattern's input while one runs.
    """
    return Signature(
        {
            #: One clock: run ``program`` on the loaded pattern. ``busy`` is high from the next clock but one, or with a store
            #: that but two, to the end.
            "start": Out(1),
            "program": Out(Program),
            "busy": In(1),
            "settings": Out(settings_layout()),
            #: Steps of the run's first and second phase and its clocks; hold until the next start.
            "steps": In(data.ArrayLayout(8, 2)),
            "clocks": In(32),
            #: What it counts; of a serial machine the events, which are counted elsewhere (hw/link/counter_memory.py).
            **({"events": In(events_layout(spec))} if spec.serial else {"counters": In(counters_layout())}),
            #: The random register; ``lfsr_load`` replaces it with ``lfsr_next`` in one clock.
            "lfsr": In(32),
            "lfsr_load": Out(1),
            "lfsr_next": Out(32),
            "load_ready": In(1),  #: ``load`` may come in the next clock
            #: In a machine that takes sparse patterns: the pattern is one; its last byte was that of the ``load`` two clocks ago.
            **({"load_sparse": Out(1), "load_ended": In(1)} if spec.sparse else {}),
            "access_done": In(1),  #: one clock: ``access_read`` answers ``access``
            **host_ports(spec),
        }
    )
