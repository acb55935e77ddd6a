"""The picture of a circuit's waveforms over a machine's Euler steps."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ohmprop.analog.engines import Waves
from ohmprop.model.spec import MachineSpec

#: Neurons that are drawn, and RC of each phase.
DRAWN, SHOWN_RC = 8, (12.0, 5.0)


def waves_figure(
    spec: MachineSpec, waves: tuple[Waves, Waves], steps: tuple[NDArray[Any], NDArray[Any]] | None
) -> Figure:
    """Some neurons' states in both phases against time in RC, and as dots those of the machine's Euler steps, if given.

    ``steps`` are its states in LSBs in each phase, (steps + 1, neurons) each, the first row before the first step.
    Of a layered machine they are the last hidden neurons and the outputs; states beyond what the machine can hold are clipped.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    both = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": SHOWN_RC})
    drawn = np.linspace(0, spec.neurons - 1, min(DRAWN, spec.neurons)).astype(int)
    if not spec.recurrent:
        drawn = np.arange(spec.neurons)[-DRAWN:]
    low, high = spec.state.low / spec.state.one, spec.state.high / spec.state.one
    settings = spec.settings
    phases = (("free", settings.free_eps), ("nudged", settings.nudged_eps))
    for index, (axes, wave, (name, eps)) in enumerate(zip(both, waves, phases, strict=True)):
        for number, neuron in enumerate(drawn):
            axes.plot(wave.times, np.clip(wave.states[:, neuron], low, high), color=f"C{number}", linewidth=1.2)
            if steps is not None:
                rows = steps[index]
                axes.plot(
                    np.arange(len(rows)) * eps, rows[:, neuron] / spec.state.one, "o", color=f"C{number}", markersize=3
                )
        axes.set(xlabel="time / RC", title=f"{name} phase", xlim=(0, SHOWN_RC[index]))
        axes.grid(alpha=0.3)
    both[0].set_ylabel("state, units")
    if steps is not None:
        figure.suptitle("Lines: the circuit. Dots: the machine's Euler steps, eps RC apart.", fontsize=10)
    return figure
