"""ohmprop: an FPGA machine that learns by equilibrium propagation, its golden model and its host.

Every name is loaded when it is first used, so that ``import ohmprop`` takes no time and needs neither Amaranth nor
matplotlib nor numba.
"""

from contextlib import AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ohmprop.host.estimators.classifier import EPClassifier
    from ohmprop.host.estimators.data import Samples
    from ohmprop.host.estimators.machine import Machine
    from ohmprop.host.estimators.memory import AssociativeMemory
    from ohmprop.host.link.board import Board
    from ohmprop.model.golden.machine import GoldenMachine
    from ohmprop.model.memristors.curves import Device
    from ohmprop.model.spec import MachineSpec

__all__ = [
    "AssociativeMemory",
    "Board",
    "EPClassifier",
    "GoldenMachine",
    "Machine",
    "MachineSpec",
    "load_data",
    "load_patterns",
    "machine",
    "memristor",
    "open_board",
]

_HOMES = {
    "AssociativeMemory": "ohmprop.host.estimators.memory",
    "Board": "ohmprop.host.link.board",
    "EPClassifier": "ohmprop.host.estimators.classifier",
    "GoldenMachine": "ohmprop.model.golden.machine",
    "Machine": "ohmprop.host.estimators.machine",
    "MachineSpec": "ohmprop.model.spec",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def machine(name: str) -> "MachineSpec":
    """A ready machine by its name, as ``mnist-784-128-10``, or one of a TOML file by its path; UserError if it is neither.

    >>> machine("mnist-784-128-10").layers
    (784, 128, 10)
    """
    from ohmprop.model.spec import MachineSpec

    return MachineSpec.load(name)


def memristor(name: str) -> "Device":
    """A memristor by its name in ``ohmprop device list``, or by a file of ``device fit --json``; UserError if there is none.

    >>> memristor("reram-es").source
    'Gong et al. 2018, aihwkit ReRam-ES'
    """
    from ohmprop.model.memristors.fitted import device_named

    return device_named(name)


def load_data(
    source: str, classes: "Sequence[int | str] | None" = None, per_class: int | None = None, resize: int | None = None
) -> "Samples":
    """Images and classes as ``--data`` names them: ``digits``, ``mnist``, or the path of your own; (X, y, X_test, y_test).

    ``classes`` are those to keep, ``per_class`` the training images of each, ``resize`` their new width and height. UserError if
    there is no such data.

    >>> X, y, X_test, y_test = load_data("digits")
    >>> X.shape, X_test.shape
    ((1438, 64), (359, 64))
    """
    from ohmprop.host.estimators.data import images

    return images(source, classes, per_class, resize)


def load_patterns(source: str = "glyphs") -> "NDArray[np.bool_]":
    """Patterns as ``--patterns`` names them: ``glyphs``, a folder of pictures, an .npy or a text file; bool (count, pixels).

    >>> load_patterns().shape
    (16, 100)
    """
    from ohmprop.host.estimators.data import patterns

    return patterns(source)


def open_board(port: str, spec: "MachineSpec | None" = None) -> "AbstractContextManager[Board]":
    """A board, connected and identified, as a context manager.

    ``port`` is ``sim`` (a virtual board), ``golden`` (the numpy model behind the same protocol) or a serial port as
    ``/dev/ttyUSB0``, ``COM3`` or ``socket://HOST:NUMBER``; ``spec`` the machine it must hold, by default ``MachineSpec()``.
    UserError if there is no such port, MachineError if it does not answer or holds another machine.

    >>> with open_board("golden", machine("glyphs-100")) as board:
    ...     board.spec.neurons
    100
    """
    from ohmprop.host.link.board import connect
    from ohmprop.model.spec import MachineSpec

    return connect(port, spec or MachineSpec())
