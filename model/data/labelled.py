"""A user's own images with classes: folders of pictures, IDX files, arrays and tables, told apart by what they are."""

import csv
import io
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.data import mnist, pictures
from ohmprop.model.data.pictures import LUMA
from ohmprop.model.data.preparation import Images
from ohmprop.model.errors import UserError
from ohmprop.model.text import decode

#: A class, as the data name it.
Label = int | str
#: What a data set may be, for messages.
KINDS = (
    "a folder of class folders with pictures, IDX files as MNIST's, an .npz or a folder of .npy with X and y, or a .csv with a "
    "column of labels"
)
#: Most bytes of arrays, and of a table.
MOST_BYTES, MOST_TABLE = 1 << 32, 1 << 28
#: Names of folders and of arrays that hold test images, and training images.
_TEST = ("test", "t10k", "val", "valid", "validation")
_TRAIN = ("train", "training", "")
#: Names of images and labels in .npz files and of .npy files, in lower case: numpy's, scikit-learn's, Keras' and others.
_IMAGES = ("x", "data", "images", "image", "arr_0")
_LABELS = ("y", "target", "targets", "labels", "label", "classes", "arr_1")
#: Names of a table's column of labels.
_COLUMNS = ("label", "labels", "class", "target", "y", "species", "digit")


@dataclass(frozen=True)
class Part:
    """Images and their classes.

    Members
    -------
    images : (count, height, width) of numbers, or pictures.
    labels : the class of each, by its name in the data.
    files : where each comes from; empty if they are rows of one file.
    """

    images: Images
    labels: tuple[Label, ...]
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """A data set as it was found.

    Members
    -------
    name : of the file or folder.
    kind : what it is, in words.
    train, test : training and test images; None if the data do not part them.
    notes : what was left out, a sentence each.
    """

    name: str
    kind: str
    train: Part
    test: Part | None = None
    notes: tuple[str, ...] = ()


def read(source: str) -> Labelled:
    """The labelled images in a file or folder; UserError if there is none, or it is none of KINDS."""
    path = Path(source)
    if os.path.isdir(path):
        for reader in (_idx_files, _arrays, _table_folder, _class_folders):
            found = reader(path)
            if found:
                return found
        raise UserError(f"The folder {source} holds {_listing(path)}, which is no data set; give {KINDS}.")
    if not os.path.isfile(path):
        raise UserError(f"There is no data set, no file and no folder {source}; give digits, mnist, {KINDS}.")
    suffix = "".join(path.suffixes[-2:]).lower()
    for ending, file_reader in _FILES.items():
        if suffix.endswith(ending):
            return file_reader(path)
    raise UserError(f"{source} is no data set; give {KINDS}.")


def _listing(folder: Path) -> str:
    """What is in a folder, shortly."""
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return f"{', '.join(names[:5])}{' and more' if len(names) > 5 else ''}" if names else "nothing"


# -- folders of pictures -----------------------------------------------------------------------------------------------


def _class_folders(folder: Path) -> Labelled | None:
    """A folder for each class, or ``train`` and ``test`` with these (the layout of torchvision's ImageFolder)."""
    inner = {path.name.lower(): path for path in _folders(folder)}
    train = next((inner[name] for name in _TRAIN if name in inner), None)
    test = next((inner[name] for name in _TEST if name in inner), None)
    if train and (test or len(inner) == 1) and _folders(train):
        notes = [f"the folder {path.name} is left out" for path in inner.values() if path not in (train, test)]
        parts = [_pictures(part, notes) if part else None for part in (train, test)]
    else:
        if not inner:
            if any(pictures.is_picture(path) for path in folder.iterdir()):
                raise UserError(
                    f"The pictures in {folder} have no classes; put them into a folder for each class, as {folder.name}/cat and "
                    f"{folder.name}/dog."
                )
            return None
        notes = []
        parts = [_pictures(folder, notes), None]
    if parts[0] is None or not parts[0].labels:
        return None
    return Labelled(folder.name, "class folders of pictures", parts[0], parts[1], tuple(notes))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pictures(folder: Path, notes: list[str]) -> Part:
    """All pictures below the folder's folders, each of the class that its folder is named after."""
    found, labels, files = [], [], []
    other = []
    for own in _folders(folder):
        for path in files_below(own):
            if pictures.is_picture(path):
                found.append(pictures.read(path))
                labels.append(own.name)
                files.append(str(path.relative_to(folder)))
            else:
                other.append(str(path.relative_to(folder)))
    if other:
        notes.append(f"{len(other)} {'file is' if len(other) == 1 else 'files are'} no picture, as {other[0]}")
    return Part(found, _whole(labels), tuple(files))


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and its folders, but for hidden ones, each once, however links go round."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _whole(labels: Iterable[object]) -> tuple[Label, ...]:
    """Labels as whole numbers, if all of them are."""
    names = [str(label).strip() for label in labels]
    if all(name.lstrip("-").isdecimal() and name.isascii() for name in set(names)):
        return tuple(map(int, names))
    return tuple(names)


