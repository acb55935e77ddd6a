"""MNIST's four IDX files: their names and checksums, where they are kept, reading and packing them.

IDX: two zero bytes, the type (8: unsigned bytes), the number of dimensions, each dimension as a big-endian 32-bit
number, then the bytes, last dimension fastest (the format's description comes with LeCun, Cortes and Burges 1998).
"""

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Mapping
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
#: Labels are 0 to 9.
LABELS = 10
_MAGIC = 0x0800  # unsigned bytes; the number of dimensions is added


def cache() -> Path:
    """The folder for MNIST: ``mnist`` in $OHMPROP_CACHE, else in the user's cache directory; it need not exist."""
    chosen = os.environ.get("OHMPROP_CACHE")
    return (Path(chosen).absolute() if chosen else user_cache_path("ohmprop")) / "mnist"


def read(folder: Path | None = None) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """Training images (count, height, width), their labels (count,), test images and labels; from the cache if no folder.

    Each file is plain or, with ``.gz`` behind its name, compressed. Other data in files of these names is welcome, so
    checksums are not asked for. UserError, naming the file, if one is missing, damaged or does not fit the others, or a
    label is above 9.
    """
    where = cache() if folder is None else folder
    train_images, train_labels, test_images, test_labels = (_read(where, name, folder is None) for name in MD5S)
    names = tuple(MD5S)
    for images, labels, name in ((train_images, train_labels, names[1]), (test_images, test_labels, names[3])):
        if len(images) != len(labels):
            raise UserError(
                f"{where / name} has {len(labels)} labels for {len(images)} images; give files that belong together."
            )
        if labels.max() >= LABELS:
            raise UserError(
                f"Label {int(np.argmax(labels >= LABELS)) + 1} in {where / name} is {labels[labels >= LABELS][0]}, outside "
                f"the classes 0 to {LABELS - 1}; give labels of these classes only."
            )
    sizes = [f"{images.shape[2]} x {images.shape[1]}" for images in (train_images, test_images)]
    if sizes[0] != sizes[1]:
        raise UserError(
            f"The training images in {where} are {sizes[0]} pixels and the test images {sizes[1]}; give files with "
            "images of one size."
        )
    return train_images, train_labels, test_images, test_labels


def _read(folder: Path, name: str, cached: bool) -> Bytes:
    """One file's array; ``cached`` only chooses the advice."""
    advice = "fill it with `ohmprop data mnist`" if cached else "give a folder with MNIST's four IDX files"
    plain = folder / name
    packed = folder / f"{name}.gz"
    path = plain if plain.is_file() else packed
    try:
        if not path.is_file():
            what = "cache of MNIST" if cached else "data folder"
            raise UserError(f"The {what}, {folder}, holds no file {name}, plain or .gz; {advice}.")
        data = path.read_bytes()
        return unpack_idx(gzip.decompress(data) if path == packed else data, path, 3 if "images" in name else 1)
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
        raise UserError(f"{path} holds nothing, its dimensions are {shape}; give a file with data.")
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
