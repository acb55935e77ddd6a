"""Whether the converters of a machine's currents are set for the currents that it has."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.weights import Weights
from ohmprop.model.float64.recurrent import signed
from ohmprop.model.float64.reference import Reference, as_float64
from ohmprop.model.spec import MachineSpec

#: Patterns whose currents are looked at, and how many times the largest of them a range may be.
LOOKED_AT, WIDE = 50, 4


def largest_current(spec: MachineSpec, weights: Weights, inputs: NDArray[Any]) -> float:
    """The largest current that a converter gets at the end of the free phases of patterns (count, inputs), in units."""
    settings = replace(spec.settings, nudged_steps=0)
    reference = Reference(spec, settings, as_float64(spec, weights))
    nothing, largest = np.zeros(spec.outputs, np.bool_), 0.0
    for pattern in inputs[:LOOKED_AT]:
        currents = reference.currents(pattern, reference.states_after(pattern, nothing, settings))
        if spec.recurrent:
            # The input is added behind the converter.
            currents = currents - signed(pattern, spec.input_level / spec.state.one)
        largest = max(largest, float(np.abs(currents).max()))
    return largest


def wasted_range(spec: MachineSpec, weights: Weights, inputs: NDArray[Any]) -> str:
    """A sentence if the converters' range is much larger than the currents of patterns (count, inputs); else nothing."""
    if not spec.adc_bits:
        return ""
    largest = largest_current(spec, weights, inputs)
    enough = 1
    while enough < largest:
        enough *= 2
    if spec.adc_range < WIDE * enough:
        return ""
    bits = (spec.adc_range // enough).bit_length() - 1
    return (
        f"The currents reach {largest:.2g} units and adc_range is {spec.adc_range}, which wastes {bits} of the converters' "
        f"{spec.adc_bits} bits; adc_range = {enough} would do."
    )
