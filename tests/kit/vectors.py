"""The golden vectors: what the golden machine answered once; ``python -m tests.kit.vectors`` makes them anew.

They are committed so that the model and the hardware cannot drift together. Make them anew only when the arithmetic
is changed on purpose, and say so in the commit. Clocks are left out: a register more changes nothing that is learnt.
"""

import hashlib
import json
import random
from typing import Any

import numpy as np

from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.float64.reference import quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.packing import pack_pattern
from ohmprop.model.spec import MachineSpec
from tests.kit.paths import ROOT
from tests.kit.specs import SPECS

DIRECTORY = ROOT / "tests" / "vectors"
PATTERNS = 6
SEED = 20260


def random_weights(spec: MachineSpec, source: random.Random) -> np.ndarray:
    """Symmetric, within reach, over their whole range in small machines and less in large ones."""
    limit = min(spec.weight_limit, 1200 // spec.neurons)
    lower = np.tril([[source.randint(-limit, limit) for _ in range(spec.neurons)] for _ in range(spec.neurons)], -1)
    return quantise(spec, ((lower + lower.T) * synapse_mask(spec) / spec.weight.one,))[0]


def digest(weights: tuple[np.ndarray, ...]) -> str:
    """SHA-256 over the weights of 8 bits, row by row."""
    return hashlib.sha256(weights[0].astype(np.int8).tobytes()).hexdigest()


def vector(name: str) -> dict[str, Any]:
    """Patterns learnt and recalled by the machine of that name, with all that it answered.

    Random numbers come from Python's generator, whose sequence never changes; NumPy's may.
    """
    spec, source = SPECS[name], random.Random(SEED)
    machine = GoldenMachine(spec, lfsr=source.getrandbits(32))
    machine.weights = (random_weights(spec, source),)
    result: dict[str, Any] = {"seed": SEED, "weights": digest(machine.weights), "patterns": []}
    for _ in range(PATTERNS):
        pattern, target = (np.array([source.getrandbits(1) for _ in range(spec.neurons)], np.bool_) for _ in range(2))
        learnt = machine.learn(pattern, target)
        entry = {
            "pattern": pack_pattern(spec, pattern).hex(),
            "target": pack_pattern(spec, target).hex(),
            "learnt": {"free_steps": learnt.free_steps, "nudged_steps": learnt.nudged_steps, "lfsr": learnt.lfsr},
            "states": machine.states.tobytes().hex(),
            "weights": digest(machine.weights),
        }
        recalled, signs = machine.recall(pattern)
        entry |= {
            "recalled": {"driven_steps": recalled.driven_steps, "released_steps": recalled.released_steps},
            "signs": pack_pattern(spec, signs).hex(),
            "recalled_states": machine.states.tobytes().hex(),
        }
        result["patterns"].append(entry)
    return result


def main() -> None:
    """Write every vector."""
    DIRECTORY.mkdir(exist_ok=True)
    for name in SPECS:
        (DIRECTORY / f"{name}.json").write_text(json.dumps(vector(name), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
