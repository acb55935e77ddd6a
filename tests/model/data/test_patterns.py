"""Patterns: the built-in glyphs, every reader with its refusals, corruption and the nearest-pattern bound."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from ohmprop.model.data import patterns as p
from ohmprop.model.errors import UserError

PICTURES = np.array([[1, 0, 1, 0], [0, 0, 1, 1], [1, 1, 1, 0]], np.bool_)
small = arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 12)))


def refused(source: Path | str, *words: str, neurons: int | None = None) -> None:
    """The source ends in one sentence that names the source and holds the words."""
    with pytest.raises(UserError) as caught:
        p.load_patterns(str(source), neurons)
    sentence = str(caught.value)
    for word in words:
        assert word in sentence
    assert "\n" not in sentence and sentence.endswith(".") and ";" in sentence


# -- glyphs ------------------------------------------------------------------------------------------------------------


def test_glyphs_are_sixteen_well_separated_pictures() -> None:
    loaded = p.load_patterns("glyphs", 100)
    assert loaded.names == p.glyph_names and loaded.shape == (10, 10)
    assert loaded.pixels.shape == (16, 100) and loaded.pixels.dtype == np.bool_
    assert np.array_equal(loaded.pixels, p.glyphs())
    pairs = np.triu_indices(16, 1)
    assert p._distances(loaded.pixels, loaded.pixels)[pairs].min() >= 6
    assert 0.2 < p.correlation(loaded.pixels)[pairs].mean() < 0.3
    # Every glyph uses its whole height and is made of strokes, not of scattered dots.
    pictures = loaded.pixels.reshape(16, 10, 10)
    assert pictures.any(axis=2).all()
    neighbours = np.zeros((16, 10, 10), int)
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
    for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
        neighbours += padded[:, down : down + 10, right : right + 10]
    assert neighbours[pictures].min() >= 1


def test_nearest_pattern_bound_of_the_glyphs() -> None:
    rng = np.random.default_rng(1)
    for flips, expected in ((0.10, 0.999), (0.15, 0.995), (0.20, 0.977), (0.25, 0.934)):
        images, labels = p.corrupt(p.glyphs(), flips, 500, rng)
        assert p.nearest_pattern_bound(p.glyphs(), images, labels) == pytest.approx(expected, abs=0.01)


# -- text --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1010\n0011\n1110\n", "1 0 1 0\n\n0,0,1,1\r\n1, 1, 1, 0", "#.#.\n..##\n###."])
def test_text_of_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.txt").write_text(text)
    loaded = p.load_patterns(str(tmp_path / "rows.txt"), 4)
    assert np.array_equal(loaded.pixels, PICTURES)
    assert loaded.shape == (2, 2) and loaded.names == ("0", "1", "2")


def test_text_of_blocks(tmp_path: Path) -> None:
    (tmp_path / "blocks.txt").write_text("glyph left bar\n#..\n#..\n\nglyph B\n11 0\n001\n")
    loaded = p.load_patterns(str(tmp_path / "blocks.txt"))
    assert loaded.pixels.tolist() == [[True, False, False, True, False, False], [True, True, False, False, False, True]]
    assert loaded.shape == (2, 3) and loaded.names == ("left bar", "B")


@pytest.mark.parametrize(
    "text",
    [
        "1.0,0.0,1.0,0.0\n0.0,0.0,1.0,1.0\n1.0,1.0,1.0,0.0\n",
        "1.000e+00 0.000e+00 1.000e+00 0.000e+00\n0. 0. 1. 1.\n1 1 1 0\n",
        "1;0;1;0\n0;0;1;1\n1;1;1;0;;\n",
        "1,0;0,0;1,0;0,0\n0,0;0,0;1,0;1,0\n1,0;1,0;1,0;0,0\n",
        "1\t-1\t1\t-1\n-1\t-1\t1\t1\n1\t1\t1\t-1\n",
        "1.0,-1.0,1.0,-1.0,,\n-1.0,-1.0,1.0,1.0,,\n1.0,1.0,1.0,-1.0,,\n",
    ],
)
def test_text_of_numbers(tmp_path: Path, text: str) -> None:
    """As numpy.savetxt and spreadsheets write them: a number is a pixel, whatever its digits."""
    (tmp_path / "rows.csv").write_text(text)
    assert np.array_equal(p.load_patterns(str(tmp_path / "rows.csv"), 4).pixels, PICTURES)


@given(pixels=small)
def test_text_holds_any_patterns(pixels: np.ndarray) -> None:
    text = "\n".join("".join("01"[pixel] for pixel in row) for row in pixels.astype(int))
    assert np.array_equal(p._read_text(text, "text").pixels, pixels)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no pattern"),
        ("\n , \n", "no pattern"),
        ("0101\n011", "Line 2"),
        ("0101\n0121", "0121"),
        ("nan nan", "nan"),
        ("0.0,0.5", "0.5"),
        ("0.0,nan", "nan"),
        ("0,1;0,1", "0.1"),
        ("0.0,1.0\n0,1,0", "Line 2"),
        ("1 0\n1 -1", "not black and white"),
        ("0.1.", "0.1."),
        ("11.", "11."),
        ("0#1.", "0#1."),
        ("1e999", "1e999"),
        ("01\nglyph A\n01", "before its first heading"),
        ("glyph A\n01\n10\nglyph B\n01", "Glyph B"),
        ("glyph A\nglyph B", "Glyph A"),
    ],
)
def test_bad_text(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "bad.txt").write_text(text)
    refused(tmp_path / "bad.txt", "bad.txt", word)


def test_sources_that_are_not_patterns(tmp_path: Path) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    refused(tmp_path / "binary.txt", "binary.txt", "cannot be read as text")
    refused(tmp_path / "absent", "absent", "neither a folder nor a file")
    refused("x" * 5000, "neither a folder nor a file")
    refused("glyphs", "100 pixels", "64 neurons", neurons=64)


# -- arrays ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("array", [PICTURES, PICTURES.astype(float), PICTURES * 2 - 1, PICTURES * 2.0 - 1])
def test_arrays(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    loaded = p.load_patterns(str(tmp_path / "a.npy"), 4)
    assert np.array_equal(loaded.pixels, PICTURES) and loaded.pixels.dtype == np.bool_
    np.save(tmp_path / "a.npy", array.reshape(3, 1, 4))
    loaded = p.load_patterns(str(tmp_path / "a.npy"), 4)
    assert np.array_equal(loaded.pixels, PICTURES) and loaded.shape == (1, 4)


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.array([[0, np.nan]]), "nan"),
        (np.array([[0, 1], [0, -1]]), "-1"),
        (np.array([[0, 0.5]]), "0.5"),
        (np.array([[0, 254]]), "254"),
        (np.array([[0, np.inf]]), "inf"),
        (np.array([0, 1]), "(2,)"),
        (np.zeros((0, 4)), "(0, 4)"),
        (np.array([["a"]]), "plain numbers"),
        (np.array([[1j]]), "plain numbers"),
        (np.array([[{}]], object), "readable .npy"),
    ],
)
def test_bad_arrays(tmp_path: Path, array: np.ndarray, word: str) -> None:
    np.save(tmp_path / "bad.npy", array, allow_pickle=True)
    refused(tmp_path / "bad.npy", "bad.npy", word)


def test_files_that_are_not_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", PICTURES)
    whole = (tmp_path / "a.npy").read_bytes()
    promising = whole.replace(b"(3, 4)", b"(3, 4000000000000)")
    unclosed = whole.replace(b"}", b" ")
    np.savez(tmp_path / "many.npz", PICTURES)
    for data in (b"", whole[:-1], whole[:40], b"01\n10\n", promising, unclosed, b"PK\x03\x04"):
        (tmp_path / "bad.npy").write_bytes(data)
        refused(tmp_path / "bad.npy", "bad.npy")
    (tmp_path / "many.npy").write_bytes((tmp_path / "many.npz").read_bytes())
    refused(tmp_path / "many.npy", "readable .npy")


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_folder_of_pictures(tmp_path: Path, mode: str) -> None:
    for name, row in zip(("b.png", "a.PNG", "c.png"), PICTURES, strict=True):
        grey = Image.fromarray(row.reshape(2, 2).astype(np.uint8) * 255)
        grey.convert(mode).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    loaded = p.load_patterns(str(tmp_path), 4)
    assert np.array_equal(loaded.pixels, PICTURES[[1, 0, 2]])
    assert loaded.shape == (2, 2) and loaded.names == ("a", "b", "c")


def test_grey_and_transparent_pictures_are_parted(tmp_path: Path) -> None:
    white = np.random.default_rng(3).random((6, 5)) < 0.4
    shaded = np.where(white, 150, 60) + np.arange(5) * 4
    Image.fromarray(shaded.astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.stack([shaded + 40, shaded, shaded + 20], 2).astype(np.uint8)).save(
        tmp_path / "b.jpg", quality=100
    )
    # Dark strokes on nothing are black on white, light ones white on black.
    for name, ink in (("c.png", 30), ("d.png", 220)):
        cover = np.where(white == (ink > 128), 255, 0)
        Image.fromarray(np.stack([np.full((6, 5), ink), cover], 2).astype(np.uint8), "LA").save(tmp_path / name)
    Image.fromarray((shaded * 200).astype(np.uint16)).save(tmp_path / "e.tif")
    loaded = p.load_patterns(str(tmp_path), 30)
    assert loaded.names == tuple("abcde")
    for pixels in loaded.pixels:
        assert np.array_equal(pixels.reshape(6, 5), white)


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (2, 2), 128),
        Image.new("RGB", (2, 2), (255, 0, 0)),
        Image.new("RGBA", (2, 2), (255, 255, 255, 0)),
        Image.new("I;16", (2, 2), 40000),
    ],
)
def test_pictures_in_which_nothing_is_to_be_seen(tmp_path: Path, picture: Image.Image) -> None:
    picture.save(tmp_path / "grey.png")
    refused(tmp_path, "grey.png", "something is to be seen")


def test_bad_folders(tmp_path: Path) -> None:
    refused(tmp_path, "no picture")
    Image.new("1", (3, 2)).save(tmp_path / "a.png")
    refused(tmp_path, "6 pixels", neurons=100)
    Image.new("1", (2, 2)).save(tmp_path / "b.png")
    refused(tmp_path, "b.png", "2 x 2", "3 x 2")
    whole = (tmp_path / "a.png").read_bytes()
    for data in (b"", b"not a picture", *(whole[:end] for end in range(8, len(whole) - 30, 5))):
        (tmp_path / "b.png").write_bytes(data)
        refused(tmp_path, "b.png", "cannot be read as a picture")
    (tmp_path / "b.png").unlink()
    (tmp_path / "b.png").mkdir()
    refused(tmp_path, "b.png is a folder")
    (tmp_path / "a.png").rename(tmp_path / "b.png" / "a.png")
    (tmp_path / "b.png").rename(tmp_path / "deeper")
    refused(tmp_path, "no picture itself", "deeper")


def test_what_lies_beside_the_pictures_of_a_folder(tmp_path: Path) -> None:
    """Hidden files, as macOS leaves them on other systems' disks, and folders are not read."""
    Image.new("1", (3, 2)).save(tmp_path / "a.png")
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "deeper").mkdir()
    assert p.load_patterns(str(tmp_path), 6).names == ("a",)


