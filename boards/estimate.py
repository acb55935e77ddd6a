"""What a machine would take on a board, estimated in seconds from its design, without synthesis.

Multipliers, block RAMs and clocks follow from the design by rules. Logic cells and flip-flops follow from bits of adders,
registers and comparisons, and from a few properties of the machine, by factors that were fitted to syntheses
(``syntheses.json``). The error is the largest of these syntheses, each estimated by a fit to all others.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from ohmprop.boards.build import NAME, planned
from ohmprop.boards.description import BoardDescription, needs
from ohmprop.boards.design import Design, read_design
from ohmprop.boards.report import carried, speed
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: What is fitted, and to what.
FITTED = ("luts", "flip_flops")
PROPERTIES = ("adders", "registers", "comparisons", "row_sums", "side", "one_way", "rows", "pulses")

Floats = NDArray[np.float64]


def syntheses(board: str) -> list[dict[str, Any]]:
    """The syntheses for a board, those that estimates are ``fitted`` to and some that they are only compared with."""
    found = json.loads(files("ohmprop.boards").joinpath("syntheses.json").read_text(encoding="utf-8"))
    return [one for one in found if one["board"] == board]


def design_of(board: BoardDescription, spec: MachineSpec) -> Design:
    """The board's design with this machine, elaborated."""
    return read_design(str(planned(board, spec, 1).files[f"{NAME}.il"]))


def properties(spec: MachineSpec, design: Design) -> list[float]:
    """What logic cells and flip-flops follow from, in the order of PROPERTIES.

    The last five are parts of each lane, or of the one unit that serves all lanes: sums along the rows; the side network;
    with a weight for each direction and recurrent, what is left out, hence negative; rows of the last hidden layer that
    are driven; pulses.
    """
    units = 1 if spec.serial else spec.lanes
    last_hidden = spec.lanes if spec.recurrent else min(spec.lanes, spec.layers[-2])
    each = (
        has_row_sums(spec),
        spec.recurrent and not spec.asymmetric,
        -(spec.recurrent and spec.asymmetric),
        last_hidden / units,
        spec.pulses,
    )
    return [*(design.logic[name] for name in PROPERTIES[:3]), *(float(part) * units for part in each)]


def has_row_sums(spec: MachineSpec) -> bool:
    """Whether words are summed along their rows; where they are not, synthesis leaves out what would."""
    return not spec.asymmetric and (not spec.recurrent or spec.neurons % spec.lanes != 0)


def block_rams(board: BoardDescription, spec: MachineSpec, design: Design) -> int:
    """How many block RAMs the memories take."""
    family, count = board.family, 0
    for memory in design.memories:
        # Synthesis leaves out what nobody reads.
        unused = (memory.name == "row_sums" and not has_row_sums(spec)) or (
            memory.name.startswith("side") and spec.asymmetric
        )
        if not unused and not family.in_logic(memory):
            count += memory.blocks(family.block_ram_modes)
    return count


@lru_cache
def factors(board: str, what: str) -> tuple[Floats, float]:
    """The factors of PROPERTIES for one of FITTED, and the largest relative error of a synthesis that is left out."""
    known = [one for one in syntheses(board) if one["fitted"]]
    parts = np.array([one["properties"] for one in known], np.float64)
    taken = np.array([one[what] for one in known], np.float64)
    errors = []
    for place in range(len(known)):
        others = np.arange(len(known)) != place
        errors.append(float(parts[place] @ fitted(parts[others], taken[others]) / taken[place] - 1))
    return fitted(parts, taken), max(map(abs, errors))


def fitted(parts: Floats, taken: Floats) -> Floats:
    """Factors, none of them negative, with the least squares of relative errors (Lawson and Hanson 1974, NNLS)."""
    scale = np.maximum(parts.max(axis=0), 1) * np.where(parts.min(axis=0) < 0, -parts.min(axis=0), 1)
    found: Floats = nnls(parts / scale / taken[:, None], np.ones(len(taken)))[0] / scale
    return found


def packing(board: str) -> float:
    """Logic cells after packing to those that synthesis counts: the most of the builds that were placed."""
    return max(one["logic_cells"] / one["luts"] for one in syntheses(board) if "logic_cells" in one)


def estimate(board: BoardDescription, spec: MachineSpec) -> dict[str, Any]:
    """What the machine, as ``board.machine`` gives it, takes, by the names that the JSON uses.

    ``luts`` and ``flip_flops`` are as synthesis counts them, with their relative error; ``logic_cells`` is what packing makes
    of them. ``patterns_per_second`` is a typical learnt pattern's, the serial link included. UserError for a family that nothing
    was fitted to.
    """
    known = board.estimated_as or board.name
    if not syntheses(known):
        raise UserError(
            f"No syntheses are known that a machine on {board.name} could be estimated from; give --no-place, which ends after a "
            "minute of synthesis."
        )
    design, resources = design_of(board, spec), board.resources
    parts = np.array(properties(spec, design))
    found: dict[str, Any] = {"board": board.name, "layers": list(spec.layers), "lanes": spec.lanes}
    for what in FITTED:
        by, error = factors(known, what)
        found |= {what: round(float(parts @ by)), f"{what}_error": round(error, 3)}
    found |= {
        "logic_cells": round(found["luts"] * packing(known)),
        "block_rams": block_rams(board, spec, design),
        "multipliers": needs(spec)["multipliers"],
    }
    clocks = speed(spec, spec.clock_hz)
    found |= {
        name: clocks[name] for name in ("clocks_per_pattern_dense", "clocks_per_pattern", "clocks_between_patterns")
    }
    bits = 1 if spec.recurrent else spec.pixel_bits
    found["patterns_per_second"] = carried(spec, spec.clock_hz, spec.baud, bits, bool(spec.store))[
        "patterns_per_second"
    ]
    limits = {"logic_cells": resources.luts, "block_rams": resources.block_rams, "multipliers": resources.multipliers}
    found |= {f"{name}_available": limit for name, limit in limits.items()}
    found["fits"] = all(found[name] <= limit for name, limit in limits.items())
    return found


def estimate_or_why(board: BoardDescription, spec: MachineSpec, *asked: int | None) -> dict[str, Any]:
    """The estimate for a spec as the board has it, with clock, baud rate and lanes as ``asked``; or ``why`` it does not fit."""
    try:
        return estimate(board, board.machine(spec, *asked))
    except UserError as error:
        return {"board": board.name, "fits": False, "why": str(error)}
