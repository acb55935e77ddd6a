"""The spaces that READ and WRITE reach, and their sizes."""

from enum import IntEnum

from ohmprop.model.link.records import Counters
from ohmprop.model.link.registers import PulseRegisters, PulseRequest, SettingsRegisters
from ohmprop.model.spec import MachineSpec


class Space(IntEnum):
    """What READ and WRITE reach; a word is ``lanes`` bytes in those that are WIDE, one byte in the others."""

    WEIGHTS = 0  #: the crossbar's words (model/layout), signed bytes
    STATES = 1  #: the neurons' states, one word per block, signed bytes; read only
    SETTINGS = 2  #: Settings, then the LFSR
    COUNTERS = 3  #: Counters; read only
    SIDE = 4  #: the side network's states, two words per block, low and then high bytes; recurrent only, read only
    # The rest only in a machine with a pulse unit (model/link/pulses.py).
    DEVICE = 5  #: PulseRegisters
    STEPS = 6  #: the step tables, four bytes an entry; write only
    STUCK = 7  #: a word for each of WEIGHTS, whose bytes are 1 where the cell is stuck; write only
    PULSES = 8  #: each matrix's counters of pulses, 16 bytes a matrix; read only
    PROGRAM = 9  #: PulseRequest, executed when its last byte is written; write only
    # Only in a machine with fine bits.
    FINE = 10  #: a word for each of WEIGHTS with the weights' fine bits, signed bytes of which fine_bits count
    # Only in a machine whose cells have factors of its wires.
    FACTORS = 11  #: a word for each of WEIGHTS, signed bytes (model/memristors/wires.py)


#: Spaces whose words are ``lanes`` bytes; those that cannot be written; those that cannot be read.
WIDE = (Space.WEIGHTS, Space.STATES, Space.SIDE, Space.STUCK, Space.FINE, Space.FACTORS)
READ_ONLY = (Space.STATES, Space.COUNTERS, Space.SIDE, Space.PULSES)
WRITE_ONLY = (Space.STEPS, Space.STUCK, Space.PROGRAM)
#: Those of the pulse unit.
OF_DEVICES = (Space.DEVICE, Space.STEPS, Space.STUCK, Space.PULSES, Space.PROGRAM)
#: Bytes of an entry of STEPS, and of a matrix's counters in PULSES.
STEP_BYTES, PULSE_BYTES = 4, 16


def weight_spaces(spec: MachineSpec) -> tuple[Space, ...]:
    """The spaces that hold the weights."""
    return (Space.WEIGHTS, Space.FINE) if spec.fine_bits else (Space.WEIGHTS,)


def cell_spaces(spec: MachineSpec) -> tuple[Space, ...]:
    """The spaces that the crossbar's memories hold: the weights, and the factors of its wires."""
    return weight_spaces(spec) + ((Space.FACTORS,) if spec.wires else ())


def space_words(spec: MachineSpec) -> dict[Space, int]:
    """Words of each space that the machine has, in the order of their codes."""
    layout = spec.layout
    sizes = {
        Space.WEIGHTS: layout.words,
        Space.STATES: layout.blocks,
        Space.SETTINGS: SettingsRegisters.size(),
        Space.COUNTERS: Counters.size(),
        Space.SIDE: 2 * layout.blocks if spec.recurrent else 0,
    }
    if spec.pulses:
        sizes |= {
            Space.DEVICE: PulseRegisters.size(),
            Space.STEPS: 2 * STEP_BYTES << spec.weight.bits,
            Space.STUCK: layout.words,
            Space.PULSES: PULSE_BYTES * len(spec.matrices),
            Space.PROGRAM: PulseRequest.size(),
        }
    cells = dict.fromkeys(cell_spaces(spec), layout.words)
    # Spaces that the machine has not, whose codes lie between, are empty.
    return dict.fromkeys(list(Space)[: max(*sizes, *cells) + 1], 0) | sizes | cells