# -- IDX ---------------------------------------------------------------------------------------------------------------


def _idx_files(folder: Path) -> Labelled | None:
    """MNIST's files, or others of the same format; the test files may be missing."""
    if not mnist.holds(folder):
        return None
    train_images, train_labels, *test = mnist.read(folder)
    part = Part(test[0], tuple(test[1].tolist())) if test else None
    return Labelled(folder.resolve().name, "IDX files", Part(train_images, tuple(train_labels.tolist())), part)


# -- arrays ------------------------------------------------------------------------------------------------------------


def _npz(path: Path) -> Labelled:
    return _named_arrays(path, load_npz(path))


def _arrays(folder: Path) -> Labelled | None:
    """A folder with X.npy and y.npy, or with one .npz."""
    packed = sorted(folder.glob("*.npz"))
    if len(packed) == 1:
        return _npz(packed[0])
    paths = sorted(folder.glob("*.npy"))
    if not paths:
        return None
    return _named_arrays(folder, {path.stem: load_npy(path) for path in paths})


def _named_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Labelled:
    """Images and labels by their names, as X and y, x_train and y_test, train_images, data and target."""
    parts = {}
    for half, prefixes in (("train", _TRAIN), ("test", _TEST)):
        pair = [_of_part(arrays, names, prefixes) for names in (_IMAGES, _LABELS)]
        if None not in pair:
            parts[half] = _part(str(path), *(arrays[name] for name in pair if name))
    if "train" not in parts:
        raise UserError(
            f"{path} holds the arrays {', '.join(arrays) or '(none)'} but no images with labels; name them X and y, or x_train, "
            "y_train, x_test and y_test."
        )
    return Labelled(path.resolve().stem, "arrays", parts["train"], parts.get("test"))


def _of_part(arrays: Mapping[str, NDArray[Any]], names: Sequence[str], prefixes: Sequence[str]) -> str | None:
    """The array that one of the names and one of the prefixes make up, in either order."""
    for prefix in prefixes:
        for name in names:
            wanted = (
                {name} if not prefix else {f"{prefix}_{name}", f"{name}_{prefix}", f"{prefix}{name}", f"{name}{prefix}"}
            )
            for found in arrays:
                if found.lower().replace("-", "_") in wanted:
                    return found
    return None


def _part(where: str, images: NDArray[Any], labels: NDArray[Any]) -> Part:
    stacked = as_images(images, where)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and labels.dtype.kind in "buif" and (np.sort(labels, axis=1)[:, :-1] == 0).all():
        # One in a row, as networks have their targets.
        labels = labels.argmax(axis=1)
    if labels.shape != (len(stacked),):
        raise UserError(
            f"{where} has labels of shape {labels.shape} for {len(stacked)} images; give one label for each."
        )
    return Part(stacked, labels_of(labels, where))


def labels_of(labels: NDArray[Any], where: str) -> tuple[Label, ...]:
    """Labels of an array: whole numbers, or names."""
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all() or (labels != np.floor(labels)).any():
            raise UserError(f"{where} has labels that are no classes, as {labels[0]!r}; give whole numbers or names.")
        labels = labels.astype(np.int64)
    if labels.dtype.kind in "biu":
        return tuple(map(int, labels.tolist()))
    if labels.dtype.kind == "S":
        labels = labels.astype(np.str_)
    if labels.dtype.kind != "U":
        raise UserError(f"{where} has labels of the type {labels.dtype}; give whole numbers or names.")
    return _whole(labels.tolist())


def as_images(array: NDArray[Any], where: str) -> NDArray[Any]:
    """An array of numbers as images (count, height, width); colours become grey, rows of a square number of pixels squares.

    UserError, which begins with ``where``, for other shapes, for what are no numbers, and where one is not finite.
    """
    if array.dtype.kind not in "biuf":
        raise UserError(f"{where} holds {array.dtype} and not plain numbers; give images as an array of numbers.")
    if array.nbytes > MOST_BYTES:
        raise UserError(f"{where} has {array.nbytes:,} bytes, more than {MOST_BYTES:,}; give fewer images at a time.")
    if array.ndim == 4 and array.shape[3] in (1, 3, 4):
        array = _grey(array)
    elif array.ndim == 4 and array.shape[1] in (1, 3, 4):
        array = _grey(np.moveaxis(array, 1, 3))
    elif array.ndim == 2 and array.size:
        side = math.isqrt(array.shape[1])
        height = side if side * side == array.shape[1] else 1
        array = array.reshape(len(array), height, -1)
    if array.ndim != 3 or not array.size:
        raise UserError(
            f"{where} has images of shape {array.shape}; give (count, pixels), (count, height, width) or (count, height, width, "
            "3), none of them 0."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[0])
        raise UserError(f"Image {at} of {where} has pixels that are no finite numbers; replace them, or take it out.")
    return array


