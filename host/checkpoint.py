"""A training run on disk: everything needed to recall with it, or to continue it bit for bit, on any board."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from host.driver import checked_weights
from host.report import write_file
from model.errors import UserError
from model.spec import MachineSpec


@dataclass(frozen=True)
class Checkpoint:
    """What a run has learnt.

    Members
    -------
    spec : the machine, its settings included.
    weights : int8 (neurons, neurons).
    lfsr : the random register after the last pattern, 1 to 2**32 - 1.
    learnt : patterns learnt since the initial weights.
    seed : the seed of the initial weights.
    """

    spec: MachineSpec
    weights: NDArray[np.int8]
    lfsr: int
    learnt: int
    seed: int

    def save(self, path: Path) -> None:
        """Write an .npz file, in one piece or not at all."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            weights=self.weights,
            lfsr=np.uint32(self.lfsr),
            learnt=np.int64(self.learnt),
            seed=np.int64(self.seed),
            spec_hash=np.array(self.spec.spec_hash),
            machine_toml=np.array(self.spec.to_toml()),
        )
        write_file(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path, spec: MachineSpec | None = None) -> "Checkpoint":
        """Read what ``save`` wrote; UserError if the file is none of ours, or of another machine than ``spec``.

        With a ``spec`` its settings are taken, otherwise the file's.
        """
        try:
            # From bytes, since numpy leaves the file open when it is damaged.
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                values = {
                    name: file[name] for name in ("weights", "lfsr", "learnt", "seed", "spec_hash", "machine_toml")
                }
            lfsr, learnt, seed = (int(values[name]) for name in ("lfsr", "learnt", "seed"))
        except (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            reason = str(error).strip("'\"").splitlines() or [type(error).__name__]
            raise UserError(
                f"{path} cannot be read as saved weights ({reason[0].rstrip('.')}); give a file that "
                "`ohmprop train --save` wrote."
            ) from None
        saved = MachineSpec.from_toml(str(values["machine_toml"]))
        if spec and spec.spec_hash != saved.spec_hash:
            raise UserError(
                f"{path} was learnt by machine {saved.spec_hash} ({saved.neurons} neurons), but {spec.spec_hash} "
                f"({spec.neurons} neurons) was asked for; leave --machine out, or give the file it was learnt with."
            )
        if saved.spec_hash != str(values["spec_hash"]) or not 0 < lfsr < 1 << 32 or learnt < 0:
            raise UserError(f"{path} contradicts itself (spec hash, LFSR or count); train again and save anew.")
        return cls(spec or saved, checked_weights(saved, values["weights"]), lfsr, learnt, seed)
