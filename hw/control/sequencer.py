"""The sequencer: turns the table's sweeps into operations, step after step, phase after phase, and counts."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.control.random import set_bytes
from ohmprop.hw.control.sweep_table import SweepTable
from ohmprop.hw.serial.neurons import DARK, bank_shape
from ohmprop.hw.shapes.operation import Action, input_shape, operation_layout
from ohmprop.hw.shapes.pulses import device_layout
from ohmprop.hw.shapes.rules import by_side
from ohmprop.hw.shapes.signatures import MACHINE_COUNTERS, Program, counters_layout, events_layout, settings_layout
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.memristors.kernels import NOISY_SETS, READ_SETS, SETS
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import DRIVE

#: Further ports of a machine with a pulse unit.
PULSE_PORTS = {
    "device": In(device_layout()),
    "rewritten": In(1),  #: one clock: the device is another one
    "decays": Out(1),  #: the update is a decay
    "requested": In(1),  #: one clock while not busy: give the host's pulses, if the cells are devices
    "by_host": Out(1),  #: the update is the host's pulses
}
#: The sets of random bytes: of the linear device and of pulses without and with noise, of a decay, and of read noise.
LINEAR_SETS, PULSED_SETS, ALL_SETS, DECAY_SETS = 1, (1 << SETS) - 1, (1 << NOISY_SETS) - 1, 0b110
FIRST_READ_SET, DECAYS = NOISY_SETS, DECAY_SETS.bit_count()


class Sequencer(wiring.Component):
    """Learning is a free phase, a nudged phase and an update; recall is a driven and a released phase. By recurrent
    backpropagation the side network's phase takes the place of the nudged one.

    A phase is a number of Euler steps, each one pass over the layout's ``step`` sweeps, one word per clock, and the wait for
    the last states. It ends after the phase's most steps (at least one in a first phase) or when no state moved. Before
    a layered machine's first step comes one pass over its ``inputs``. The update is one pass over the ``program`` sweeps,
    two clocks per word, one for the inputs, and ``lanes`` in a serial machine; it is left out if there was no nudged
    step, and in a layered machine if ``skip`` is set and no nudged step changed a state.
    ``busy`` is high for exactly as many clocks as ohmprop.model.timing says. Reset: idle, all counters 0.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "start": In(1),  #: one clock while not busy: run ``program``
                "program": In(Program),
                "settings": In(settings_layout()),
                "inputs_less_one": In(input_shape(spec)),  #: input rows to be read, minus one; layered machines only
                "busy": Out(1),
                "steps": Out(data.ArrayLayout(8, 2)),  #: steps of the first and the second phase
                "clocks": Out(32),  #: busy clocks of this run
                "events": Out(events_layout(spec)),  #: what is counted in this clock
                "counters": Out(counters_layout()),  #: the sums, two clocks later; not in a serial machine
                "operation": Out(operation_layout(spec)),  #: to the crossbar
                "ahead": Out(input_shape(spec)),  #: its input in the next clock
                "half": Out(1),  #: half of the values that the running step reads; it writes the other one
                #: The same in a serial machine: banks of the activities before the running step, of those after it, and,
                #: after a step of the second phase, of those that the free phase ended with.
                "old": Out(bank_shape),
                "new": Out(bank_shape),
                "kept": Out(bank_shape),
                "fresh": Out(1),  #: first step of a run, or of the side network
                "whole": Out(1),  #: the step's eps is 1
                "driven": Out(1),  #: the input is on
                "nudged": Out(1),  #: the nudge is on
                "side": Out(1),  #: the side network steps
                "draw": Out(len(set_bytes(spec))),  #: one clock: draw these sets of random bytes
                "watch": Out(1),  #: one clock: a step begins
                "moved": In(1),  #: a state moved in the running step by more than the tolerance
                "changed": In(1),  #: a state moved in the running step
            }
            | (PULSE_PORTS if spec.pulses else {})
        )

    def elaborate(self, platform):
        m = Module()
        timing = self.spec.timing
        # Input rows that are left out, known long before a run.
        self.omitted = Signal.like(self.inputs_less_one, reset_less=True)
        self.one_input = Signal(reset_less=True)
        m.d.sync += self.omitted.eq(self.spec.inputs - 1 - self.inputs_less_one)
        m.d.sync += self.one_input.eq(self.inputs_less_one == 0)
        m.submodules.table = table = SweepTable(self.spec)
        # The table shows the sweep that comes next, so that sweeps follow each other without a gap.
        shown, show = Signal.like(table.index), Signal.like(table.index)
        following = Signal.like(table.index, init=1)
        m.d.comb += [show.eq(shown), table.index.eq(show)]
        m.d.sync += shown.eq(show)

        def turn_to(index):
            m.d.comb += show.eq(index)
            m.d.sync += following.eq(index + 1)

        def turn_to_update():
            turn_to(table.update)

        self.undecayed = Signal(16)  # patterns learnt since the last decay
        current = Signal(table.entry)
        begins, second, load = Signal(), Signal(), Signal()
        moves = Signal()  # the next word: another row of the sweep, or
        take = Signal()  # the next sweep's first; between the lists, of the list that most likely follows
        program, phase, updating = Signal(Program), Signal(), Signal()
        starts, bank = Signal(), Signal.like(self.old)
        drain = Signal(range(max(timing.side_drain, timing.update_drain + timing.pulse_drain * self.spec.pulses)))
        # Besides the sweep's own pause, the clocks in which random bytes are drawn for it.
        longest = timing.draws(NOISY_SETS) + timing.read_draw if self.spec.pulses else 0
        pause, waits = Signal(range(max(*table.pauses, DRIVE) + longest + 1)), Signal()
        self.drawing = Signal(range(longest + 1))
        # The currents of the inputs are kept before any start from them.
        driven = current.operation.pixels & ~updating & ~table.sweep.operation.pixels
        serial = self.spec.serial
        # An input does not change between the phases, so its weights take one product and one clock; but in a serial
        # machine, which has the time.
        single = ~updating | (current.operation.pixels & (not serial))
        # There the units take ``lanes`` clocks for a word: after its two operations none is issued.
        idle, last = Const(0), single | second
        if serial:
            slot = Signal(range(self.spec.lanes))
            idle, last = slot > 1, single | (slot == self.spec.lanes - 1)

        m.d.comb += [
            self.operation.eq(current.operation),
            self.operation.valid.eq(0),
            self.operation.second.eq(updating & (second | single)),
            self.operation.clear.eq(
                Mux(updating, ~second, current.operation.clear & (begins | self._clears_all(current)))
            ),
            self.operation.taken.eq(current.operation.taken & current.last_row),
            self.operation.fires.eq(current.operation.fires & current.last_row),
            self.driven.eq((program == Program.LEARN) | ~phase),
            self.nudged.eq((program == Program.LEARN) & phase & ~self.side),
            self.whole.eq(self.fresh & self.settings.feedforward[0]),
            # The side network starts from 0 as well.
            self.fresh.eq(starts | (self.side & (self.steps[1] == 0))),
            self.old.eq(Mux(self.fresh, DARK, bank)),
        ]
        m.d.comb += self.side.eq((program == Program.LEARN) & phase & by_side(self.spec, self.settings))

        m.d.comb += self.events.busy_clocks.eq(self.busy)
        with m.If(self.busy):
            m.d.sync += self.clocks.eq(self.clocks + 1)
        if not serial:
            # One clock later, since the path of the decision is long already.
            counted = delayed(m, self.events, 1)
            m.d.sync += [self.counters[name].eq(self.counters[name] + counted[name]) for name in MACHINE_COUNTERS]
        self._count(m, program, phase)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [moves.eq(1), take.eq(1)]
                turn_to(0)
                with m.If(self.start):
                    m.d.comb += [load.eq(1), self.watch.eq(1)]
                    self._draw(m, self.program == Program.LEARN)
                    m.d.sync += [
                        self.busy.eq(1),
                        self.clocks.eq(0),
                        self.steps.eq(0),
                        starts.eq(1),
                        self.new.eq(0),
                        self.kept.eq(2),
                        program.eq(self.program),
                        phase.eq(0),
                    ]
                    m.next = "SWEEP"
                if self.spec.pulses:
                    with m.Elif(self.requested & self._pulses):
                        turn_to_update()
                        m.d.comb += self.draw.eq(self._sets)
                        m.d.sync += [self.busy.eq(1), self.by_host.eq(1)]
                        m.next = "FETCH"
            with m.State("SWEEP"):
                with m.If(waits):
                    m.d.sync += [pause.eq(pause - 1), waits.eq(pause != 1)]
                with m.Else():
                    m.d.comb += self.operation.valid.eq(~idle)
                    m.d.sync += second.eq(~single & ~last & ~idle)
                    if serial:
                        m.d.sync += slot.eq(Mux(last, 0, slot + 1))
                    with m.If(last):
                        m.d.comb += moves.eq(1)
                        with m.If(current.last_row & ~current.ends):
                            m.d.comb += [load.eq(1), take.eq(1)]
                        with m.Elif(current.last_row):
                            step_drain = Mux(self.side, timing.side_drain, timing.step_drain)
                            update_drain = timing.update_drain + Mux(self._pulses, timing.pulse_drain, 0)
                            m.d.sync += drain.eq(Mux(updating, update_drain, step_drain) - 1)
                            m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.comb += [moves.eq(1), take.eq(1)]
                turn_to(table.step)
                m.d.sync += drain.eq(drain - 1)
                with m.If(drain == 0):
                    with m.If(updating):
                        self._end(m, program, turn_to_update)
                        m.d.sync += updating.eq(0)
                    with m.Else():
                        self._decide(m, program, phase, starts, bank, load, turn_to_update)
            with m.State("FETCH"):
                m.d.comb += [load.eq(1), moves.eq(1), take.eq(1)]
                if self.spec.pulses:
                    sets = Mux(self.decays, timing.draws(DECAYS), Mux(self.by_host, self._draws, 0))
                    m.d.comb += self.drawing.eq(sets)
                m.d.sync += updating.eq(1)
                m.next = "SWEEP"
        if self.spec.pulses:
            with m.If(self.rewritten):
                m.d.sync += self.undecayed.eq(0)
        with m.If(load):
            turn_to(following)
        m.d.comb += self.ahead.eq(current.operation.input)
        with m.If(moves):
            self._next_row(m, current, begins)
            m.d.comb += self.ahead.eq(Mux(take, table.sweep.operation.input, current.operation.input + 1))
            with m.If(take):
                m.d.sync += [
                    current.eq(table.sweep),
                    begins.eq(1),
                    pause.eq((table.sweep.pause if serial else Mux(driven, DRIVE, table.sweep.pause)) + self.drawing),
                    waits.eq((table.sweep.waits if serial else driven | table.sweep.waits) | (self.drawing != 0)),
                ]
                if not self.spec.recurrent:
                    self._load_inputs(m, table, current)
        if not self.spec.recurrent:
            begun = delayed(m, load, 1) & self._reads_inputs(current)
            m.d.comb += self.events.rows_skipped.eq(Mux(begun, self.omitted, 0))
        return m

    def _clears_all(self, current):
        """Every row begins its own sum in a serial machine."""
        return (current.operation.action == Action.READ_ROWS) & self.spec.serial

    def _reads_inputs(self, sweep):
        """A sweep over the inputs that are driven: not that of the biases, which take one word, nor one of all."""
        return sweep.operation.pixels & (sweep.operation.matrix == 0) & ~self._every

    def _load_inputs(self, m, table, current):
        """A sweep over the inputs takes as many words as there are rows to be read."""
        with m.If(self._reads_inputs(table.sweep)):
            m.d.sync += [current.more.eq(self.inputs_less_one), current.last_row.eq(self.one_input)]

    def _next_row(self, m, current, begins):
        """The word of the next row, in the same column block."""
        operation, lanes = current.operation, self.spec.lanes
        m.d.sync += [begins.eq(0), current.more.eq(current.more - 1), current.last_row.eq(current.more == 1)]
        # An input's number is added to its address later (hw/control/inputs.py).
        m.d.sync += [
            operation.input.eq(operation.input + 1),
            operation.address.eq(operation.address + ~operation.pixels),
            operation.offset.eq(operation.offset + 1),
        ]
        with m.If(operation.row_lane == lanes - 1):
            m.d.sync += [operation.row_lane.eq(0), operation.row_block.eq(operation.row_block + 1)]
        with m.Else():
            m.d.sync += operation.row_lane.eq(operation.row_lane + 1)

    def _count(self, m, program, phase):
        """How many steps the phase has with the running one, and whether that is all; known two clocks after its start."""
        settings, learns = self.settings, program == Program.LEARN
        first_steps = Mux(learns, settings.free_steps, settings.driven_steps)
        second_steps = Mux(learns, settings.nudged_steps, settings.released_steps)
        self.done, self.enough, self.more = Signal(8), Signal(), Signal()
        m.d.sync += [
            self.done.eq(self.steps[phase] + 1),
            self.enough.eq(self.done >= Mux(phase, second_steps, first_steps)),
            self.more.eq(~phase & (second_steps != 0)),
        ]

    def _decide(self, m, program, phase, starts, bank, load, turn_to_update):
        """A step is complete: another one, the next phase, the update, or the end."""
        settings = self.settings
        learns = program == Program.LEARN
        over = self.enough | (settings.stop_when_settled[0] & ~self.moved)
        altered = Signal()  # a nudged step changed a state
        alters = self.nudged & (altered | self.changed)

        m.d.comb += self.events.steps.eq(1)
        m.d.sync += [
            self.steps[phase].eq(self.done),
            starts.eq(0),
            self.half.eq(~self.half),
            bank.eq(self.new),
            self.new.eq(Mux(starts, 1, bank)),
            altered.eq(alters),
        ]
        with m.If(learns & phase & (self.steps[1] == 0)):
            m.d.sync += [self.new.eq(self.kept), self.kept.eq(bank)]

        skips = Const(0) if self.spec.recurrent else settings.skip[0] & ~alters
        with m.If(~over | self.more):
            m.d.comb += [load.eq(1), self.watch.eq(1)]
            self._draw(m, 0)
            m.d.sync += phase.eq(phase | over)
            m.next = "SWEEP"
        with m.Elif(learns & phase & ~skips):
            turn_to_update()
            m.next = "FETCH"
        with m.Else():
            m.d.comb += self.events.updates_skipped.eq(learns & phase)
            self._end(m, program, turn_to_update)

    @property
    def _pulses(self):
        """The cells are devices that are pulsed."""
        return self.device.most != 0 if self.spec.pulses else Const(0)

    @property
    def _sets(self):
        """The sets of random bytes that pulses take."""
        return Mux(self.device.noise, ALL_SETS, PULSED_SETS)

    @property
    def _draws(self):
        """Clocks in which they are drawn."""
        timing = self.spec.timing
        return Mux(self.device.noise, timing.draws(NOISY_SETS), timing.draws(SETS))

    @property
    def _every(self):
        """The update is of all inputs' words, whatever the last pattern was."""
        return self.decays | self.by_host if self.spec.pulses else Const(0)

    def _draw(self, m, learns):
        """Draw what a step takes and, before a pattern is learnt, what its update will; linear cells need not wait."""
        if not self.spec.pulses:
            m.d.comb += self.draw.eq(learns)
            return
        timing, device = self.spec.timing, self.device
        reads = self._pulses & (device.read_noise != 0)
        m.d.comb += [
            self.draw.eq(
                Mux(learns, Mux(self._pulses, self._sets, LINEAR_SETS), 0)
                | Mux(reads, (1 << READ_SETS) - 1 << FIRST_READ_SET, 0)
            ),
            self.drawing.eq(Mux(self._pulses & learns, self._draws, 0) + Mux(reads, timing.read_draw, 0)),
        ]

    def _end(self, m, program, turn_to_update):
        """A pattern is recalled or learnt, or the host's pulses are given; after ``decay_every`` learnt ones all cells decay."""
        if not self.spec.pulses:
            self._finish(m, program)
            return
        counts = (program == Program.LEARN) & ~self._every
        due = counts & self._pulses & (self.undecayed + 1 == self.device.decay_every)
        m.d.sync += [self.decays.eq(due), self.undecayed.eq(Mux(due, 0, self.undecayed + counts))]
        with m.If(due):
            turn_to_update()
            m.d.comb += self.draw.eq(DECAY_SETS)
            m.next = "FETCH"
        with m.Else():
            self._finish(m, program)

    def _finish(self, m, program):
        """The run is over."""
        m.d.sync += self.busy.eq(0)
        m.d.comb += [
            self.events.learnt.eq(program == Program.LEARN),
            self.events.recalled.eq(program == Program.RECALL),
        ]
        if self.spec.pulses:
            m.d.sync += self.by_host.eq(0)
            with m.If(self.by_host):
                m.d.comb += [self.events.learnt.eq(0), self.events.recalled.eq(0)]
        m.next = "IDLE"
