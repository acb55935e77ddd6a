"""MNIST's four IDX files, and others of their kind: names and checksums, where they are kept, reading and packing them.

IDX: two zero bytes, the type (8: unsigned bytes), the number of dimensions, each dimension as a big-endian 32-bit
number, then the bytes, last dimension fastest (the format's description comes with LeCun, Cortes and Burges 1998).
"""

import gzip
import hashlib
import math
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from ohmprop.model.errors import MachineError, UserError

Bytes = NDArray[np.uint8]

#: The unpacked files in the order of `read`, and their MD5s.
MD5S = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
#: What the files are, in the same order, and their names.
PARTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
NAMES = dict(zip(PARTS, MD5S, strict=True))
#: Most bytes of an unpacked file: twenty times what MNIST's largest has.
MOST_BYTES = 1 << 30
_MAGIC = 0x0800  # unsigned bytes; the number of dimensions is added


def cache() -> Path:
    """The folder for MNIST: ``mnist`` in $OHMPROP_CACHE, else in the user's cache directory; it need not exist."""
    chosen = os.environ.get("OHMPROP_CACHE")
    return (Path(chosen).absolute() if chosen else user_cache_path("ohmprop")) / "mnist"


def read(folder: Path | None = None) -> tuple[Bytes, ...]:
    """Training images (count, height, width), their labels (count,), test images and labels; from the cache if no folder.

    The files are found as `find` says; a folder may lack those of the test images, and then they are not returned. Other data
    in such files is welcome, so checksums are not asked for. UserError, naming the file, if one is missing, damaged or does not
    fit the others.
    """
    if folder is None:
        paths = find(cache(), "cache of MNIST", "fill it with `ohmprop data mnist`")
    else:
        paths = find(
            folder, "data folder", "give a folder with the four IDX files of MNIST or of other data", PARTS[:2]
        )
    arrays = tuple(_read(path, part) for path, part in zip(paths, PARTS, strict=False))
    for images, labels, path in zip(arrays[::2], arrays[1::2], paths[1::2], strict=True):
        if len(images) != len(labels):
            raise UserError(
                f"{path} has {len(labels)} labels for {len(images)} images; give files that belong together."
            )
    sizes = [f"{images.shape[2]} x {images.shape[1]}" for images in arrays[::2]]
    if len(set(sizes)) > 1:
        raise UserError(
            f"The training images {paths[0]} are {sizes[0]} pixels and the test images {paths[2]} {sizes[1]}; give files with "
            "images of one size."
        )
    return arrays


def holds(folder: Path) -> bool:
    """Whether a folder has IDX files where `find` looks for them."""
    try:
        return bool(_found(folder)[0])
    except OSError:
        return False


def find(folder: Path, what: str, remedy: str, needed: Sequence[str] = PARTS) -> list[Path]:
    """The four files in the order of PARTS; UserError, which names what was found, if they are not there.

    Looked for in the folder, else in its own folders, else in those folders' ``raw``, which is torchvision's
    ``MNIST/raw``. Of the others than ``needed`` all may be missing. ``what`` and ``remedy`` are the beginning and the end of the
    error.
    """
    try:
        found, seen = _found(folder)
    except OSError as error:
        raise UserError(f"The {what}, {folder}, cannot be read ({error.strerror}); {remedy}.") from None
    wanted = PARTS if set(PARTS) - set(needed) & set(found) else needed
    missing = [part for part in wanted if part not in found]
    if missing:
        names = [str(path.relative_to(folder)) for path in seen if not path.name.startswith(".")]
        held = f"only {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}" if names else "no file at all"
        raise UserError(
            f"The {what}, {folder}, holds no {' and no '.join(NAMES[part] for part in missing)}, plain or gzipped, but {held}; "
            f"{remedy}."
        )
    for paths in found.values():
        # An unpacked file and its .gz, beside each other, are one.
        if len({_stem(path) for path in paths}) > 1:
            raise UserError(
                f"The {what}, {folder}, holds {paths[0].relative_to(folder)} and {paths[1].relative_to(folder)}; give the "
                "folder of one data set."
            )
    return [min(found[part], key=lambda path: path.suffix == ".gz") for part in wanted]


