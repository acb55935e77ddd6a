"""The phases of a run: which one is on, how many steps it has had, and what comes after a step."""

from typing import Any

from amaranth import Const, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.signatures import Program, phase_signature, settings_layout
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import BETAS


class Phases(wiring.Component):
    """Learning has a free phase and a nudged one, or that of the side network; recall a driven and a released phase.

    A phase ends after its most steps (at least one in a first phase) or, if the settings say so, when no state moved. An
    update follows the second phase of learning or, by a continual rule, each of its steps, but in a layered machine not if
    ``skip`` is set and no nudged step, or not that one, changed a state. Where neurons can step in turn, a step is complete
    with its last turn. Latency: outputs follow ``start`` and ``stepped`` one clock later; ``again`` and ``updates`` belong to
    ``stepped``'s own clock. Reset: a first phase, without steps.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "start": In(1),  #: one clock: a run of ``program`` begins
                "program": In(Program),
                "settings": In(settings_layout()),
                "by_side": In(1),  #: the second phase of learning is the side network's
                "every_step": In(1),  #: an update follows every step of it
                "updating": In(1),  #: the weights learn
                "stepped": In(1),  #: one clock: a step is complete; ``moved`` and ``changed`` are its
                "moved": In(1),  #: a state moved by more than the tolerance
                "changed": In(1),  #: a state moved
                "turned": In(1),  #: one clock: a turn is complete, and not the last of its step
                "drawn_sign": In(1),  #: the sign of the nudge if it is random: 1 if negative
                "draws_sign": Out(1),  #: it is
                "rests": Out(1),  #: another turn of the step follows the running one
                "rotated": Out(1),  #: the phase's steps begin with the nudged phase's own turn
                "rotates": Out(
                    1
                ),  #: with ``stepped`` and ``again``: so do those of the next step, and the last one's did not
                "learns": Out(1),  #: the run's program is to learn
                "second": Out(1),  #: the second phase is on
                "steps": Out(data.ArrayLayout(8, 2)),  #: steps of the first and the second phase
                "again": Out(1),  #: with ``stepped``: another step follows
                "updates": Out(1),  #: with ``stepped``: an update follows
                "possible": Out(1),  #: with ``stepped``: it would, if nothing were skipped
                "phase": Out(phase_signature()),  #: what the datapath has to know
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        phase, settings, second = self.phase, self.settings, self.second
        program = Signal(Program)
        starts = Signal()  # the first step of a run
        altered = Signal()  # a nudged step changed a state
        done, enough, more = self._count(m)
        over = enough | (settings.stop_when_settled[0] & ~self.moved)
        alters = phase.nudged & ((altered & ~self.every_step) | self.changed)
        skips = Const(0) if self.spec.recurrent else settings.skip[0] & ~alters
        first = self.steps[1] == 0
        m.d.comb += [
            self.learns.eq(program == Program.LEARN),
            self.again.eq(~over | more),
            self.possible.eq(self.learns & second & (self.every_step | ~self.again)),
            self.updates.eq(self.possible & ~skips),
            phase.begins.eq(self.start),
            phase.watch.eq(self.start | (self.stepped & self.again)),
            phase.stepped.eq(self.stepped),
            phase.branches.eq(self.learns & second & (self.every_step | first)),
            phase.driven.eq(self.learns | ~second),
            phase.nudged.eq(self.learns & second & ~phase.side),
            phase.side.eq(self.learns & second & self.by_side),
            # The side network starts from 0 as well.
            phase.fresh.eq(starts | (phase.side & first)),
            phase.whole.eq(phase.fresh & settings.feedforward[0]),
        ]
        if self.spec.in_turn:
            self._take_turns(m, starts, over)
        if self.spec.nudges:
            self._nudge(m)
        if self.spec.continual:
            # They do when the next step begins, and not before the update.
            m.d.comb += phase.swapped.eq(self.every_step & (self.steps[1][0] ^ self.updating))
        with m.If(self.start):
            m.d.sync += [self.steps.eq(0), starts.eq(1), program.eq(self.program), second.eq(0)]
        with m.If(self.stepped):
            m.d.sync += [self.steps[second].eq(done), starts.eq(0), altered.eq(alters)]
            with m.If(self.again):
                m.d.sync += second.eq(second | over)
        return m

    def _nudge(self, m: Module) -> None:
        """The nudge's sign and size; a side network has none."""
        nudge, sizes = self.settings.nudge, len(BETAS)
        negative = Mux(nudge[1], self.drawn_sign, nudge[0])
        shift = nudge[2:4]
        m.d.comb += [
            self.phase.negative.eq(negative & ~self.by_side),
            self.phase.beta_shift.eq(Mux(shift < sizes, shift, sizes - 1)),
            self.draws_sign.eq(nudge[1] & ~self.by_side),
        ]

    def _take_turns(self, m: Module, starts: Signal, over: Value) -> None:
        """Turns, and whole steps: both of the neurons only, while the rule is not that of the side network."""
        phase, settings, layout = self.phase, self.settings, self.spec.layout
        in_turn, nudges = settings.order[0] & ~self.by_side, self.learns & self.second
        m.d.comb += [
            phase.in_turn.eq(in_turn),
            phase.second.eq(self.second),
            phase.early.eq(starts | (self.second & ((self.steps[1] == 0) | (self.every_step & ~self.updating)))),
            self.rests.eq(in_turn & (phase.turn != len(layout.turns) - 1)),
        ]
        with m.If(Mux(nudges, settings.whole[1], settings.whole[0]) & ~self.by_side):
            m.d.comb += phase.whole.eq(1)
        if layout.nudged_turn:
            m.d.comb += [
                self.rotated.eq(in_turn & nudges),
                self.rotates.eq(in_turn & self.learns & ~self.second & over),
            ]
        with m.If(self.start | self.stepped):
            m.d.sync += phase.turn.eq(0)
        with m.Elif(self.turned):
            m.d.sync += phase.turn.eq(phase.turn + 1)

    def _count(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """How many steps the phase has with the running one, whether that is all, and whether another phase follows.

        Known two clocks after the phase's start.
        """
        settings, second = self.settings, self.second
        first_steps = Mux(self.learns, settings.free_steps, settings.driven_steps)
        second_steps = Mux(self.learns, settings.nudged_steps, settings.released_steps)
        done, enough, more = Signal(8), Signal(), Signal()
        m.d.sync += [
            done.eq(self.steps[second] + 1),
            enough.eq(done >= Mux(second, second_steps, first_steps)),
            more.eq(~second & (second_steps != 0)),
        ]
        return done, enough, more
