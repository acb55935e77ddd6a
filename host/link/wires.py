"""The factors that a board's crossbar has for the resistance of its wires."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.access import Access
from ohmprop.host.link.weights import Weights
from ohmprop.model.errors import UserError
from ohmprop.model.link.packing import pack_factors, split_words, unpack_factors
from ohmprop.model.link.spaces import Space
from ohmprop.model.memristors.wires import Wires
from ohmprop.model.spec import MachineSpec


class WireFactors:
    """The factors of a connected board, all 0 until they are written.

    Every method raises UserError for a machine that has none.

    Examples
    --------
    Factors of what the board has learnt, every 16 patterns:

    >>> import numpy as np
    >>> from ohmprop.host.link.board import connect
    >>> patterns = np.eye(4, dtype=bool)
    >>> with connect("golden", MachineSpec(layers=(4,), lanes=4, wires=True)) as board:
    ...     for _ in range(3):
    ...         factors = board.wires.measure(Wires(ratio=1e-3))
    ...         replies = list(board.learn_many(np.tile(patterns, (4, 1)), np.tile(patterns, (4, 1))))
    >>> factors.shape, factors.dtype
    ((4, 4), dtype('int8'))
    """

    def __init__(self, spec: MachineSpec, spaces: Access, read_weights: Callable[[], Weights]) -> None:
        self._spec, self._spaces, self._read_weights = spec, spaces, read_weights

    def read(self) -> NDArray[np.int8]:
        """The factors (neurons, neurons), row drives column, in 64ths of what is more than 1."""
        self._check()
        return unpack_factors(self._spec, self._spaces.read(Space.FACTORS))

    def write(self, factors: NDArray[np.int8]) -> None:
        """Replace all factors (neurons, neurons); UserError for another shape or type."""
        self._check()
        shape = (self._spec.neurons, self._spec.neurons)
        if factors.shape != shape or factors.dtype != np.int8:
            raise UserError(
                f"Factors of type {factors.dtype} and shape {factors.shape} do not fit; give int8 of shape {shape}."
            )
        self._spaces.write(Space.FACTORS, pack_factors(self._spec, factors).tobytes())

    def measure(self, wires: Wires) -> NDArray[np.int8]:
        """Read the weights, write the factors that these wires make of them, and return those."""
        self._check()
        (weights,) = self._read_weights()
        factors = wires.factors(split_words(self._spec, weights)[0], self._spec.weight_limit)
        self.write(factors)
        return factors

    def _check(self) -> None:
        if not self._spec.wires:
            raise UserError(
                "This machine has no factors of its wires; give it wires = true under [machine] in its file, and build the "
                "board again."
            )
