"""A user's own data: every format that is read, and what is said of everything else."""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ohmprop.model.data import labelled, mnist, pictures
from ohmprop.model.data.datasets import Choice, load, pixels
from ohmprop.model.data.preparation import Preparation, scale_of
from ohmprop.model.data.unlabelled import read_images
from ohmprop.model.errors import UserError

RNG = np.random.default_rng(5)
#: Ten images of each of three classes, dark at their edges.
LABELS = np.arange(30) % 3
IMAGES = np.zeros((30, 6, 6), np.uint8)
IMAGES[:, 1:5, 1:5] = RNG.integers(0, 256, (30, 4, 4))


def picture(path, array=IMAGES[0], mode=None, **options):
    """Save an array as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)


def folders(root, names=("ant", "bee", "cat"), suffix="png", mode=None, images=IMAGES):
    for number, image in enumerate(images):
        picture(root / names[number % len(names)] / f"{number}.{suffix}", image, mode)
    return root


def arrays(root, **named):
    np.savez(root / "own.npz", **named)
    return root / "own.npz"


def npy(root, **named):
    for name, array in named.items():
        np.save(root / f"{name}.npy", array)
    return root


def table(root, text, name="own.csv"):
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root / name


def rows(labels=LABELS, separator=",", end=False):
    """Rows of a label and the pixels of each image."""
    lines = []
    for label, image in zip(labels, IMAGES, strict=True):
        cells = list(map(str, image.reshape(-1)))
        lines.append(separator.join([*cells, str(label)] if end else [str(label), *cells]))
    return "\n".join(lines) + "\n"


HEADING = ",".join(f"pixel{number}" for number in range(36))


def idx(root, labels=LABELS, test=True, names=mnist.MD5S):
    files = (IMAGES, labels.astype(np.uint8), IMAGES[:9], labels[:9].astype(np.uint8))
    for name, array in list(zip(names, files, strict=True))[: 4 if test else 2]:
        (root / name).write_bytes(mnist.pack_idx(array))
    return root


def halves(root):
    folders(root / "train")
    folders(root / "test", images=IMAGES[:6])
    return root


def linked(root):
    folders(root / "elsewhere")
    (root / "own").mkdir()
    for name in ("ant", "bee", "cat"):
        (root / "own" / name).symlink_to(root / "elsewhere" / name)
    (root / "elsewhere" / "ant" / "round").symlink_to(root / "elsewhere" / "ant")
    return root / "own"


def with_others(root):
    folders(root)
    (root / "ant" / "notes.txt").write_text("no picture")
    (root / "ant" / ".DS_Store").write_bytes(b"\0")
    return root


#: What is read: a builder, the classes, training and test images, height and width, and a word of the notes.
GOOD = {
    "class folders": (folders, ("ant", "bee", "cat"), 24, 6, (6, 6), "a fixed fifth"),
    "class folders with numbers": (lambda r: folders(r, ("10", "9", "1")), (1, 9, 10), 24, 6, (6, 6), ""),
    "class folders with other letters": (lambda r: folders(r, ("ä ö", "数", "z")), ("z", "ä ö", "数"), 24, 6, (6, 6), ""),
    "two classes": (lambda r: folders(r, ("no", "yes")), ("no", "yes"), 24, 6, (6, 6), ""),
    "JPEG": (lambda r: folders(r, suffix="jpg"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "BMP": (lambda r: folders(r, suffix="bmp"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "GIF": (lambda r: folders(r, suffix="gif"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "TIFF": (lambda r: folders(r, suffix="tiff"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "WebP": (lambda r: folders(r, suffix="webp", mode="RGB"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "PGM": (lambda r: folders(r, suffix="pgm"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "capitals": (lambda r: folders(r, suffix="PNG"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "colour": (lambda r: folders(r, mode="RGB"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "a palette": (lambda r: folders(r, mode="P"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "one bit": (lambda r: folders(r, mode="1"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "a folder with spaces": (lambda r: folders(r / "my own ü"), ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "train and test": (halves, ("ant", "bee", "cat"), 30, 6, (6, 6), ""),
    "train, validation and test": (
        lambda r: (halves(r), folders(r / "val"))[0], ("ant", "bee", "cat"), 30, 6, (6, 6), "folder val is left out",
    ),
    "links, one of them round": (linked, ("ant", "bee", "cat"), 24, 6, (6, 6), ""),
    "other files beside": (with_others, ("ant", "bee", "cat"), 24, 6, (6, 6), "1 file is no picture"),
    "npz, X and y": (lambda r: arrays(r, X=IMAGES, y=LABELS), (0, 1, 2), 24, 6, (6, 6), ""),
    "npz, Keras' names": (
        lambda r: arrays(r, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:9], y_test=LABELS[:9]), (0, 1, 2), 30, 9, (6, 6), "",
    ),
    "npz, scikit-learn's names": (
        lambda r: arrays(r, data=IMAGES.reshape(30, 36), target=LABELS), (0, 1, 2), 24, 6, (6, 6), "",
    ),
    "npz, MedMNIST's names": (
        lambda r: arrays(
            r, train_images=IMAGES, train_labels=LABELS[:, None], test_images=IMAGES[:9], test_labels=LABELS[:9, None]
        ), (0, 1, 2), 30, 9, (6, 6), "",
    ),
    "npz, names as classes": (lambda r: arrays(r, X=IMAGES, y=np.array(list("abc"))[LABELS]), ("a", "b", "c"), 24, 6, (6, 6), ""),
    "npz, one in a row": (lambda r: arrays(r, X=IMAGES, y=np.eye(3)[LABELS]), (0, 1, 2), 24, 6, (6, 6), ""),
    "npz, whole floats": (lambda r: arrays(r, X=IMAGES, y=LABELS.astype(float)), (0, 1, 2), 24, 6, (6, 6), ""),
    "npz, shares": (lambda r: arrays(r, X=IMAGES / 255, y=LABELS), (0, 1, 2), 24, 6, (6, 6), ""),
    "npz, normalised": (
        lambda r: arrays(r, X=IMAGES / 127.5 - 1, y=LABELS), (0, 1, 2), 24, 6, (6, 6), "become black to white",
    ),
    "npz, booleans": (lambda r: arrays(r, X=IMAGES > 99, y=LABELS), (0, 1, 2), 24, 6, (6, 6), ""),
    "npz, colours last": (lambda r: arrays(r, X=np.stack([IMAGES] * 3, 3), y=LABELS), (0, 1, 2), 24, 6, (6, 6), ""),
    "npz, colours first": (
        lambda r: arrays(r, X=np.stack([IMAGES] * 3, 1), y=LABELS), (0, 1, 2), 24, 6, (6, 6), "",
    ),
    "npz, one channel": (lambda r: arrays(r, X=IMAGES[:, None], y=LABELS), (0, 1, 2), 24, 6, (6, 6), ""),
    "npz, rows of no square": (
        lambda r: arrays(r, X=IMAGES.reshape(30, 36)[:, :30], y=LABELS), (0, 1, 2), 24, 6, (1, 30), "",
    ),
    "npz, large": (
        lambda r: arrays(r, X=np.kron(IMAGES, np.ones((1, 6, 6), np.uint8)), y=LABELS), (0, 1, 2), 24, 6, (28, 28),
        "averaged to 28 x 28",
    ),
    "npz, a light background": (lambda r: arrays(r, X=255 - IMAGES, y=LABELS), (0, 1, 2), 24, 6, (6, 6), "background is light"),
    "npy files": (lambda r: npy(r, X=IMAGES, y=LABELS), (0, 1, 2), 24, 6, (6, 6), ""),
    "npy files, split": (
        lambda r: npy(r, X_train=IMAGES, y_train=LABELS, X_test=IMAGES[:9], y_test=LABELS[:9]), (0, 1, 2), 30, 9, (6, 6), "",
    ),
    "a folder with one npz": (lambda r: arrays(r, X=IMAGES, y=LABELS).parent, (0, 1, 2), 24, 6, (6, 6), ""),
    "csv without heading": (lambda r: table(r, rows()), (0, 1, 2), 24, 6, (6, 6), ""),
    "csv, Kaggle's heading": (lambda r: table(r, f"label,{HEADING}\n{rows()}"), (0, 1, 2), 24, 6, (6, 6), ""),
    "csv, label at the end": (lambda r: table(r, f"{HEADING},class\n{rows(end=True)}"), (0, 1, 2), 24, 6, (6, 6), ""),
    "csv, numbers as heading": (
        lambda r: table(r, f"{','.join(map(str, range(36)))},target\n{rows(end=True)}"), (0, 1, 2), 24, 6, (6, 6), "",
    ),
    "csv, all in quotes": (
        lambda r: table(r, "\n".join(",".join(f'"{cell}"' for cell in row.split(",")) for row in rows().split())),
        (0, 1, 2), 24, 6, (6, 6), "",
    ),
    "csv, words as labels": (lambda r: table(r, rows([f"c {n}" for n in LABELS])), ("c 0", "c 1", "c 2"), 24, 6, (6, 6), ""),
    "csv, semicolons": (lambda r: table(r, rows(separator=";")), (0, 1, 2), 24, 6, (6, 6), ""),
    "tsv": (lambda r: table(r, rows(separator="\t"), "own.tsv"), (0, 1, 2), 24, 6, (6, 6), ""),
    "csv with a byte order mark": (
        lambda r: table(r, b"\xef\xbb\xbf" + f"label,{HEADING}\n{rows()}".encode()), (0, 1, 2), 24, 6, (6, 6), "",
    ),
    "csv, empty lines and CRLF": (
        lambda r: table(r, rows().replace("\n", "\r\n\r\n")), (0, 1, 2), 24, 6, (6, 6), "",
    ),
    "train.csv and test.csv": (
        lambda r: (table(r, rows(), "train.csv"), table(r, rows(), "test.csv").parent)[1], (0, 1, 2), 30, 30, (6, 6), "",
    ),
    "IDX": (idx, (0, 1, 2), 30, 9, (6, 6), ""),
    "IDX without test files": (lambda r: idx(r, test=False), (0, 1, 2), 24, 6, (6, 6), "a fixed fifth"),
    "IDX of letters": (
        lambda r: idx(r, LABELS + 20, names=[f"emnist-letters-{name.replace('t10k', 'test')}" for name in mnist.MD5S]),
        (20, 21, 22), 30, 9, (6, 6), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_is_read(name, tmp_path):
    build, classes, train, test, shape, note = GOOD[name]
    found = load(str(build(tmp_path)))
    assert (found.classes, len(found.train_labels), len(found.test_labels)) == (classes, train, test)
    assert found.shape == shape and found.train_images.shape == (train, shape[0] * shape[1])
    assert note in " ".join(found.notes)
    assert set(found.train_labels.tolist()) == set(range(len(classes)))
    if shape == (6, 6) and name not in ("one bit", "npz, booleans", "a palette", "GIF", "JPEG", "WebP"):
        # The same bytes in all formats without loss, wherever they come from.
        own = {bytes(image) for image in IMAGES.reshape(30, 36)}
        known = {bytes(image) for image in found.train_images}
        assert len(known & own) == len(known) or name == "npz, normalised"


def damaged(root):
    folders(root)
    (root / "ant" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n none")
    return root


def bomb(root):
    folders(root)
    picture(root / "ant" / "bomb.png", np.zeros((1, 1), np.uint8))
    data = (root / "ant" / "bomb.png").read_bytes()
    (root / "ant" / "bomb.png").write_bytes(data[:16] + (100_000).to_bytes(4, "big") * 2 + data[24:])
    return root


def flat(root):
    picture(root / "a.png")
    return root


def pickled(root):
    np.save(root / "X.npy", np.array([object()], object), allow_pickle=True)
    np.save(root / "y.npy", np.zeros(1))
    return root


WITH_NAN = np.where(np.arange(30)[:, None, None] == 7, np.nan, IMAGES)
#: What is refused, and words of the sentence.
BAD = {
    "nothing there": (lambda r: r / "absent", ("no file and no folder",)),
    "an empty folder": (lambda r: r, ("holds nothing",)),
    "a path with a zero": (lambda r: f"{r}/\0", ("There is no data set",)),
    "pictures without classes": (flat, ("no classes", "folder for each class")),
    "one class": (lambda r: folders(r, ("ant",)), ("1 class", "2 to 64")),
    "65 classes": (lambda r: arrays(r, X=np.zeros((130, 9)), y=np.arange(130) % 65), ("65 classes", "2 to 64")),
    "one image of a class": (lambda r: arrays(r, X=IMAGES[:4], y=[0, 0, 0, 1]), ("one image of class 1",)),
    "a damaged picture": (damaged, ("broken.png cannot be read as a picture",)),
    "a picture that would fill the memory": (bomb, ("bomb.png cannot be read",)),
    "a text file": (lambda r: table(r, "hello", "own.txt"), ("is no data set",)),
    "pixels that are none": (lambda r: arrays(r, X=WITH_NAN, y=LABELS), ("Image 7", "no finite numbers")),
    "infinite pixels": (lambda r: arrays(r, X=np.full((4, 9), np.inf), y=[0, 1, 0, 1]), ("no finite numbers",)),
    "complex pixels": (lambda r: arrays(r, X=IMAGES * 1j, y=LABELS), ("complex128", "numbers")),
    "words as pixels": (lambda r: arrays(r, X=np.full((30, 9), "a"), y=LABELS), ("plain numbers",)),
    "pickled objects": (pickled, ("X.npy is not a readable",)),
    "no labels": (lambda r: arrays(r, X=IMAGES), ("the arrays X but no images with labels",)),
    "no arrays": (lambda r: arrays(r), ("(none)",)),
    "too few labels": (lambda r: arrays(r, X=IMAGES, y=LABELS[:9]), ("(9,) for 30 images",)),
    "labels that are no classes": (lambda r: arrays(r, X=IMAGES, y=LABELS / 2), ("no classes",)),
    "labels that are objects": (lambda r: arrays(r, X=IMAGES, y=LABELS.astype("datetime64[D]")), ("labels of the type",)),
    "no image": (lambda r: arrays(r, X=np.zeros((0, 6, 6)), y=[]), ("none of them 0",)),
    "five dimensions": (lambda r: arrays(r, X=np.zeros((2, 1, 1, 1, 1)), y=[0, 1]), ("(2, 1, 1, 1, 1)",)),
    "an npz that is none": (lambda r: table(r, "PK", "own.npz"), ("not a readable .npz",)),
    "a packed npz that is cut": (
        lambda r: table(r, arrays(r, X=IMAGES, y=LABELS).read_bytes()[:-40], "own.npz"), ("not a readable .npz",),
    ),
    "an empty table": (lambda r: table(r, ""), ("is empty",)),
    "a heading alone": (lambda r: table(r, f"label,{HEADING}\n"), ("no rows",)),
    "a word among pixels": (lambda r: table(r, rows() + "0" + ",1" * 35 + ",x\n"), ("Row 31", "'x' in column 37")),
    "a short row": (lambda r: table(r, rows() + "0,1\n"), ("Row 31", "2 columns where others have 37")),
    "no text": (lambda r: table(r, bytes(range(256))), ("cannot be read as text",)),
    "NaN in a table": (lambda r: table(r, rows().replace(",0,", ",nan,", 1)), ("no finite numbers",)),
    "IDX cut short": (lambda r: table(idx(r), b"\0\0\x08\x01", list(mnist.MD5S)[1]).parent, ("bytes",)),
    "IDX, labels missing": (lambda r: ((idx(r, test=False) / list(mnist.MD5S)[1]).unlink(), r)[1], ("holds no train-labels",)),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name, tmp_path):
    build, words = BAD[name]
    with pytest.raises(UserError) as caught:
        load(str(build(tmp_path)))
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and "; " in sentence
    for word in words:
        assert word in sentence


def test_a_closed_folder(tmp_path):
    if not os.geteuid():
        pytest.skip("root may read everything")
    folders(tmp_path)
    (tmp_path / "ant").chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        load(str(tmp_path))


# -- preparation -------------------------------------------------------------------------------------------------------


def test_choices_override_what_follows_from_the_data(tmp_path):
    path = str(arrays(tmp_path, X=255 - IMAGES, y=LABELS))
    turned, kept = load(path), load(path, Choice(invert=False))
    assert turned.preparation.invert and not kept.preparation.invert
    assert np.array_equal(255 - turned.train_images, kept.train_images)
    split = load(path, Choice(threshold=100))
    assert np.array_equal(split.train_images, np.where(turned.train_images >= 100, 255, 0))
    found = load(path, Choice(two_values=True)).preparation.threshold
    assert found is not None and load(path, Choice(threshold="otsu")).preparation.threshold == found
    assert load(path, Choice(resize=3)).shape == (3, 3)
    # Which classes are kept changes nothing in how images are prepared, or which of a class are tested.
    some = load(path, Choice(classes=("2", 0)))
    assert some.classes == (2, 0) and some.preparation == turned.preparation
    assert np.array_equal(some.test_images[some.test_labels == 1], turned.test_images[turned.test_labels == 0])


def test_a_prepared_run_prepares_others_the_same(tmp_path):
    first = load(str(folders(tmp_path / "a")))
    other = load(str(folders(tmp_path / "b", images=255 - IMAGES)), Choice(prepared=first.preparation))
    assert other.preparation == first.preparation
    assert Preparation.from_json(first.preparation.to_json()) == first.preparation
    for broken in (
        None,
        {},
        {**first.preparation.to_json(), "shape": [0, 1]},
        {**first.preparation.to_json(), "scale": [1, 1]},
    ):
        with pytest.raises(ValueError):
            Preparation.from_json(broken)


def test_transparent_pictures_stand_out(tmp_path):
    ink = IMAGES.copy()
    for number, cover in enumerate(ink):
        # Dark strokes on nothing.
        array = np.stack([np.full((6, 6), 40, np.uint8), cover], 2)
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(array, "LA").save(path)
    found = load(str(tmp_path))
    assert (found.preparation.background, found.preparation.invert) == (255, True)
    assert (found.train_images[:, 0] == 0).all() and found.train_images.max() > 200


def test_areas_that_cut_pixels_take_their_share():
    image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3) * 10
    small = pictures.resized(image, (2, 2))
    # Each quarter covers one and a half pixels each way.
    first = (image[0, 0, 0] + image[0, 0, 1] / 2 + image[0, 1, 0] / 2 + image[0, 1, 1] / 4) / 2.25
    assert small[0, 0, 0] == np.floor(first + 0.5)
    assert np.array_equal(pictures.resized(image, (6, 6))[:, ::2, ::2], image)
    assert np.array_equal(pictures.resized(image, (3, 3)), image)


def test_otsu_parts_two_heaps():
    heaps = np.concatenate([RNG.normal(60, 8, 500), RNG.normal(180, 8, 300)]).clip(0, 255).astype(np.uint8)
    assert 85 < pictures.otsu(heaps) < 155
    assert pictures.otsu(np.array([0, 0, 255], np.uint8)) == 128 == pictures.otsu(np.full(4, 7, np.uint8))


def test_scales():
    assert scale_of(np.array([0, 1])) == (0, 1) == scale_of(np.array([0.0, 0.5]))
    assert scale_of(np.array([0, 200])) == (0, 255) == scale_of(np.array([3, 4], np.uint8))
    assert scale_of(np.array([0.0, 16.0])) == (0, 16) and scale_of(np.array([-1.0, 1.0])) == (-1, 1)
    assert scale_of(np.array([7.5, 7.5])) == (6.5, 7.5)


def test_deep_and_turned_pictures(tmp_path):
    deep = (IMAGES[0].astype(np.uint16) * 257).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.array_equal(pictures.read(tmp_path / "deep.png").grey, IMAGES[0])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(IMAGES[0]).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(pictures.read(tmp_path / "turned.png").grey, np.rot90(IMAGES[0], 3))


# -- images without classes --------------------------------------------------------------------------------------------


def test_images_to_be_read(tmp_path):
    folders(tmp_path / "own")
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "flat.npy", IMAGES.reshape(30, 36))
    np.save(tmp_path / "one.npy", IMAGES[0])
    np.savez(tmp_path / "x.npz", X=IMAGES, y=LABELS)
    (tmp_path / "images-idx3-ubyte").write_bytes(mnist.pack_idx(IMAGES))
    (tmp_path / "images.gz").write_bytes(gzip.compress(mnist.pack_idx(IMAGES)))
    preparation = Preparation((6, 6))
    for name in ("x.npy", "flat.npy", "x.npz", "images-idx3-ubyte", "images.gz"):
        found, files = read_images(tmp_path / name, (6, 6))
        assert np.array_equal(preparation.apply(found), IMAGES.reshape(30, 36)) and files[3] == f"{name}:3"
    found, files = read_images(tmp_path / "one.npy", (6, 6))
    assert np.array_equal(preparation.apply(found)[0], IMAGES[0].reshape(-1)) and files == ("one.npy:0",)
    found, files = read_images(tmp_path / "own", (6, 6))
    assert len(files) == 30 and files[0] == str(Path("ant/0.png"))
    assert np.array_equal(preparation.apply(found)[0], IMAGES[0].reshape(-1))
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("none")
    np.savez(tmp_path / "two.npz", a=IMAGES, b=IMAGES)
    for name, word in (
        ("empty", "no picture"),
        ("absent", "no file"),
        ("note.txt", "no images"),
        ("two.npz", "2 arrays"),
    ):
        with pytest.raises(UserError, match=word):
            read_images(tmp_path / name, (6, 6))


def test_nothing_is_executed_by_reading(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([print], object), allow_pickle=True)
    (tmp_path / "x.npy").write_bytes(buffer.getvalue())
    with pytest.raises(UserError):
        labelled.load_npy(tmp_path / "x.npy")
    assert pixels(IMAGES, 4).max() <= 15
