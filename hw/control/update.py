"""What updates take besides words: random bytes and, with a pulse unit, decays and pulses that the host asks for."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.control.random import set_bytes
from ohmprop.hw.shapes.pulses import device_layout
from ohmprop.model.memristors.kernels import NOISY_SETS, READ_SETS, SETS
from ohmprop.model.spec import MachineSpec

#: The sets of random bytes: of the linear device and of pulses without and with noise, of a decay, and of read noise.
LINEAR_SETS, PULSED_SETS, ALL_SETS, DECAY_SETS = 1, (1 << SETS) - 1, (1 << NOISY_SETS) - 1, 0b110
FIRST_READ_SET, DECAYS = NOISY_SETS, DECAY_SETS.bit_count()


def longest_draw(spec: MachineSpec) -> int:
    """The most clocks that a sweep waits for random bytes."""
    timing = spec.timing
    return timing.draws(NOISY_SETS) + timing.read_draw if spec.pulses else 0


class Updates(wiring.Component):
    """Draws what the steps and the update of a pattern take; with a pulse unit, knows when the cells decay.

    A linear update's bytes are drawn while the first phase or, by a continual rule, the step before it runs; whoever needs
    others waits ``drawing`` clocks. After ``decay_every`` learnt patterns the update is followed by a decay. Reset: nothing
    decays, no patterns were learnt.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        # The bytes are there before a step is over.
        assert spec.timing.draws(1) < spec.timing.step
        super().__init__(
            {
                "step": In(1),  #: one clock: a step begins
                "learning": In(1),  #: with ``step``: it is the first one of a pattern that will be learnt
                "draws_sign": In(1),  #: with ``learning``: a sign of the nudge is drawn as well
                "learns": In(1),  #: the run's program is to learn
                "fetch": In(1),  #: an update's sweeps are fetched
                "redraws": In(1),  #: one clock: an update is over and a step begins that another one will follow
                "ends": In(1),  #: one clock: a pattern is learnt or recalled, or the host's pulses are given
                "draw": Out(len(set_bytes(spec))),  #: one clock: draw these sets of random bytes
                "drawing": Out(range(longest_draw(spec) + 1)),  #: clocks to wait for them before the next sweep
                "every": Out(1),  #: the update is of all inputs' words, whatever the last pattern was
                "decays": Out(1),  #: the update is a decay
                "by_host": Out(1),  #: the update is the host's pulses
                "decay_due": Out(1),  #: with ``ends``: the cells decay first
                "pulsed": Out(1),  #: the cells are devices that are pulsed
                "asked": Out(1),  #: the host asks for pulses
                "give": In(1),  #: one clock with ``asked``: they are given now
            }
            | (
                {
                    "device": In(device_layout()),
                    "rewritten": In(1),  #: one clock: the device is another one
                    "requested": In(1),  #: one clock while not busy: give the host's pulses, if the cells are devices
                }
                if spec.pulses
                else {}
            )
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if self.spec.pulses:
            self._pulse(m)
        else:
            draws = Cat(1, self.draws_sign) if self.spec.nudges else 1
            first = Mux(self.step & self.learning, draws, 0)
            m.d.comb += self.draw.eq(first | self.redraws if self.spec.continual else first)
        return m

    def _pulse(self, m: Module) -> None:
        """With a pulse unit, whose cells may be linear all the same."""
        timing, device = self.spec.timing, self.device
        pulsed = self.pulsed
        sets = Mux(device.noise, ALL_SETS, PULSED_SETS)
        draws = Mux(device.noise, timing.draws(NOISY_SETS), timing.draws(SETS))
        undecayed = Signal(16)  # patterns learnt since the last decay
        counts = self.learns & ~self.every
        due = counts & pulsed & (undecayed + 1 == device.decay_every)
        m.d.comb += [
            pulsed.eq(device.most != 0),
            self.every.eq(self.decays | self.by_host),
            self.asked.eq(self.requested & pulsed),
            self.decay_due.eq(due),
        ]
        with m.If(self.step):
            reads = pulsed & (device.read_noise != 0)
            # What a step takes and, before a pattern is learnt, what its update will; linear cells need not wait.
            m.d.comb += [
                self.draw.eq(
                    Mux(self.learning, Mux(pulsed, sets, LINEAR_SETS), 0)
                    | Mux(reads, (1 << READ_SETS) - 1 << FIRST_READ_SET, 0)
                ),
                self.drawing.eq(Mux(pulsed & self.learning, draws, 0) + Mux(reads, timing.read_draw, 0)),
            ]
        with m.If(self.give):
            m.d.comb += self.draw.eq(sets)
            m.d.sync += self.by_host.eq(1)
        with m.If(self.fetch):
            m.d.comb += self.drawing.eq(Mux(self.decays, timing.draws(DECAYS), Mux(self.by_host, draws, 0)))
        with m.If(self.ends):
            m.d.sync += [self.decays.eq(due), undecayed.eq(Mux(due, 0, undecayed + counts))]
            with m.If(due):
                m.d.comb += self.draw.eq(DECAY_SETS)
            with m.Else():
                m.d.sync += self.by_host.eq(0)
        with m.If(self.rewritten):
            m.d.sync += undecayed.eq(0)
