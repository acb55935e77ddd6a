"""Images without classes, to be read by a machine that has learnt: pictures, arrays and IDX files."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.data import mnist, pictures
from ohmprop.model.data.labelled import as_images, files_below, load_npy, load_npz
from ohmprop.model.data.preparation import Images
from ohmprop.model.errors import UserError

_KINDS = "a picture, a folder of pictures, an .npy or .npz array, or an IDX file of images"


def read_images(source: Path, shape: tuple[int, int]) -> tuple[Images, tuple[str, ...]]:
    """The images in a file or folder, and where each comes from.

    ``shape`` is the height and width that they will have, by which a single image is distinguished from a list of rows. UserError
    if the source is missing, or cannot be read as any of these.
    """
    if os.path.isdir(source):
        paths = [path for path in files_below(source) if pictures.is_picture(path)]
        if not paths:
            raise UserError(f"The folder {source} holds no picture; give {_KINDS}.")
        return [pictures.read(path) for path in paths], tuple(str(path.relative_to(source)) for path in paths)
    if not os.path.isfile(source):
        raise UserError(f"There is no file and no folder {source}; give {_KINDS}.")
    suffix = source.suffix.lower()
    if suffix == ".npy":
        return _rows(source, load_npy(source), shape)
    if suffix == ".npz":
        arrays = [array for array in load_npz(source).values() if array.ndim > 1]
        if len(arrays) != 1:
            raise UserError(f"{source} holds {len(arrays)} arrays that may be images; give a file with one.")
        return _rows(source, arrays[0], shape)
    if pictures.is_picture(source):
        return [pictures.read(source)], (source.name,)
    if mnist.is_idx(source):
        return _rows(source, mnist.read_images(source), shape)
    raise UserError(f"{source} holds no images that can be read; give {_KINDS}.")


def _rows(source: Path, array: NDArray[Any], shape: tuple[int, int]) -> tuple[Images, tuple[str, ...]]:
    """The images in an array, by their numbers."""
    if array.shape == shape and array.ndim == 2 and array.shape[1] != shape[0] * shape[1]:
        array = array[None]
    images = as_images(array, str(source))
    if array.ndim == 2 and np.prod(images.shape[1:]) == shape[0] * shape[1]:
        images = images.reshape(-1, *shape)
    return images, tuple(f"{source.name}:{number}" for number in range(len(images)))
