"""A training run on disk: everything needed to recall with it, or to continue it bit for bit, on any board."""

import io
import json
import lzma
import math
import os
import shlex
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.weights import Weights, checked_weights
from ohmprop.host.run.memristors import Memristors
from ohmprop.host.show.console import warn
from ohmprop.host.show.files import write_file
from ohmprop.model.data.preparation import Preparation
from ohmprop.model.errors import UserError
from ohmprop.model.link.features import basic
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.spec import MachineSpec

#: Where Ctrl-C leaves what was learnt if neither --save nor --checkpoint names a file.
INTERRUPTED = Path("runs/interrupted.npz")
#: Most bytes of a file, and of each member but the weights, once unpacked; many times what the largest machine takes.
FILE_BYTES = 1 << 26
TEXT_BYTES = 1 << 16
#: Members of devices, with their most bytes.
CELLS_BYTES = {"cells": TEXT_BYTES, "unit": FILE_BYTES}
#: Members of an estimator's own, with their most bytes.
BESIDE_BYTES = {"beside_patterns": FILE_BYTES, "beside_middle": 8}
#: Bytes before a member's data: numpy writes 128.
HEADER_BYTES = 1 << 10
#: The options of a run that --resume takes from the file, with their types; either the first ones or the others.
PATTERN_OPTIONS: dict[str, tuple[type, ...]] = {"patterns": (str,), "epochs": (int,), "content": (int,)}
DATA_OPTIONS: dict[str, tuple[type, ...]] = {
    "data": (str,),
    "classes": (list, NoneType),
    "per_class": (int, NoneType),
    "resize": (int, NoneType),
    "prepared": (dict, NoneType),
    "epochs": (int,),
    "halvings": (int, float),
    "content": (int,),
}


