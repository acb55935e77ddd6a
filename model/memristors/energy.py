"""Energy of programming pulses and of reads, an estimate from published voltages, widths and resistances.

A pulse of voltage V and width t through a conductance G takes V^2 G t. G is taken at its highest, 1 / R_on, so that the
estimate is an upper end; drivers, wires and selectors are left out. Pulses and resistances are those of the table of
NeuroSim's manual 3.0 (Chen, Peng, Yu 2018), which has them from each device's publication.
"""

from dataclasses import dataclass

#: A read: NeuroSim's voltage (V) and pulse width (s).
READ_VOLTS, READ_SECONDS = 0.5, 5e-9


@dataclass(frozen=True)
class Programming:
    """How a device is programmed.

    Members
    -------
    volts_up, volts_down : heights of the two pulses in V.
    seconds_up, seconds_down : their widths in s.
    ohms : the resistance at the highest conductance.
    """

    volts_up: float
    volts_down: float
    seconds_up: float
    seconds_down: float
    ohms: float

    def picojoules(self) -> tuple[float, float, float]:
        """pJ of a pulse up, of a pulse down, and of a read of one cell."""
        pulses = ((self.volts_up, self.seconds_up), (self.volts_down, self.seconds_down), (READ_VOLTS, READ_SECONDS))
        up, down, read = (1e12 * volts**2 * seconds / self.ohms for volts, seconds in pulses)
        return up, down, read


#: The presets that NeuroSim's table has. The HZO FeFET is not among them: its pulses charge a gate and drive no current.
PROGRAMMING: dict[str, Programming] = {
    "ag-a-si": Programming(3.2, -2.8, 300e-6, 300e-6, 26e6),
    "taox-hfox": Programming(1.6, -1.6, 50e-9, 50e-9, 100e3),
    "taox-tio2": Programming(3.0, -3.0, 40e-3, 40e-3, 5e6),
    "pcmo": Programming(-2.0, 2.0, 1e-3, 1e-3, 23e6),
    "alox-hfo2": Programming(0.9, -1.0, 100e-6, 100e-6, 16.9e3),
    "gst-pcm": Programming(0.7, 3.0, 6e-6, 125e-9, 4.71e3),
    "epiram": Programming(5.0, -3.0, 5e-6, 5e-6, 81e3),
}
#: What stands in for all other presets, whose publications' pulses are not known here: TaOx/HfOx (Wu et al. 2018).
STAND_IN = "taox-hfox"


def programming(name: str) -> tuple[str, Programming]:
    """The preset's own programming, or the stand-in's, and whose it is."""
    whose = name if name in PROGRAMMING else STAND_IN
    return whose, PROGRAMMING[whose]