# -- corruption and what can be recalled -------------------------------------------------------------------------------


@given(pixels=small, count=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_corruption_at_the_ends_and_its_order(pixels: np.ndarray, count: int, seed: int) -> None:
    kept, labels = p.corrupt(pixels, 0.0, count, np.random.default_rng(seed))
    assert np.array_equal(labels, np.repeat(np.arange(len(pixels)), count))
    assert np.array_equal(kept, pixels[labels])
    inverted, _ = p.corrupt(pixels, 1, count, np.random.default_rng(seed))
    assert np.array_equal(inverted, ~kept)
    assert p.recalled(pixels, labels, kept).all() and not p.recalled(pixels, labels, inverted).any()


def test_corruption_flips_each_pixel_independently() -> None:
    images, labels = p.corrupt(p.glyphs(), 0.2, 1000, np.random.default_rng(3))
    flips = images ^ p.glyphs()[labels]
    assert flips.mean(axis=0) == pytest.approx(0.2, abs=0.02)
    assert flips.sum(axis=1).var() == pytest.approx(100 * 0.2 * 0.8, rel=0.05)
    again, _ = p.corrupt(p.glyphs(), 0.2, 1000, np.random.default_rng(3))
    assert np.array_equal(images, again)


@pytest.mark.parametrize(("flips", "count"), [(-0.1, 1), (1.1, 1), (float("nan"), 1), (0.1, 0)])
def test_impossible_corruption(flips: float, count: int) -> None:
    with pytest.raises(UserError, match="give"):
        p.corrupt(PICTURES, flips, count, np.random.default_rng(0))


@given(pixels=small, seed=st.integers(0, 2**32))
def test_nearest_against_counting_pixel_by_pixel(pixels: np.ndarray, seed: int) -> None:
    images, labels = p.corrupt(pixels, 0.3, 4, np.random.default_rng(seed))
    distances = (images[:, None] ^ pixels).sum(axis=2)
    assert np.array_equal(p.nearest(pixels, images), distances.argmin(axis=1))
    won = [
        all(d[label] < d[k] for k in range(len(pixels)) if k != label)
        for d, label in zip(distances, labels, strict=True)
    ]
    assert p.nearest_pattern_bound(pixels, images, labels) == np.mean(won)


def test_a_tie_is_a_failure_of_the_bound() -> None:
    patterns = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], np.bool_)
    halfway = np.array([[1, 0, 0, 0]], np.bool_)
    assert p.nearest(patterns, halfway).tolist() == [0]
    assert p.nearest_pattern_bound(patterns, halfway, np.array([0])) == 0.0


def test_correlation_is_pearsons() -> None:
    assert p.correlation(p.glyphs()) == pytest.approx(np.corrcoef(p.glyphs()))
    flat = p.correlation(np.array([[1, 1, 1], [1, 0, 0]], np.bool_))
    assert flat == pytest.approx(np.array([[0, 0], [0, 1]]))