@dataclass(frozen=True)
class Checkpoint:
    """What a run has learnt.

    Members
    -------
    spec : the machine, its settings included.
    weights : matrix after matrix, int16, as `checked_weights` returns them.
    lfsr : the random register after the last pattern, 1 to 2**32 - 1.
    learnt : patterns learnt since the initial weights; with their number, epoch and position follow from it.
    seed : the seed of the initial weights and of the order of a data set's images.
    counters : what the machine's counters have grown by since the initial weights.
    run : the options to resume the run with, PATTERN_OPTIONS or DATA_OPTIONS; ``content`` is the CRC-32 of the patterns or
        images. Empty if there is no run to resume.
    memristors : what the cells are; None if they are linear.
    beside : what an estimator keeps besides, all of BESIDE_BYTES or nothing.
    """

    spec: MachineSpec
    weights: Weights
    lfsr: int
    learnt: int
    seed: int
    counters: Mapping[str, int] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    memristors: Memristors | None = None
    beside: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def unit(self) -> PulseUnit | None:
        """The pulse unit of the cells; None if they are linear."""
        return self.memristors.unit if self.memristors else None

    def with_device(self, device: str, scheme: str | None, most: int) -> "Checkpoint":
        """The same in cells of the device of this name, which hold no weight beyond its rails; UserError as `Memristors.of`."""
        memristors = Memristors.of(self.spec, device, scheme, most)
        tables = memristors.unit.tables
        weights = tuple(np.clip(matrix, tables.low, tables.high) for matrix in self.weights)
        return replace(self, spec=replace(self.spec, pulses=True), weights=weights, memristors=memristors)

    def save(self, path: Path) -> None:
        """Write an .npz file, in one piece or not at all; its zip format has a CRC-32 of every member."""
        buffer = io.BytesIO()
        texts: dict[str, str] = {
            "spec_hash": self.spec.spec_hash,
            "machine_toml": self.spec.to_toml(),
            "counters": json.dumps(dict(self.counters)),
            "run": json.dumps(dict(self.run)),
        }
        plain = {name: text.encode() for name, text in texts.items()}
        if self.memristors:
            plain |= self.memristors.pack(self.spec)
        members: dict[str, Any] = {name: np.frombuffer(content, np.uint8) for name, content in plain.items()}
        members["weights"] = np.concatenate([matrix.reshape(-1) for matrix in self.weights])
        members |= {"lfsr": np.uint32(self.lfsr), "learnt": np.int64(self.learnt), "seed": np.int64(self.seed)}
        members |= self.beside
        np.savez_compressed(buffer, **members)
        write_file(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path, spec: MachineSpec | None = None) -> "Checkpoint":
        """Read what ``save`` wrote; UserError if the file is damaged, not one of ours, or of another machine than ``spec``.

        With a ``spec`` its settings are taken, otherwise the file's, and a pulse unit is added for devices in the file.
        Nothing in the file is executed, and no more memory is taken than a machine of the largest size needs, whatever
        the file says.
        """
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size > FILE_BYTES:
                    raise ValueError(f"it has more than {FILE_BYTES} bytes")
                with zipfile.ZipFile(file) as archive:
                    texts = {
                        name: _member(archive, name, TEXT_BYTES).tobytes().decode()
                        for name in ("spec_hash", "machine_toml", "counters", "run")
                    }
                    lfsr, learnt, seed = (int(_member(archive, name, 8)) for name in ("lfsr", "learnt", "seed"))
                    weights = _member(archive, "weights", FILE_BYTES)
                    # Neither of them where cells are linear, as in files from before there were devices.
                    pulsed = {f"{name}.npy" for name in CELLS_BYTES} & set(archive.namelist())
                    parts = {
                        name: _member(archive, name, most).tobytes() for name, most in CELLS_BYTES.items() if pulsed
                    }
                    kept = {f"{name}.npy" for name in BESIDE_BYTES} & set(archive.namelist())
                    beside = {name: _member(archive, name, most) for name, most in BESIDE_BYTES.items() if kept}
            counters, run = _counters(texts["counters"]), _run(texts["run"])
            saved = MachineSpec.from_saved(texts["machine_toml"])
            memristors = Memristors.unpack(saved, parts) if parts else None
        except (
            *(
                OSError,
                ValueError,
                TypeError,
                KeyError,
                EOFError,
                RuntimeError,
                RecursionError,
                MemoryError,
                SyntaxError,
            ),
            *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
        ) as error:
            text = getattr(error, "strerror", None) or str(*error.args[:1])
            reason = text.splitlines() or [type(error).__name__]
            raise UserError(
                f"{path} cannot be read as saved weights ({reason[0].rstrip('.')}); give a file that "
                "`ohmprop train` wrote with --save or --checkpoint."
            ) from None
        if spec and basic(spec).spec_hash != basic(saved).spec_hash:
            raise UserError(
                f"{path} was learnt by machine {saved.spec_hash} ({saved.neurons} neurons), but {spec.spec_hash} "
                f"({spec.neurons} neurons) was asked for; leave --machine out, or give the file it was learnt with."
            )
        if saved.spec_hash != texts["spec_hash"] or not 0 < lfsr < 1 << 32 or not (learnt >= 0 and 0 <= seed < 1 << 32):
            raise UserError(f"{path} contradicts itself (spec hash, LFSR, count or seed); train and save again.")
        matrices = checked_weights(saved, _matrices(saved, weights))
        # A pulse unit changes no weights; without one there are no devices.
        machine = replace(spec, pulses=spec.pulses or memristors is not None) if spec else saved
        return cls(machine, matrices, lfsr, learnt, seed, counters, run, memristors, beside)


def resumed(path: Path) -> dict[str, Any]:
    """The options of the run in a file; UserError if there is no run to resume."""
    run = dict(Checkpoint.load(path).run)
    if not run:
        raise UserError(f"{path} holds weights but no run to resume; start from them with --load.")
    if run.get("classes"):
        run["classes"] = tuple(run["classes"])
    return run


