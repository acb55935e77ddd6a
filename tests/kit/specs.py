"""The machines that the tests run on, small ones that differ in every way that matters."""

from typing import Any

from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec, Settings

#: eta is large, so that a few patterns change many weights and reach the rails.
_FAST = Settings(eta_shifts=(3,))

#: Small rates, at which no output dies.
_SLOW_LAYERED = Settings(nudged_steps=4, released_steps=0, eta_shifts=(6, 7))
_LAYERED = Settings(nudged_steps=4, released_steps=0, eta_shifts=(2, 2), skip=False, feedforward=True)
#: A deep machine without the hardware that it has by default.
PLAIN: dict[str, Any] = {"fine_bits": 0, "in_turn": False}

SPECS = {
    "lanes_do_not_divide": MachineSpec(layers=(7,), lanes=3, settings=_FAST),
    "one_lane": MachineSpec(layers=(5,), lanes=1, settings=_FAST),
    "band": MachineSpec(layers=(11,), lanes=4, cut_diagonals=6, settings=_FAST),
    "lanes_divide": MachineSpec(layers=(12,), lanes=6, settings=_FAST),
    "more_lanes_than_neurons": MachineSpec(layers=(9,), lanes=16, settings=_FAST),
    "coarse_weights": MachineSpec(
        layers=(13,),
        lanes=5,
        weight=Format(True, 8, 6),
        accumulator=Format(True, 24, 13),
        settings=Settings(eta_shifts=(2,), tolerance=1, free_steps=6, nudged_steps=3),
    ),
    "serial": MachineSpec(layers=(19,), lanes=8, serial=True, settings=_FAST),
    "hundred": MachineSpec(layers=(100,), lanes=32, settings=Settings(eta_shifts=(4,))),
}

#: Machines with a pulse unit.
PULSED = {
    "recurrent": MachineSpec(layers=(12,), lanes=4, pulses=True, settings=_FAST),
    "layered": MachineSpec(layers=(64, 6, 10), lanes=8, pulses=True, settings=_SLOW_LAYERED),
    "biases": MachineSpec(layers=(9, 5, 7, 4), lanes=4, biases=True, pulses=True),
    "serial": MachineSpec(layers=(19,), lanes=8, serial=True, pulses=True, settings=_FAST),
    "serial_layered": MachineSpec(layers=(12, 10, 9), lanes=8, serial=True, pulses=True),
}

#: Layered machines: one to three hidden layers, every width of pixels, layers of one block and of several.
LAYERED = {
    "one_hidden": MachineSpec(layers=(20, 7, 4), lanes=3),
    "two_hidden": MachineSpec(layers=(13, 9, 6, 5), lanes=4, pixel_bits=8, **PLAIN),
    "three_hidden": MachineSpec(layers=(12, 5, 6, 4, 3), lanes=2, pixel_bits=1, **PLAIN),
    "one_block": MachineSpec(layers=(11, 8, 3), lanes=8),
    "serial": MachineSpec(layers=(12, 10, 9), lanes=8, serial=True),
    "serial_deep": MachineSpec(layers=(9, 12, 17, 9, 3), lanes=8, biases=True, serial=True, **PLAIN),
    # The next outputs' words are under way before the first sum along the rows is back.
    "biases": MachineSpec(layers=(10, 3, 4), lanes=3, biases=True),
    "biases_of_two_hidden": MachineSpec(layers=(9, 5, 7, 4), lanes=4, biases=True, **PLAIN),
    "nothing_skipped": MachineSpec(layers=(14, 6, 3), lanes=5, settings=_LAYERED),
}