def _grey(array: NDArray[Any]) -> NDArray[Any]:
    """The luminance of images (count, height, width, channels), of the same kind of numbers."""
    if array.shape[3] == 1:
        return array[..., 0]
    grey = array[..., :3].astype(np.float64) @ (np.array(LUMA) / 65536)
    return grey.astype(array.dtype) if array.dtype.kind == "f" else np.floor(grey + 0.5).astype(array.dtype)


def load_npy(path: Path) -> NDArray[Any]:
    """The array in a file; nothing in it is executed. UserError if it cannot be read."""
    try:
        with path.open("rb") as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, tokenize.TokenError) as error:
        raise UserError(
            f"{path} is not a readable .npy array ({_first_line(error)}); save a plain array with numpy.save."
        ) from None
    return array


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays in a file by their names; nothing in it is executed. UserError if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
            if size > MOST_BYTES:
                raise ValueError(f"it has {size:,} bytes")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, MemoryError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path} is not a readable .npz file ({_first_line(error)}); save plain arrays with numpy.savez."
        ) from None


def _first_line(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error).strip()
    return (text.splitlines() or [type(error).__name__])[0].rstrip(".")


# -- tables ------------------------------------------------------------------------------------------------------------


def _table_folder(folder: Path) -> Labelled | None:
    """A folder with one table, or with one for training and one for test images."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".csv", ".tsv"))
    halves = {
        half: path
        for half, names in (("train", _TRAIN[:2]), ("test", _TEST))
        for path in paths
        if any(name in path.stem.lower() for name in names)
    }
    if len(paths) == 1:
        return _table(paths[0])
    if len(paths) != 2 or set(halves) != {"train", "test"}:
        return None
    train, test = (_table(halves[half]).train for half in ("train", "test"))
    return Labelled(folder.resolve().name, "tables", train, test)


def _table(path: Path) -> Labelled:
    """A row for each image: its label and its pixels. A heading may name the column of labels; else it is the first one that
    holds no number, or the first.
    """
    lines = _lines(path)
    separator = max(",;\t", key=lines[0].count)
    first = next(csv.reader(lines[:1], delimiter=separator))
    named = any(cell.strip().lower() in _COLUMNS for cell in first)
    headed = named or sum(map(_is_number, first)) <= len(first) // 2
    heading = [cell.strip().lower() for cell in first] if headed else None
    body = lines[headed:]
    if not body:
        raise UserError(f"The table {path} has a heading and no rows; give a row for each image.")
    cells = next(csv.reader(body[:1], delimiter=separator))
    known = next((heading.index(name) for name in _COLUMNS if name in heading), None) if heading else None
    words = next((index for index, cell in enumerate(cells) if not _is_number(cell)), 0)
    column = words if known is None else known
    try:
        numbers = np.loadtxt(body, np.float64, comments=None, delimiter=separator, ndmin=2)
        labels, pixels = labels_of(numbers[:, column], str(path)), np.delete(numbers, column, axis=1)
    except ValueError:
        labels, pixels = _cells(path, list(csv.reader(body, delimiter=separator)), column, 1 + headed)
    part = Part(as_images(pixels, str(path)), labels)
    name = heading[column] if heading else str(column + 1)
    return Labelled(path.resolve().stem, f"a table with labels in column {name}", part)


def _lines(path: Path) -> list[str]:
    """The lines of a table that are not empty; UserError if there is none, or it is no text."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_TABLE + 1)
        if len(data) > MOST_TABLE:
            raise ValueError(f"it has more than {MOST_TABLE >> 20} MiB")
        lines = [line for line in io.StringIO(decode(data)) if line.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"The table {path} cannot be read as text ({_first_line(error)}); give {KINDS}.") from None
    if not lines:
        raise UserError(f"The table {path} is empty; give a row for each image.")
    return lines


def _cells(path: Path, rows: list[list[str]], column: int, first: int) -> tuple[tuple[Label, ...], NDArray[np.float64]]:
    """Labels and pixels of rows that are not all numbers; ``first`` is the line of the first one."""
    pixels = np.empty((len(rows), len(rows[0]) - 1), np.float64)
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise UserError(
                f"Row {number + first} of {path} has {len(row)} columns where others have {len(rows[0])}; give all rows the "
                "same."
            )
        for place, (index, cell) in enumerate((at, cell) for at, cell in enumerate(row) if at != column):
            try:
                pixels[number, place] = float(cell)
            except ValueError:
                raise UserError(
                    f"Row {number + first} of {path} has {cell[:20]!r} in column {index + 1}, where others have numbers; correct "
                    "it, or take the column out."
                ) from None
    return _whole(row[column] for row in rows), pixels


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


_FILES: Mapping[str, Callable[[Path], Labelled]] = {".npz": _npz, ".csv": _table, ".tsv": _table}
