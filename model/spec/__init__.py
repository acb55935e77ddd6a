"""MachineSpec, the one description that everything is made from, with the settings of a run."""

from ohmprop.model.spec.machine import MachineSpec, ready_machines
from ohmprop.model.spec.matrix import DITHER_BITS, UPDATE_SHIFTS, Matrix
from ohmprop.model.spec.settings import Settings

__all__ = ["DITHER_BITS", "UPDATE_SHIFTS", "MachineSpec", "Matrix", "Settings", "ready_machines"]