class Keeper:
    """Writes checkpoints in the midst of a run, which a disk that is full does not end."""

    def __init__(self, path: Path) -> None:
        self._path, self._failing = path, False

    def keep(self, reached: Checkpoint) -> None:
        """Write what was learnt; if that fails say so, once for each time that it begins to fail."""
        try:
            reached.save(self._path)
            self._failing = False
        except UserError as error:
            if not self._failing:
                warn(f"{str(error).rstrip('.')}; the run goes on, and the next checkpoint is tried there again.")
            self._failing = True


class Kept(NamedTuple):
    """Where what was learnt is kept.

    Members
    -------
    command : the command that goes on from it; empty if it was kept nowhere.
    complaint : a sentence if it could not be kept where it was to be; else empty.
    """

    command: str
    complaint: str


def leave(reached: Checkpoint, save: Path | None, checkpoint: Path | None, always: bool) -> Kept:
    """Write what was learnt to the files that were named, and where it must be kept and is in none of them, elsewhere.

    That is INTERRUPTED, or the folder for temporary files; it must be kept with ``always``, and if a file was named.
    """
    named = [path for path in (checkpoint, save) if path]
    elsewhere = [INTERRUPTED, Path(tempfile.gettempdir()) / INTERRUPTED.name]
    kept: list[Path] = []
    failures: list[str] = []
    for path in [*named, *elsewhere]:
        if path in elsewhere and (kept or not (named or always)):
            break
        try:
            reached.save(path)
            kept.append(path)
        except UserError as error:
            failures.append(str(error).rstrip("."))
    option = "resume" if kept and kept[0] == checkpoint else "load"
    command = f"`ohmprop train --{option} {shlex.quote(str(kept[0]))}`" if kept else ""
    where = f"what was learnt is kept, and {command} continues from it" if kept else "what was learnt is lost"
    return Kept(command, f"{failures[0]}; {where}." if failures else "")


def _matrices(spec: MachineSpec, weights: NDArray[Any]) -> list[NDArray[Any]]:
    """The matrices from a file's array: one after another, row after row; a recurrent machine's once were a square."""
    sizes = [matrix.rows * matrix.columns for matrix in spec.matrices]
    if weights.size != sum(sizes):
        raise UserError(f"Weights of shape {weights.shape} do not fit; this machine needs {sum(sizes)}.")
    parts = np.split(weights.reshape(-1), np.cumsum(sizes)[:-1])
    return [part.reshape(matrix.rows, matrix.columns) for part, matrix in zip(parts, spec.matrices, strict=True)]


def _member(archive: zipfile.ZipFile, name: str, most: int) -> NDArray[Any]:
    """An array of at most ``most`` bytes; its sizes are checked before it is read."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.file_size > most + HEADER_BYTES:
        raise ValueError(f"{name} is too long or compressed in an unknown way")
    with archive.open(info) as packed:
        # Never more than was just checked, and up to the end, where the checksum is compared.
        data = io.BytesIO(packed.read(info.file_size))
    np.lib.format.read_magic(data)
    shape, fortran, kind = np.lib.format.read_array_header_1_0(data)
    content = data.read()
    if kind.hasobject or fortran or math.prod(shape) * kind.itemsize != len(content):
        raise ValueError(f"{name} is not a plain array of the stated size")
    return np.frombuffer(content, kind).reshape(shape)


def _counters(text: str) -> dict[str, int]:
    counters = json.loads(text)
    if not isinstance(counters, dict) or not all(type(value) is int and value >= 0 for value in counters.values()):
        raise ValueError("its counters are not numbers")
    return counters


def _run(text: str) -> dict[str, Any]:
    run = json.loads(text)
    if run == {}:
        return {}
    if isinstance(run, dict) and "data" in run:
        # Once there were only MNIST's files and the digits, and nothing to prepare.
        run.setdefault("prepared", None)
        if run["prepared"]:
            Preparation.from_json(run["prepared"])
    for options in (PATTERN_OPTIONS, DATA_OPTIONS):
        if (
            isinstance(run, dict)
            and run.keys() == options.keys()
            and all(type(run[name]) in kinds for name, kinds in options.items())
            and all(type(label) in (int, str) for label in run.get("classes") or ())
        ):
            return run
    raise ValueError("its run options are invalid")