def _found(folder: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """The files of each part, and all that were looked at."""
    folders, seen = [folder], []
    for deeper in ("*/", "*/raw/", ""):
        files = [path for one in folders for path in sorted(one.iterdir()) if path.is_file()]
        found: dict[str, list[Path]] = {}
        for path in files:
            if part := _part(path):
                found.setdefault(part, []).append(path)
        seen += files
        if found or not deeper:
            break
        folders = sorted(folder.glob(deeper))
    return found, seen


def _stem(path: Path) -> tuple[Path, str]:
    """The folder and what all spellings of a file's name have in common."""
    return path.parent, re.sub(r"[._]", "-", path.name.lower().removesuffix(".gz"))


def _part(path: Path) -> str | None:
    """Which of PARTS the file is, by its name and, where that leaves it open, by its content; None if it is none of them."""
    name = path.name.lower()
    half = re.search("train|t10k|test", name)
    if not half or name.startswith("."):
        return None
    kind = re.search("(images|labels).*ubyte", name)
    try:
        dimensions = int.from_bytes(_content(path, 4), "big") - _MAGIC
    except (OSError, EOFError, zlib.error):
        dimensions = 0
    word = kind[1] if kind else {1: "labels", 3: "images"}.get(dimensions)
    return f"{'train' if half[0] == 'train' else 't10k'}-{word}" if word else None


def _content(path: Path, most: int) -> bytes:
    """The first bytes of a file, unpacked if it is gzipped, whatever its name says."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with gzip.GzipFile(fileobj=file) if packed else file as content:
            # In pieces, since as many bytes as a read asks for are taken before it begins.
            pieces = []
            while most and (piece := content.read(min(most, 1 << 20))):
                pieces.append(piece)
                most -= len(piece)
            return b"".join(pieces)


def is_idx(path: Path) -> bool:
    """Whether a file begins as an IDX file of unsigned bytes does."""
    try:
        return int.from_bytes(_content(path, 4), "big") - _MAGIC in (1, 3)
    except (OSError, EOFError, zlib.error):
        return False


def read_images(path: Path) -> Bytes:
    """The images (count, height, width) of an IDX file; UserError, naming it, if it is damaged or holds none."""
    return _read(path, PARTS[0])


def _read(path: Path, part: str) -> Bytes:
    """One file's array."""
    try:
        return unpack_idx(_content(path, MOST_BYTES), path, 3 if part.endswith("images") else 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({str(error).rstrip('.')}); replace the file.") from None


def unpack_idx(data: bytes, path: Path, dimensions: int) -> Bytes:
    """The array in the bytes of an IDX file; UserError, naming the path, if they are no whole array, or an empty one."""
    header = 4 + 4 * dimensions
    magic = int.from_bytes(data[:4], "big")
    if len(data) >= 4 and magic != _MAGIC + dimensions:
        raise UserError(
            f"{path} begins with the magic number 0x{magic:08x}, where an IDX file of unsigned bytes in {dimensions} "
            f"dimension{'s'[: dimensions > 1]} has 0x{_MAGIC + dimensions:08x}; replace the file."
        )
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, header, 4))
    length = header + math.prod(shape)
    if len(data) < header or len(data) != length:
        raise UserError(
            f"{path} has {len(data):,} bytes, but an IDX file "
            f"{f'of its dimensions has {length:,}' if len(data) >= header else f'has at least {header}'}; replace the file."
        )
    if not math.prod(shape):
        raise UserError(f"{path} is empty, its dimensions are {shape}; give a file with data.")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def pack_idx(array: Bytes) -> bytes:
    """The bytes of an IDX file of the array."""
    header = np.array([_MAGIC + array.ndim, *array.shape], ">u4")
    return header.tobytes() + array.tobytes()


def check(files: Mapping[str, bytes]) -> None:
    """MachineError unless these are MNIST's four files, unpacked, by their MD5s."""
    for name, expected in MD5S.items():
        found = hashlib.md5(files[name], usedforsecurity=False).hexdigest()
        if found != expected:
            raise MachineError(
                f"The fetched {name} is not MNIST's, its MD5 is {found} and not {expected}; try again, or fetch MNIST's "
                "four IDX files by other means and name their folder with --data."
            )
