"""The sequencer: goes through the table's sweeps, step after step, phase after phase, and then through the update's."""

from typing import Any

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ohmprop.hw.control.phase import Phases
from ohmprop.hw.control.random import set_bytes
from ohmprop.hw.control.sweep_table import SweepTable
from ohmprop.hw.control.update import Updates
from ohmprop.hw.control.words import Words
from ohmprop.hw.shapes.operation import input_shape, operation_layout
from ohmprop.hw.shapes.pulses import device_layout
from ohmprop.hw.shapes.signatures import Program, events_layout, phase_signature, settings_layout
from ohmprop.model.spec import MachineSpec

#: Further ports of a machine with a pulse unit.
PULSE_PORTS = {
    "device": In(device_layout()),
    "rewritten": In(1),  #: one clock: the device is another one
    "requested": In(1),  #: one clock while not busy: give the host's pulses, if the cells are devices
}


class Sequencer(wiring.Component):
    """Learning is a free phase, a second phase and an update; recall is a driven and a released phase (Phases).

    A phase is a number of Euler steps, each one pass over the layout's ``step`` sweeps, word after word (Words), and the
    wait for the last states. Before a layered machine's first step comes one pass over its ``inputs``. The update is one
    pass over the ``program`` sweeps, and another one if the cells decay (Updates); continual rules go on with the next step
    of the second phase after it, with the inputs' currents as they were.
    ``busy`` is high for exactly as many clocks as ohmprop.model.timing says. Reset: idle.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "start": In(1),  #: one clock while not busy: run ``program``
                "program": In(Program),
                "settings": In(settings_layout()),
                "by_side": In(1),  #: the second phase of learning is the side network's
                "every_step": In(1),  #: an update follows every step of it
                "inputs_less_one": In(input_shape(spec)),  #: input rows to be read, minus one; layered machines only
                "busy": Out(1),
                "steps": Out(data.ArrayLayout(8, 2)),  #: steps of the first and the second phase
                "clocks": Out(32),  #: busy clocks of this run
                "events": Out(events_layout(spec)),  #: what is counted in this clock
                "operation": Out(operation_layout(spec)),  #: to the crossbar
                "ahead": Out(input_shape(spec)),  #: its input in the next clock
                "phase": Out(phase_signature()),  #: to the datapath
                "moved": In(1),  #: a state moved in the running step by more than the tolerance
                "changed": In(1),  #: a state moved in the running step
                "drawn_sign": In(1),  #: of a nudge whose sign is random: 1 if negative
                "draw": Out(len(set_bytes(spec))),  #: one clock: draw these sets of random bytes
                "every": Out(1),  #: the update is of all inputs' words
                "decays": Out(1),  #: the update is a decay
                "by_host": Out(1),  #: the update is the host's pulses
            }
            | (PULSE_PORTS if spec.pulses else {})
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.table = table = SweepTable(self.spec)
        m.submodules.words = words = Words(self.spec, table)
        m.submodules.phases = phases = Phases(self.spec)
        m.submodules.updates = updates = Updates(self.spec)
        self._connect(m, table, words, phases, updates)
        timing = self.spec.timing
        pulse_drain = timing.pulse_drain * self.spec.pulses
        drain = Signal(range(max(timing.side_drain, timing.update_drain + pulse_drain)))
        loads, finishes = Signal(), Signal()
        # Another nudged step follows the running update.
        resumes = Signal() if self.spec.continual else Const(0)
        # The table shows the sweep that comes next, so that sweeps follow each other without a gap.
        shown, show, following = (Signal.like(table.index, init=init) for init in (0, 0, 1))
        m.d.comb += [show.eq(shown), table.index.eq(show)]
        m.d.sync += shown.eq(show)

        def turn_to(index: Any) -> None:
            m.d.comb += show.eq(index)
            m.d.sync += following.eq(index + 1)

        def end() -> None:
            """A pattern is learnt or recalled, or the host's pulses are given; it may be time for a decay."""
            m.d.comb += updates.ends.eq(1)
            with m.If(updates.decay_due):
                turn_to(table.update)
                m.next = "FETCH"
            with m.Else():
                m.d.comb += finishes.eq(1)
                m.d.sync += self.busy.eq(0)
                m.next = "IDLE"

        with m.FSM():
            with m.State("IDLE"):
                turn_to(0)
                with m.If(self.start):
                    m.d.comb += [loads.eq(1), phases.start.eq(1)]
                    m.d.sync += [self.busy.eq(1), self.clocks.eq(0)]
                    m.next = "SWEEP"
                with m.Elif(updates.asked):
                    turn_to(table.update)
                    m.d.comb += updates.give.eq(1)
                    m.d.sync += self.busy.eq(1)
                    m.next = "FETCH"
            with m.State("SWEEP"):
                m.d.comb += [words.running.eq(1), loads.eq(words.swept)]
                with m.If(words.ended):
                    step_drain = Mux(phases.phase.side, timing.side_drain, timing.step_drain)
                    update_drain = timing.update_drain + Mux(updates.pulsed, pulse_drain, 0)
                    m.d.sync += drain.eq(Mux(words.updating, update_drain, step_drain) - 1)
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                if self.spec.in_turn:
                    # The next turn follows in the table, but for the one that the table begins with.
                    with m.If(~phases.rests | phases.rotated | words.updating):
                        turn_to(Mux(phases.rotated & (~phases.rests | words.updating), table.nudged, table.step))
                else:
                    turn_to(table.step)
                m.d.sync += drain.eq(drain - 1)
                with m.If(drain == 0):
                    with m.If(words.updating & resumes):
                        m.d.comb += [loads.eq(1), updates.redraws.eq(1)]
                        m.d.sync += words.updating.eq(0)
                        m.next = "SWEEP"
                    with m.Elif(words.updating):
                        m.d.sync += words.updating.eq(0)
                        end()
                    with m.Elif(phases.rests):
                        m.d.comb += [phases.turned.eq(1), loads.eq(1)]
                        m.next = "SWEEP"
                    with m.Else():
                        m.d.comb += phases.stepped.eq(1)
                        if self.spec.continual:
                            m.d.sync += resumes.eq(phases.again)
                        with m.If(phases.again & phases.rotates):
                            turn_to(table.nudged)
                            m.next = "TURN"
                        with m.Elif(phases.updates):
                            turn_to(table.update)
                            m.next = "FETCH"
                        with m.Elif(phases.again):
                            m.d.comb += loads.eq(1)
                            m.next = "SWEEP"
                        with m.Else():
                            end()
            with m.State("TURN"):
                m.d.comb += loads.eq(1)
                m.next = "SWEEP"
            with m.State("FETCH"):
                m.d.comb += [loads.eq(1), updates.fetch.eq(1)]
                m.d.sync += words.updating.eq(1)
                m.next = "SWEEP"
        with m.If(loads):
            turn_to(following)
        m.d.comb += words.loads.eq(loads)
        self._count(m, words, phases, updates, finishes)
        return m

    def _connect(self, m: Module, table: SweepTable, words: Words, phases: Phases, updates: Updates) -> None:
        """The parts with each other and with the ports."""
        connect(m, phases.phase, flipped(self.phase))
        m.d.comb += [
            words.sweep.eq(table.sweep),
            words.inputs_less_one.eq(self.inputs_less_one),
            words.drawing.eq(updates.drawing),
            words.every.eq(updates.every),
            words.in_turn.eq(phases.phase.in_turn),
            phases.program.eq(self.program),
            phases.settings.eq(self.settings),
            phases.by_side.eq(self.by_side),
            phases.every_step.eq(self.every_step),
            phases.updating.eq(words.updating),
            phases.moved.eq(self.moved),
            phases.changed.eq(self.changed),
            updates.step.eq(phases.phase.watch),
            updates.draws_sign.eq(phases.draws_sign),
            phases.drawn_sign.eq(self.drawn_sign),
            updates.learning.eq(phases.start & (self.program == Program.LEARN)),
            updates.learns.eq(phases.learns),
            self.operation.eq(words.operation),
            self.ahead.eq(words.ahead),
            self.steps.eq(phases.steps),
            self.draw.eq(updates.draw),
            self.every.eq(updates.every),
            self.decays.eq(updates.decays),
            self.by_host.eq(updates.by_host),
        ]
        if self.spec.pulses:
            m.d.comb += [getattr(updates, name).eq(getattr(self, name)) for name in PULSE_PORTS]

    def _count(self, m: Module, words: Words, phases: Phases, updates: Updates, finishes: Signal) -> None:
        """The run's clocks, and what else is counted."""
        with m.If(self.busy):
            m.d.sync += self.clocks.eq(self.clocks + 1)
        steps, finished = phases.stepped, finishes & ~updates.by_host
        m.d.comb += [
            self.events.busy_clocks.eq(self.busy),
            self.events.steps.eq(steps),
            self.events.learnt.eq(finished & phases.learns),
            self.events.recalled.eq(finished & ~phases.learns),
            self.events.updates_skipped.eq(steps & phases.possible & ~phases.updates),
            self.events.rows_skipped.eq(words.rows_skipped),
        ]
