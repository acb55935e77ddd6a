"""Settings: what may change from run to run without new hardware."""

from dataclasses import dataclass

from ohmprop.model.errors import UserError
from ohmprop.model.rules import RULES
from ohmprop.model.spec.optional import optional

#: Orders in which neurons step; TOGETHER is that of any machine.
TOGETHER, LAYERS, BLOCKS = ORDERS = ("together", "layers", "blocks")

#: Signs of the nudge, and its sizes: 2**-0, 2**-1, 2**-2.
POSITIVE, NEGATIVE, RANDOM, CENTRED = NUDGES = ("positive", "negative", "random", "centred")
BETAS = (1, 0.5, 0.25)


def whole(name: str, value: object, low: int, high: int) -> None:
    """Refuse anything but a whole number from low to high, in one sentence."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{name} = {value!r} is impossible; give a whole number from {low} to {high}.")


@dataclass(frozen=True)
class Settings:
    """The run-time settings; each is a register behind the link. The defaults are those of a recurrent machine.

    Members
    -------
    free_steps, nudged_steps : most Euler steps of the two phases of learning, 0 to 255.
    driven_steps, released_steps : most steps of recall with the input on, then off, 0 to 255; a layered machine
        releases nothing, so there it is 0.
    eta_shifts : matrix m learns at the rate 2**-eta_shifts[m] (beta is 1); a recurrent machine has one matrix.
    tolerance : a state that moves by at most this many LSBs counts as settled, 0 to 127.
    stop_when_settled : end a phase as soon as a step has moved no state by more than the tolerance.
    feedforward : the first step of a layered machine is a whole one (eps = 1), which fills the first hidden layer.
    skip : a layered machine leaves out input rows that are zero and updates that change nothing; the weights are
        the same either way, only the clocks and two counters differ.
    rule : name of the learning rule (model/rules.py): "ep", equilibrium propagation; "rbp", recurrent backpropagation, whose
        side network relaxes for at most ``nudged_steps``; "continual", EP whose weights learn after every nudged step;
        "vector-field", EP with a weight for each direction, and "continual-vector-field". A layered machine has "ep" and
        "continual".
    order : which neurons of an EP network step side by side, from the same old states: "together", all; in a layered machine
        "layers", the odd hidden layers, then the layers between them, each with what the others have come to, and in the
        nudged phase the outputs' first; in a recurrent one "blocks", one block of lanes after the other.
    free_eps, nudged_eps : Euler's step of the neurons in the nudged phase (nudged_eps) and in all others; 0.5 or 1.
    nudge : where the nudge of EP draws the outputs: "positive", to their targets; "negative", away from them, and the update
        changes sign; "random", one of the two, drawn for each pattern; "centred", first away and then, again from the free
        phase's end, to them, and the update compares these two: golden machine only.
    settled_only : a pattern whose free phase took all its steps teaches nothing; machines with kernels only.
    beta : the nudge's size: 1, 0.5 or 0.25. The update is not divided by it, so eta_shifts are those of the difference.
    """

    free_steps: int = 20
    nudged_steps: int = 8
    driven_steps: int = 20
    released_steps: int = 44
    eta_shifts: tuple[int, ...] = (6,)
    tolerance: int = 0
    stop_when_settled: bool = True
    feedforward: bool = optional(False, off=False)
    skip: bool = True
    rule: str = optional("ep", off="ep")
    order: str = optional("together", off="together")
    free_eps: float = optional(0.5, off=0.5)
    nudged_eps: float = optional(0.5, off=0.5)
    nudge: str = optional("positive", off="positive")
    beta: float = optional(1.0, off=1.0)
    settled_only: bool = optional(False, off=False)

    def __post_init__(self) -> None:
        for name in ("free_steps", "nudged_steps", "driven_steps", "released_steps"):
            whole(name, getattr(self, name), 0, 255)
        if not isinstance(self.eta_shifts, tuple):
            raise UserError(
                f"eta_shifts = {self.eta_shifts!r} is impossible; give a list, one for each matrix, as [6]."
            )
        for index, shift in enumerate(self.eta_shifts):
            whole(f"eta_shifts[{index}]", shift, 0, 15)
        whole("tolerance", self.tolerance, 0, 127)
        for name in ("stop_when_settled", "feedforward", "skip", "settled_only"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name} = {getattr(self, name)!r} is impossible; write true or false.")
        if self.rule not in tuple(RULES):
            raise UserError(f"rule = {self.rule!r} is impossible; give one of {', '.join(RULES)}.")
        if self.order not in ORDERS:
            raise UserError(f"order = {self.order!r} is impossible; give one of {', '.join(ORDERS)}.")
        if self.nudge not in NUDGES:
            raise UserError(f"nudge = {self.nudge!r} is impossible; give one of {', '.join(NUDGES)}.")
        if isinstance(self.beta, bool) or self.beta not in BETAS:
            raise UserError(f"beta = {self.beta!r} is impossible; give one of {', '.join(map(str, BETAS))}.")
        for name in ("free_eps", "nudged_eps"):
            if isinstance(getattr(self, name), bool) or getattr(self, name) not in (0.5, 1):
                raise UserError(f"{name} = {getattr(self, name)!r} is impossible; give 0.5 or 1.")
