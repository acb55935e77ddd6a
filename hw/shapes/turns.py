"""What neurons that step in turn read: the layout's turns as the hardware knows them."""

from amaranth import Const
from amaranth.hdl import Value
from amaranth.lib import data

from ohmprop.model.spec import MachineSpec


def awaits_turn(spec: MachineSpec, phase: data.View, block: Value) -> Value:
    """In a phase's first step: the neurons of a block have no values of this phase yet.

    Without turns none has. The blocks of a recurrent layer step one after the other; a layer is only read by those next to
    it, which step in the other turn.
    """
    if not spec.in_turn:
        return Const(1)
    return block >= phase.turn if spec.recurrent else phase.turn == 0
