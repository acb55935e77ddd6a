"""What every store looks like, and which one a machine has."""

from typing import Any

from amaranth.lib.wiring import In, Out, Signature

from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SLOT_BYTES

#: Bits of a word, and words of a slot.
WORD_BITS = 16
SLOT_WORDS = 8 * SLOT_BYTES // WORD_BITS
#: Words of the buffer that a record passes through: the longest one's, two slots.
BUFFER_WORDS = 2 * SLOT_WORDS


def store_signature(slots: int) -> Signature:
    """A store, seen from whoever has its records moved between it and a buffer."""
    return Signature(
        {
            #: One clock while ``busy`` is low: move a record. What describes it holds as long as it is busy.
            "start": Out(1),
            "write": Out(1),  #: into the store; else out of it
            "slot": Out(range(slots)),  #: its first one
            "wide": Out(1),  #: it has two slots, the first of which is even
            "busy": In(1),  #: from the clock after ``start`` to its end
            #: The buffer's word ``place`` follows a clock later, or becomes ``taken``.
            "place": In(range(BUFFER_WORDS)),
            "word": Out(WORD_BITS),
            "take": In(1),
            "taken": In(WORD_BITS),
        }
    )


def slots_of(spec: MachineSpec) -> int:
    """Slots of a machine's store."""
    return spec.store // SLOT_BYTES


def words_less_one(wide: Any) -> Any:
    """The last word of a record in the buffer."""
    return (SLOT_WORDS - 1) | wide << (SLOT_WORDS - 1).bit_length()
