"""What every datapath does with its neurons and its row values, whatever its arrangement."""

from collections.abc import Sequence
from typing import Any

from amaranth import Module, Mux
from amaranth.lib import wiring

from ohmprop.hw.shapes.operation import Action
from ohmprop.hw.shapes.signatures import datapath_signature
from ohmprop.hw.units.converter import converted
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.spec import MachineSpec


class Datapath(wiring.Component):
    """Crossbar and neurons behind one signature; an arrangement builds them.

    Latencies are those of ohmprop.model.timing.Timing. Reset: no state has moved; weights and states keep what they hold.
    """

    def __init__(self, spec: MachineSpec):
        self.spec, self.timing = spec, spec.timing
        super().__init__(datapath_signature(spec).flip())

    def _connect(self, m: Module, crossbar: Any, neurons: Any) -> None:
        """The machine's settings, patterns and phases to crossbar and neurons, and what the neurons say of their states."""
        m.d.comb += [
            crossbar.operation.eq(self.operation),
            *(shift.eq(own) for shift, own in zip(crossbar.shifts, self.shifts, strict=True)),
            crossbar.random_bytes.eq(self.random_bytes),
            crossbar.by_side.eq(self.by_side),
            crossbar.negative.eq(self.phase.negative),
            neurons.tolerance.eq(self.tolerance),
            *(
                getattr(neurons, name).eq(getattr(self.phase, name))
                for name in ("watch", "fresh", "whole", "driven", "nudged", "side", "negative", "beta_shift")
            ),
            # A layered machine's input is kept elsewhere (hw/control/inputs.py).
            neurons.load.eq(self.load & (self.load_target | int(self.spec.recurrent))),
            neurons.load_target.eq(self.load_target),
            neurons.load_block.eq(self.load_block),
            neurons.load_bits.eq(self.load_bits),
            self.moved.eq(neurons.moved),
            self.changed.eq(neurons.changed),
        ]

    def _converted(self, m: Module, values: Sequence[Any], late: int) -> list[Any]:
        """Values as they drive the crossbar, ``late`` clocks behind their operation: in a read activities pass converters."""
        if not self.spec.dac.shift:
            return list(values)
        reads = (delayed(m, self.operation, late).action != Action.PROGRAM) & ~self.phase.side
        return [Mux(reads, converted(value, self.spec.dac), value) for value in values]

    def _drive_row(self, m: Module, crossbar: Any, selected: Any) -> None:
        """The row's value: a unit's, which is selected from its block, or that of an input."""
        late, value = self.timing.row_value, selected.as_signed() if self.spec.recurrent else selected
        m.d.comb += crossbar.row_value.eq(self._converted(m, [value], late)[0])
        if not self.spec.recurrent:
            is_pixel, pixel = (delayed(m, value, late) for value in (self.operation.pixels, self.pixel))
            with m.If(is_pixel):
                m.d.comb += crossbar.row_value.eq(pixel)
