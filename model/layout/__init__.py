"""Where each synapse lies in the weight memory, and the sweeps that read and program it: everything is in ``Layout``."""

from ohmprop.model.layout.geometry import Cell, bits_for
from ohmprop.model.layout.layout import Layout
from ohmprop.model.layout.sweeps import Kind, Sweep

__all__ = ["Cell", "Kind", "Layout", "Sweep", "bits_for"]
