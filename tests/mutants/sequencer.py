"""Faults of sequencer, inputs and of how the machine is put together."""

from tests.mutants.mutant import BIASES, DEEP, LAYERED, LEARNING, ONE_BLOCK, SERIAL_LAYERED, SETTLING, SIDE, Mutant

MUTANTS = (
    Mutant(
        "sequencer: stale activities, the halves never swap",
        "sequencer.py",
        "self.half.eq(~self.half)",
        "self.half.eq(self.half)",
        LEARNING,
    ),
    Mutant(
        "sequencer: stale activities in a serial machine, the banks never swap",
        "sequencer.py",
        "bank.eq(self.new)",
        "bank.eq(bank)",
        SERIAL_LAYERED,
    ),
    Mutant(
        "sequencer: a step overwrites the activities it reads",
        "sequencer.py",
        "self.new.eq(Mux(starts, 1, bank))",
        "self.new.eq(self.new)",
        SERIAL_LAYERED,
    ),
    Mutant(
        "sweep table: last row skipped",
        "sweep_table.py",
        '"more": sweep.rows - 1',
        '"more": max(0, sweep.rows - 2)',
        LEARNING,
    ),
    Mutant(
        "sequencer: early stop one step late",
        "sequencer.py",
        "over = self.enough | (settings.stop_when_settled[0] & ~self.moved)",
        "late = Signal(init=1)\n        m.d.sync += late.eq(self.moved)\n"
        "        over = self.enough | (settings.stop_when_settled[0] & ~late)",
        SETTLING,
    ),
    Mutant(
        "sequencer: early stop never happens",
        "sequencer.py",
        "settings.stop_when_settled[0] & ~self.moved",
        "0",
        SETTLING,
    ),
    Mutant(
        "sequencer: a phase takes one step too many",
        "sequencer.py",
        "(self.done >= Mux(phase,",
        "(self.done > Mux(phase,",
        LEARNING,
    ),
    Mutant(
        "sequencer: the input stays on in recall", "sequencer.py", "(program == Program.LEARN) | ~phase", "1", LEARNING
    ),
    Mutant(
        "machine: tolerance ignored", "machine.py", "tolerance.eq(self.settings.tolerance)", "tolerance.eq(0)", SETTLING
    ),
    Mutant(
        "machine: columns of another block",
        "machine.py",
        "column_block.eq(columns.block)",
        "column_block.eq(columns.row_block)",
        LEARNING,
    ),
    Mutant(
        "machine: update from one phase only",
        "machine.py",
        "(operation.action == Action.PROGRAM) & (operation.second ^ turned) & ~operation.pixels",
        "Const(0)",
        LEARNING,
    ),
    Mutant(
        "sequencer: the side network starts from what the last pattern left",
        "sequencer.py",
        "starts | (self.side & (self.steps[1] == 0))",
        "starts",
        SIDE,
    ),
    Mutant(
        "sequencer: the side network's step ends before its last state",
        "sequencer.py",
        "Mux(self.side, timing.side_drain, timing.step_drain)",
        "timing.step_drain",
        SIDE,
    ),
    Mutant(
        "machine: the side network's update is not symmetric",
        "machine.py",
        "self._by_side() & self._frees(columns, 1)",
        "Const(0)",
        SIDE,
    ),
    Mutant("inputs: a row that is not zero is skipped", "inputs.py", "(pixel != 0)", "(pixel > 1)", LAYERED),
    Mutant(
        "inputs: the pixels of a byte in the wrong order",
        "inputs.py",
        "pixel = bits[: spec.pixel_bits]",
        "pixel = bits[-spec.pixel_bits :]",
        LAYERED,
    ),
    Mutant(
        "sequencer: an update that is needed is skipped",
        "sequencer.py",
        "settings.skip[0] & ~alters",
        "settings.skip[0]",
        LAYERED,
    ),
    Mutant("sequencer: an update is never skipped", "sequencer.py", "settings.skip[0] & ~alters", "Const(0)", LAYERED),
    Mutant(
        "sequencer: columns are read before the sums along the rows are back",
        "sequencer.py",
        "driven | table.sweep.waits",
        "driven",
        DEEP,
    ),
    Mutant(
        "sequencer: a step starts before the inputs' currents are kept",
        "sequencer.py",
        "driven | table.sweep.waits",
        "table.sweep.waits",
        ONE_BLOCK,
    ),
    Mutant(
        "machine: feedback read from the wrong layer",
        "machine.py",
        "neurons.row_block.eq(sequencer.operation.row_block)",
        "neurons.row_block.eq(sequencer.operation.block)",
        LAYERED,
    ),
    Mutant(
        "inputs: the biases' input one too small",
        "inputs.py",
        '"pixel": self.spec.brightest',
        '"pixel": self.spec.brightest - 1',
        BIASES,
    ),
)
