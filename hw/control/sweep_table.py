"""The table of sweeps: what the sequencer goes through, as operations."""

from typing import Any

from amaranth import Module
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import Action, operation_layout
from ohmprop.model.layout import Kind, Sweep, bits_for
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import taken


class SweepTable(wiring.Component):
    """The layout's sweeps as operations: those of the inputs, of a step, and of an update.

    Latency one clock from ``index`` to ``sweep``.
    """

    def __init__(self, spec: MachineSpec):
        layout = spec.layout
        self.spec = spec
        inputs = layout.reading
        self.sweeps = inputs + layout.step + layout.program
        self.step, self.update = len(inputs), len(inputs) + len(layout.step)  #: where these lists begin
        first_turn = sum(sweep.target in layout.turns[0] for sweep in layout.step)
        self.nudged = self.step + (first_turn if layout.nudged_turn else 0)  #: where a nudged step begins, in turn
        rows = max(sweep.rows for sweep in self.sweeps)
        timing = spec.timing
        self.pauses = [pause for part in (inputs, layout.step, layout.program) for pause in timing.pauses(part)]
        self.taken = [taken(part, at) for part in (inputs, layout.step, layout.program) for at in range(len(part))]
        self.entry = data.StructLayout(
            {
                "operation": operation_layout(spec),  # for the sweep's first row
                "more": max(1, bits_for(rows)),  # rows after the first; of the inputs, all are as many as are read
                "last_row": 1,  # no row, or the last one
                "pause": max(1, bits_for(1 + max(self.pauses))),  # clocks before the sweep (Timing.pauses)
                "waits": 1,  # there are such
                "ends": 1,  # last sweep of its list
                **({"turns": 1} if spec.in_turn else {}),  # last sweep of a turn
            }
        )
        super().__init__({"index": In(range(len(self.sweeps) + 1)), "sweep": Out(self.entry)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        entries = [self._entry(index, sweep) for index, sweep in enumerate(self.sweeps)]
        # Yosys would rather make logic of a short list, which is larger, and slower at its address.
        m.submodules.table = table = Memory(
            shape=self.entry, depth=len(entries), init=entries, attrs={"ram_style": "block"}
        )
        read = table.read_port()
        m.d.comb += [read.addr.eq(self.index), self.sweep.eq(read.data)]
        return m

    def _entry(self, index: int, sweep: Sweep) -> dict[str, Any]:
        lanes = self.spec.lanes
        row = 0 if sweep.pixels else sweep.row
        drives = self.spec.biases or (not self.spec.recurrent and sweep.target in self.spec.layout.layer_blocks[0])
        previous = self.sweeps[index - 1] if index not in (0, self.step, self.update) else None
        # The first sums along the rows, which a serial machine keeps apart from those along the columns.
        starts = previous is None or (previous.kind, previous.target) != (Kind.READ_ROWS, sweep.target)
        return {
            "operation": {
                "valid": 1,
                "action": Action(sweep.kind),
                # Of the inputs, the address of number 0's word, to which the number is added.
                "address": sweep.address - sweep.row if sweep.pixels else sweep.address,
                "row_block": row // lanes,
                "row_lane": row % lanes,
                "block": sweep.block,
                "offset": row - sweep.block * lanes if self.spec.recurrent else 0,
                "matrix": sweep.matrix,
                "pixels": sweep.pixels,
                "input": sweep.row if sweep.pixels else 0,
                "clear": sweep.clear if sweep.kind != Kind.READ_ROWS or not self.spec.serial else starts,
                "taken": self.taken[index],
                "driven": drives and sweep.clear and not sweep.pixels,
                "fires": sweep.fires,
                "target": sweep.target,
            },
            "more": sweep.rows - 1,
            "last_row": sweep.rows == 1,
            "pause": self.pauses[index],
            "waits": self.pauses[index] > 0,
            "ends": index in (self.update - 1, len(self.sweeps) - 1),
            **({"turns": self._turns(index)} if self.spec.in_turn else {}),
        }

    def _turns(self, index: int) -> bool:
        """Whether a sweep of a step is the last of its turn."""
        of = {block: number for number, blocks in enumerate(self.spec.layout.turns) for block in blocks}
        here, after = self.sweeps[index], self.sweeps[index + 1] if index + 1 < len(self.sweeps) else None
        in_step = self.step <= index < self.update
        return in_step and (after is None or index + 1 == self.update or of[here.target] != of[after.target])
