"""The golden machine's recurrent networks: one layer, every unit input and output, one matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import slope_table, tanh_table
from ohmprop.model.golden.network import Cells, Integers, Network, Schedule, Synapses, Weights, no_factors
from ohmprop.model.golden.recurrent_loops import Constants, States, learn_patterns, recall_patterns
from ohmprop.model.memristors.kernels import unit_hashes
from ohmprop.model.memristors.wires import Wires
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import WIRE_BITS


class RecurrentNetwork(Network):
    """A recurrent layer; a pattern is bool (neurons,), True white, and so is an answer."""

    state_type = np.int8
    pattern_type = np.bool_

    def __init__(self, spec: MachineSpec) -> None:
        super().__init__(spec)
        self._arrays = States(*(np.zeros(spec.neurons, np.int64) for _ in States._fields))
        self.states, self.side_states = self._arrays.neurons, self._arrays.side
        layout = spec.layout
        self._constants = Constants(
            input_level=spec.input_level,
            target_level=spec.target_level,
            leak_shift=spec.leak_shift,
            nudge_shift=spec.nudge_shift,
            low=spec.state.low,
            high=spec.state.high,
            activities=tanh_table(spec),
            slopes=slope_table(spec),
            weight_fraction=spec.weight.fraction,
            side_error_shift=spec.side_error_shift,
            side_low=spec.side.low,
            side_high=spec.side.high,
            side_update_shift=spec.side_update_shift,
            reach=spec.reach,
            turns=layout.turn_numbers,
            symmetric=not spec.asymmetric,
            adc=spec.adc,
            dac=spec.dac,
            codes=layout.codes,
            row_codes=layout.row_codes,
            code_bits=layout.code_bits,
            hashes=unit_hashes(layout.codes),
            factors=np.zeros((0, 0), np.int16),
            wire_bits=0,
        )
        self._wires: Wires | None = None
        self._factors = np.zeros((spec.neurons, spec.neurons), np.int8)
        # Patterns learnt since the factors were computed.
        self._since = 0

    @property
    def factors(self) -> NDArray[np.int8]:
        """What the wires make of each cell (row, column it drives), in bytes (model/memristors/wires.py); a copy."""
        if not self.spec.wires:
            raise no_factors()
        return self._factors.copy()

    @factors.setter
    def factors(self, factors: NDArray[np.int8]) -> None:
        if not self.spec.wires:
            raise no_factors()
        self._factors[:] = factors

    @property
    def wires(self) -> Wires | None:
        """Wires whose factors are computed while it learns; None: ideal ones, or those of ``factors`` as they are."""
        return self._wires

    @wires.setter
    def wires(self, wires: Wires | None) -> None:
        self._wires, self._since = wires, 0
        self._factors[:] = 0

    def learn(
        self,
        weights: Weights,
        patterns: NDArray[Any],
        targets: NDArray[np.bool_],
        lfsr: int,
        schedule: Schedule,
        cells: Cells,
    ) -> Integers:
        """Learn pattern after pattern, as Network.learn says."""
        matrices = self._incoming(weights)
        records: list[Integers] = []
        done = 0
        # Without a pattern the loops are compiled all the same.
        while not records or done < len(patterns):
            piece = slice(done, done + self._measured(matrices, len(patterns) - done))
            synapses = Synapses.of(self.spec, matrices)
            every, shift, undecayed = cells.decay
            seen, constants = self._seen(synapses.rounded, self._factors)
            record = learn_patterns(
                synapses._replace(seen=seen),
                patterns[piece],
                targets[piece],
                self._arrays,
                lfsr,
                schedule,
                cells._replace(decay=(every, shift, undecayed + done)),
                constants,
            )
            records.append(record)
            lfsr, done = int(record[-1, 2]) if len(record) else lfsr, done + len(record)
        if self.spec.asymmetric:
            weights[0][:] = matrices[0].T
        return np.concatenate(records)

    def _measured(self, matrices: Weights, count: int) -> int:
        """Compute the factors if it is time to; how many of ``count`` patterns are learnt until it is again."""
        wires = self._wires
        if not wires:
            return count
        if self._since == 0 and count:
            (rounded,) = Synapses.of(self.spec, matrices).rounded
            self._factors = wires.factors(rounded.T, self.spec.weight_limit)
        count = min(count, wires.every - self._since) if wires.every else count
        self._since += count
        if self._since == wires.every:
            self._since = 0
        return count

    def _seen(self, rounded: Weights, factors: NDArray[np.int8]) -> tuple[Weights, Constants]:
        """What currents see of the weights, a row for what each neuron gets, and the loops' constants for it."""
        if not self._wires and not self.spec.wires:
            return rounded, self._constants
        incoming = np.ascontiguousarray(factors.T).astype(np.int16) + (1 << WIRE_BITS)
        return (rounded[0] * incoming,), self._constants._replace(factors=incoming, wire_bits=WIRE_BITS)

    def _incoming(self, weights: Weights) -> Weights:
        """The matrix with a row for what each neuron gets, which the loops read along; the machine's is what each drives."""
        return (np.ascontiguousarray(weights[0].T),) if self.spec.asymmetric else weights

    def recall(
        self, weights: Weights, patterns: NDArray[Any], lfsr: int, schedule: Schedule, cells: Cells
    ) -> tuple[NDArray[Any], Integers, int]:
        """Recall pattern after pattern, as Network.recall says."""
        rounded = Synapses.of(self.spec, self._incoming(weights)).rounded
        factors = self._factors
        if self._wires:
            # What is read is read through the wires as they are; learning goes on with the factors that it has.
            factors = self._wires.factors(rounded[0].T, self.spec.weight_limit)
        seen, constants = self._seen(rounded, factors)
        signs, records, lfsr = recall_patterns(
            seen[0],
            patterns,
            self._arrays,
            lfsr,
            schedule,
            cells.read_noise,
            constants,
        )
        return signs, records, int(lfsr)
