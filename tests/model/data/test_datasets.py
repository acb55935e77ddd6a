"""Data sets: MNIST's files with every fault, the choice, order, size and depth of images."""

import gzip
import hashlib
import sys

import numpy as np
import pytest
from sklearn import datasets as sklearn_datasets

from ohmprop.model.data import datasets, mnist
from ohmprop.model.data.datasets import Choice
from ohmprop.model.errors import UserError

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = mnist.MD5S


def images_and_labels(count, seed):
    """Random images of 6 x 4 pixels, all ten labels equally often."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 6, 4), np.uint8), rng.permutation(np.arange(count, dtype=np.uint8) % 10)


ARRAYS = (*images_and_labels(200, 1), *images_and_labels(50, 2))
FILES = {name: mnist.pack_idx(array) for name, array in zip(mnist.MD5S, ARRAYS, strict=True)}


@pytest.fixture
def folder(tmp_path):
    """A folder with four small files."""
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def load(source, seed=0, **choice):
    """Load it; noise has no background to be dark or light."""
    choice.setdefault("invert", False)
    return datasets.load(str(source), Choice(**choice), seed)


def refused(source, *words, **choice):
    """Loading ends in one sentence with these words."""
    with pytest.raises(UserError) as caught:
        load(source, **choice)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and ";" in sentence
    for word in words:
        assert word in sentence


# -- files -------------------------------------------------------------------------------------------------------------


def test_idx_is_read_as_its_description_says():
    data = bytes.fromhex("00000803 00000002 00000001 00000003") + bytes(range(6))
    array = mnist.unpack_idx(data, "file", 3)
    assert array.tolist() == [[[0, 1, 2]], [[3, 4, 5]]]
    assert mnist.pack_idx(array) == data


def test_plain_and_compressed_files_are_read_alike(folder):
    plain = mnist.read(folder)
    for array, expected in zip(plain, ARRAYS, strict=True):
        assert np.array_equal(array, expected)
    for name, data in FILES.items():
        (folder / name).unlink()
        (folder / f"{name}.gz").write_bytes(gzip.compress(data))
    for array, expected in zip(mnist.read(folder), plain, strict=True):
        assert np.array_equal(array, expected)


def dotted(name):
    return name.replace("-idx", ".idx")


#: Where the four files are found, and how they are written there.
PLACES = {
    "a dot in the names": lambda name, data: (dotted(name), data),
    "a dot, and packed": lambda name, data: (f"{dotted(name)}.gz", gzip.compress(data)),
    "packed without .gz": lambda name, data: (name, gzip.compress(data)),
    "not packed in spite of .gz": lambda name, data: (f"{name}.gz", data),
    "capitals": lambda name, data: (name.upper(), data),
    "other names, known by their content": lambda name, data: (name.split("-idx")[0].replace("t10k", "test"), data),
    "no word of what they are": lambda name, data: (f"{name.split('-')[0]}.{name.split('-')[1][0]}", data),
    "one level deeper": lambda name, data: (f"mnist/{name}", data),
    "each in a folder of its name": lambda name, data: (f"{name}/{dotted(name)}", data),
    "torchvision's": lambda name, data: (f"MNIST/raw/{name}", data),
}


@pytest.mark.parametrize("place", PLACES)
def test_files_are_found_by_content_and_place(tmp_path, place):
    for name, data in FILES.items():
        path, written = PLACES[place](name, data)
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(written)
        # What macOS leaves beside them.
        (tmp_path / path).with_name(f"._{(tmp_path / path).name}").write_bytes(b"\0\5\x16\7")
    for array, expected in zip(mnist.read(tmp_path), ARRAYS, strict=True):
        assert np.array_equal(array, expected)


def test_packed_beside_unpacked_files_are_no_doubt_and_two_data_sets_are(folder):
    for name, data in FILES.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(data)[:-9])
    assert np.array_equal(mnist.read(folder)[0], ARRAYS[0])
    (folder / f"fashion-{TRAIN_IMAGES}").write_bytes(FILES[TRAIN_IMAGES])
    refused(folder, f"fashion-{TRAIN_IMAGES}", "one data set")


def test_two_data_sets_side_by_side(tmp_path):
    for name, data in FILES.items():
        for other in ("MNIST", "FashionMNIST"):
            (tmp_path / other / "raw").mkdir(parents=True, exist_ok=True)
            (tmp_path / other / "raw" / name).write_bytes(data)
    refused(tmp_path, "holds FashionMNIST/raw/", "and MNIST/raw/", "one data set")
    assert np.array_equal(mnist.read(tmp_path / "MNIST")[1], ARRAYS[1])


def test_what_was_found_is_told(folder, monkeypatch):
    (folder / TEST_IMAGES).unlink()
    refused(folder, f"no {TEST_IMAGES}", TRAIN_LABELS)
    for path in folder.iterdir():
        path.unlink()
    refused(folder, "holds nothing, which is no data set")
    for name in ("archive.zip", "deeper/mnist.npz"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"PK")
    refused(folder, "holds archive.zip, deeper, which is no data set")
    refused(folder / "archive.zip", "archive.zip is no data set")
    refused(folder / "absent", "There is no data set, no file and no folder")
    # No more memory is taken than the largest data set has, whatever a packed file holds.
    monkeypatch.setattr(mnist, "MOST_BYTES", 1 << 21)
    for name in FILES:
        (folder / name).write_bytes(
            gzip.compress(bytes.fromhex("00000803 7fffffff 00000001 00000001") + bytes(1 << 22))
        )
    refused(folder, "2,097,152 bytes")


def bad_label(labels):
    return labels[:8] + bytes([labels[8], 10]) + labels[10:]


FAULTS = {
    "cut short": (TRAIN_IMAGES, lambda data: data[:-1], "bytes"),
    "too long": (TRAIN_IMAGES, lambda data: data + b"x", "bytes"),
    "cut in the header": (TEST_LABELS, lambda data: data[:6], "at least 8"),
    "empty": (TEST_LABELS, lambda data: b"", "at least 8"),
    "wrong magic": (TRAIN_LABELS, lambda data: b"\0\0\x0d\1" + data[4:], "0x00000d01"),
    "images for labels": (TRAIN_LABELS, lambda data: FILES[TRAIN_IMAGES], "magic"),
    "no image": (TEST_IMAGES, lambda data: data[:4] + bytes(4) + data[8:16], "is empty"),
    "labels of others": (TRAIN_LABELS, lambda data: FILES[TEST_LABELS], "50 labels for 200 images"),
    "class without training images": (TEST_LABELS, bad_label, "0 training images of class 10"),
    "images of another size": (TEST_IMAGES, lambda data: mnist.pack_idx(ARRAYS[2].reshape(50, 4, 6)), "6 x 4"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_files_are_refused(folder, fault):
    name, damage, word = FAULTS[fault]
    (folder / name).write_bytes(damage(FILES[name]))
    refused(folder, folder.name, word)


def test_files_that_miss_or_do_not_unpack_are_refused(folder):
    (folder / TEST_IMAGES).unlink()
    refused(folder, TEST_IMAGES, "four IDX files")
    packed = gzip.compress(FILES[TEST_IMAGES])
    for damaged in (packed[:-9], b"none" + packed, packed[:10] + b"\xff" + packed[11:], b""):
        (folder / f"{TEST_IMAGES}.gz").write_bytes(damaged)
        refused(folder, f"{TEST_IMAGES}.gz")


def test_an_empty_cache_says_how_to_fill_it(tmp_path, monkeypatch):
    monkeypatch.setenv("OHMPROP_CACHE", str(tmp_path))
    refused("mnist", str(tmp_path / "mnist"), "`ohmprop data mnist`")


# -- choice ------------------------------------------------------------------------------------------------------------


def test_all_images_come_in_the_order_of_the_files(folder):
    loaded = load(folder)
    assert (loaded.name, loaded.shape, loaded.classes) == (folder.name, (6, 4), tuple(range(10)))
    assert np.array_equal(loaded.train_images, ARRAYS[0].reshape(200, 24)) and loaded.train_images.dtype == np.uint8
    assert np.array_equal(loaded.test_labels, ARRAYS[3]) and loaded.test_labels.dtype == np.int64


def test_classes_are_kept_in_the_order_asked_for(folder):
    loaded = load(folder, classes=(4, 0))
    kept = np.isin(ARRAYS[1], (0, 4))
    assert np.array_equal(loaded.train_images, ARRAYS[0][kept].reshape(40, 24))
    assert np.array_equal(loaded.train_labels, np.where(ARRAYS[1][kept] == 4, 0, 1))
    assert np.array_equal(np.bincount(loaded.test_labels), (5, 5))


def test_images_of_a_class_are_chosen_by_the_seed_alone(folder):
    def chosen(classes, seed, digit):
        loaded = load(folder, classes=classes, per_class=7, seed=seed)
        assert np.array_equal(np.bincount(loaded.train_labels), [7] * len(classes))
        assert len(loaded.test_labels) == 5 * len(classes)
        return loaded.train_images[loaded.train_labels == classes.index(digit)]

    once = chosen((1, 2, 3), 1, 2)
    assert np.array_equal(once, chosen((2, 9), 1, 2))
    assert not np.array_equal(once, chosen((1, 2, 3), 2, 2))
    # A choice, in the order of the file, and not merely its beginning.
    own = ARRAYS[0][ARRAYS[1] == 2].reshape(20, 24)
    places = [int(np.flatnonzero((own == image).all(axis=1))[0]) for image in once]
    assert places == sorted(places) and places != list(range(7))


def test_impossible_choices_are_refused(folder):
    for classes, word in (((1, 10), "10 is no class"), ((1, 1), "twice"), ((), "none"), ((-1, 2), "-1")):
        refused(folder, word, classes=classes)
    refused(folder, "20 training images of class 3", "21", classes=(3, 4), per_class=21)
    refused(folder, "0 images", per_class=0)
    for side in (0, 33):
        refused(folder, f"{side} x {side}", resize=side)
    refused("letters", "no data set", "digits, mnist")
    (folder / TEST_LABELS).write_bytes(FILES[TEST_LABELS].replace(b"\3", b"\2"))
    refused(folder, "0 test images of class 3")


def test_images_are_averaged_over_areas(folder):
    loaded = load(folder, resize=2)
    assert loaded.shape == (2, 2)
    for image, small in zip(ARRAYS[0], loaded.train_images, strict=True):
        means = [image[down : down + 3, right : right + 2].mean() for down in (0, 3) for right in (0, 2)]
        assert small.tolist() == [int(np.floor(mean + 0.5)) for mean in means]


# -- digits ------------------------------------------------------------------------------------------------------------


def test_digits_have_one_split_for_all_seeds():
    loaded = datasets.load("digits")
    assert (loaded.shape, loaded.train_images.shape, loaded.test_images.shape) == ((8, 8), (1438, 64), (359, 64))
    share = np.bincount(loaded.test_labels) / np.bincount(np.append(loaded.train_labels, loaded.test_labels))
    assert np.abs(share - 0.2).max() < 0.003
    again = load("digits", seed=7, per_class=100)
    assert np.array_equal(loaded.test_images, again.test_images) and len(again.train_labels) == 1000
    # Every image once, on either side, white as 255.
    raw = sklearn_datasets.load_digits()
    both = np.concatenate((loaded.train_images, loaded.test_images))
    assert sorted(map(bytes, both)) == sorted(map(bytes, np.floor(raw.data * 255 / 16 + 0.5).astype(np.uint8)))
    # Results quote this split: another numpy or scikit-learn must not change it unnoticed.
    assert hashlib.md5(loaded.test_images.tobytes()).hexdigest() == "54e1cdabcc6a61f2305608064465b034"


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    refused("digits", "pip install scikit-learn")


# -- order and depth ---------------------------------------------------------------------------------------------------


def test_every_epoch_and_seed_has_its_order(folder):
    loaded = load(folder)
    first = datasets.order(loaded, 0, 1)
    assert first.dtype == np.int64 and np.array_equal(np.sort(first), np.arange(200))
    assert np.array_equal(first, datasets.order(loaded, 0, 1))
    for epoch, seed in ((1, 1), (0, 2), (1, 0)):
        assert not np.array_equal(first, datasets.order(loaded, epoch, seed))


def test_pixels_are_rounded_down():
    images = np.array([[0, 15, 16, 127], [128, 143, 239, 255]], np.uint8)
    assert datasets.pixels(images, 1).tolist() == [[0, 0, 0, 0], [1, 1, 1, 1]]
    assert datasets.pixels(images, 4).tolist() == [[0, 0, 1, 7], [8, 8, 14, 15]]
    assert np.array_equal(datasets.pixels(images, 8), images) and datasets.pixels(images, 4).dtype == np.uint8
    with pytest.raises(UserError, match=r"2 bits.*; give 1, 4 or 8\.$"):
        datasets.pixels(images, 2)
