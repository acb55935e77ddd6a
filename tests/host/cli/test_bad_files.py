"""Every command that reads a file meets every kind of bad file, and ends in one sentence.

The commands and their options are found in the click group, so that a new one is covered: an option that takes a path is
either in OUTPUTS or read, and what it reads must be in KINDS.
"""

import functools
import gzip
import io
import json
import os
import struct
import zlib
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import energy
from ohmprop.model.data import mnist
from ohmprop.model.spec import MachineSpec

REPORT = Path(__file__).parents[3] / "docs/boards/icebreaker-glyphs-100.json"
#: Options of paths that are written.
OUTPUTS = {"save", "checkpoint", "json_file", "out", "pictures", "report"}
#: Options of text that name no file.
WORDS = {"cluster", "machines", "board", "listen", "fix", "tune", "port"}
#: What an option reads, by its name or, where that means several things, by the command and its name.
KINDS = {
    "machine": "machine", "patterns": "patterns", "data": "data", "load": "weights",
    "resume": "weights", "device": "device", "vary": "device", "file": "pulses", "name": "device", "names": "device",
    "board program release": None, "board build name": None, "board program name": None, "board report name": None,
    "board report out": "report", "board program machine": None, "board report machine": None,
    "spice export data": "patterns", "spice run data": "patterns", "spice compare data": "patterns",
    "eval machine": "images machine", "eval load": "images weights", "predict machine": "images machine",
    "predict load": "images weights", "predict images": "images",
}  # fmt: skip
#: What else a command is given, so that it ends soon; the option under test takes the place of its own.
GOLDEN = ("--board", "golden")
PATTERNS = {"--machine": "m.toml", "--patterns": "p.npy"}
IMAGES = {"--machine": "images.toml", "--data": "images"}
WITH = {
    "demo": {**PATTERNS, "--board": "golden", "--epochs": "1"},
    "train": {**PATTERNS, "--board": "golden", "--epochs": "1"},
    "train data": {**IMAGES, "--board": "golden", "--epochs": "1"},
    "train load": {"--patterns": "p.npy", "--board": "golden", "--epochs": "2"},
    "train resume": {"--board": "golden"},
    "recall": {"--board": "golden", "--patterns": "p.npy", "--load": "w.npz", "--images": "1"},
    "eval": {**IMAGES, "--board": "golden", "--load": "images.npz"},
    "predict": {"": "new.npy", "--board": "golden", "--load": "images.npz"},
    "predict images": {"--board": "golden", "--load": "images.npz"},
    "info": {"--board": "golden"},
    "tune": {**IMAGES, "--epochs": "1"},
    "study": {"--set": "rate=4", "--seeds": "1"},
    "reproduce": {"": "table1"},
    "board build": {"": "icebreaker", "--estimate": ""},
    "board report": {"": "icebreaker"},
    "device pulse": {"": "linear", "--board": "golden", "--count": "2"},
    "device pulse name": {"--board": "golden", "--count": "2"},
    "device glyphs": {"--epochs": "1", "--eta-shift": "4"},
    "link test": {"--board": "golden", "--requests": "10"},
    "link soak": {"--frames": "1"},
    "board check": {"": "golden"},
    "spice export": {"--load": "w.npz", "--data": "p.npy"},
    "spice run": {"--load": "w.npz", "--data": "p.npy", "--engine": "equations"},
    "spice compare": {"--load": "w.npz", "--data": "p.npy", "--engine": "equations", "--images": "1"},
}
#: Commands that are given bad files only: what they do with a good one takes minutes or does not end.
LONG = {"demo", "sim", "study", "reproduce", "tune"}


def commands(group=main, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def inputs():
    """Every command with each of its options that may name a file, and what that reads."""
    for name, command in commands():
        for option in command.params:
            kind = KINDS.get(f"{name} {option.name}", KINDS.get(option.name, "unknown"))
            written = option.name in OUTPUTS and f"{name} {option.name}" not in KINDS
            plain = not isinstance(option.type, click.Path | click.types.StringParamType) or option.name in WORDS
            if kind is not None and not written and not plain:
                yield pytest.param(name, option, kind, id=f"{name} {option.name}")


INPUTS = list(inputs())

# -- good files --------------------------------------------------------------------------------------------------------

RECURRENT = MachineSpec(layers=(9,), lanes=3)
LAYERED = MachineSpec(layers=(9, 4, 10), lanes=2)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def idx(seed):
    rng = np.random.default_rng(seed)
    return mnist.pack_idx(rng.integers(0, 256, (20, 3, 3), np.uint8)), mnist.pack_idx(
        np.arange(20, dtype=np.uint8) % 10
    )


PIXELS = np.random.default_rng(1).random((2, 9)) < 0.5
FITTED = {
    "low": 0.0, "high": 1.0, "shape_up": 1.0, "shape_down": -1.0, "range_noise": 0.01, "levels_up": 20, "levels_down": 20,
    "ends_up": [0.0, 1.0], "ends_down": [0.0, 1.0],
}  # fmt: skip
FILES = {
    "m.toml": RECURRENT.to_toml().encode(),
    "images.toml": LAYERED.to_toml().encode(),
    "p.npy": npy(PIXELS),
    "p.txt": "\n".join("".join("01"[pixel] for pixel in row) for row in PIXELS.astype(int)).encode(),
    "pngs/a.png": png(PIXELS[0].reshape(3, 3)),
    "pngs/b.png": png(PIXELS[1].reshape(3, 3)),
    **dict(zip((f"images/{name}" for name in mnist.MD5S), (*idx(1), *idx(2)), strict=True)),
    "packed/train-images-idx3-ubyte.gz": gzip.compress(idx(1)[0]),
    **dict(zip((f"packed/{name}" for name in list(mnist.MD5S)[1:]), (idx(1)[1], *idx(2)), strict=True)),
    "new.npy": npy(np.arange(27).reshape(3, 3, 3)),
    "new.png": png(np.arange(9, dtype=np.uint8).reshape(3, 3)),
    "new.idx": idx(3)[0],
    "d.json": json.dumps({"device": FITTED}).encode(),
    "c.csv": b"pulse,up,down\n" + b"".join(b"%d,%d,%d\n" % (k, k, 7 - k) for k in range(8)),
    "report/report.json": REPORT.read_bytes(),
}
#: Where the kinds' good files are: the path that an option is given, and the file in it that goes bad.
CARRIERS = {
    "machine": [("m.toml", "m.toml")],
    "images machine": [("images.toml", "images.toml")],
    "images weights": [("images.npz", "images.npz")],
    "patterns": [("p.npy", "p.npy"), ("p.txt", "p.txt"), ("pngs", "pngs/a.png")],
    "data": [("images", "images/train-images-idx3-ubyte"), ("packed", "packed/train-images-idx3-ubyte.gz")],
    "images": [("new.npy", "new.npy"), ("new.png", "new.png"), ("new.idx", "new.idx")],
    "weights": [("w.npz", "w.npz")],
    "device": [("d.json", "d.json")],
    "pulses": [("c.csv", "c.csv")],
    "report": [("report", "report/report.json")],
}
TEXTS = (".toml", ".txt", ".json", ".csv")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights files by their names, as `train` writes them."""
    folder, before = tmp_path_factory.mktemp("weights"), Path.cwd()
    os.chdir(folder)
    try:
        lay(folder, FILES)
        for options, name in ((WITH["train"], "w.npz"), (WITH["train data"], "images.npz")):
            result = CliRunner().invoke(main, ["train", *flat(options), "--save", name])
            assert result.exit_code == 0, result.output
        return {name: (folder / name).read_bytes() for name in ("w.npz", "images.npz")}
    finally:
        os.chdir(before)


def lay(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def flat(options):
    return [word for item in options.items() for word in item if word]


# -- bad files ---------------------------------------------------------------------------------------------------------


def huge(data, name):
    """A file that promises far more than it holds."""
    if name.endswith(".toml"):
        return b"[machine]\nlayers = [4294967296]\n"
    if name.endswith(".npy"):
        return data.replace(b"(2, 9)", b"(2000000000, 9)").replace(b"(3, 3, 3)", b"(2000000000, 3, 3)")
    if name.endswith(".npz"):
        # The sizes in the directory of the zip file.
        at = data.rindex(b"PK\1\2")
        return data[: at + 24] + struct.pack("<I", 0xFFFFFFF0) + data[at + 28 :]
    if name.endswith(".png"):
        header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    if name.endswith(".json"):
        return b"[" * 200_000
    return b"\0\0\x08\x03" + b"\xff" * 12 if "idx" in name else b"9" * 200_000


def strange(name):
    """A file of the right form whose numbers are none, and one of another size."""
    if name.endswith(".toml"):
        return b"[machine]\nlanes = nan\n", b"[machine]\nlayers = [[9, 10]]\nweight = 3\n"
    if name.endswith(".npy"):
        return npy(np.full((2, 9), np.nan)), npy(np.zeros((4, 9, 10)))
    if name.endswith(".txt"):
        return b"nan,nan,nan\n", b"0101010101\n" * 9
    if name.endswith(".png"):
        return png(np.full((3, 3), 128, np.uint8)), png(np.zeros((9, 10), np.bool_))
    if name.endswith(".npz"):
        nan = io.BytesIO()
        np.savez(nan, weights=np.full((9, 10), np.nan))
        return nan.getvalue(), npy(np.zeros((9, 10)))
    if name.endswith(".csv"):
        return FILES["c.csv"].replace(b"3,3,4", b"3,nan,17"), FILES["c.csv"].replace(b"3,3,4", b"3,3")
    if name.endswith(".json"):
        return b'{"device": {"low": NaN}, "board": NaN}', b'{"device": [[0, 1]], "machine": []}'
    packed = gzip.compress if name.endswith(".gz") else bytes
    return packed(b"\0\0\x0d\x03" + b"\x7f\xc0\0\0" * 12), packed(mnist.pack_idx(np.zeros((20, 9, 10), np.uint8)))


def faults(data, name):
    """Bytes of bad files, by what is wrong with them."""
    numbers, size = strange(name)
    junk = np.random.default_rng(3).bytes(300)
    return {
        "empty": b"",
        "junk": junk,
        "zeros": bytes(300),
        "junk after a byte order mark": b"\xff\xfe" + junk[:299],
        "a mark alone": b"\xef\xbb\xbf",
        "cut": data[: len(data) // 2]
        if name not in ("p.txt", "c.csv", "m.toml", "images.toml")
        else data[:7] + b"\xc3",
        "UTF-16 without its mark": data.decode("latin-1").encode("utf-16-le"),
        "compressed": gzip.compress(data)[:-4],
        "huge": huge(data, name),
        "not a number": numbers,
        "another size": size,
    }


def arguments(command, option, value):
    """The command's words with this file for the option."""
    options = dict(WITH.get(f"{command} {option.name}", WITH.get(command, {})))
    if isinstance(option, click.Argument):
        options.pop("", None)
        return [*command.split(), value, *flat(options)]
    options.pop(option.opts[0], None)
    given = [option.opts[0], f"device={value}" if option.name == "vary" else value]
    return [*command.split(), *flat(options), *given]


def outcome(words, fault, codes):
    """The command ends with one of these codes, in at most one sentence and without a traceback."""
    result = CliRunner().invoke(main, words)
    said = f"{' '.join(words)}, {fault}: {result.output[-500:]}"
    assert result.exception is None or isinstance(result.exception, SystemExit), f"{said} {result.exception!r}"
    assert result.exit_code in codes, f"{result.exit_code} {said}"
    lines = result.stderr.splitlines()
    assert "Traceback" not in result.output and len(lines) <= 1, said
    assert not result.exit_code or (lines and lines[0].endswith(".") and "; " in lines[0]), said


@pytest.fixture
def folder(tmp_path, monkeypatch, weights):
    """A working folder with all good files; the longer commands are short."""
    monkeypatch.chdir(tmp_path)
    lay(tmp_path, FILES | weights)
    monkeypatch.setattr(energy, "EPOCHS", {"glyphs": (1, 1)})
    monkeypatch.setattr(energy, "IMAGES", (1, 1))
    return tmp_path


def test_what_every_option_reads_is_known():
    assert [f"{one.values[0]} {one.values[1].name}" for one in INPUTS if one.values[2] == "unknown"] == []
    assert len(INPUTS) > 25


@pytest.mark.parametrize(("command", "option", "kind"), INPUTS)
def test_bad_files(command, option, kind, folder):
    run = functools.partial(arguments, command, option)
    for given, bad in CARRIERS[kind]:
        path, whole = folder / bad, (folder / bad).read_bytes()
        for fault, data in faults(whole, bad).items():
            path.write_bytes(data)
            # Pictures to be read may be grey and of any size.
            welcome = kind == "images" and fault in ("not a number", "another size")
            outcome(run(given), f"{bad} is {fault}", (0, 1, 2) if welcome else (1, 2))
        path.unlink()
        if given == bad:
            outcome(run(given), f"{bad} is missing", (1, 2))
        path.symlink_to(path)
        outcome(run(given), f"{bad} leads to itself", (1, 2))
        path.unlink()
        path.mkdir()
        outcome(run(given), f"{bad} is a folder", (1, 2))
        path.rmdir()
        path.write_bytes(whole)
        if os.geteuid():
            path.chmod(0)
            outcome(run(given), f"{bad} is closed to us", (1, 2))
            path.chmod(0o600)
    for given in ("x" * 5000, "nowhere/at/all", "\x01", "p.npy/x"):
        outcome(run(given), "no such path", (1, 2))


@pytest.mark.parametrize(("command", "option", "kind"), [one for one in INPUTS if one.values[0] not in LONG])
def test_good_files(command, option, kind, folder):
    """Files are read whatever their path, and texts with a byte order mark or in UTF-16."""
    for given, file in CARRIERS[kind]:
        source = Path(given)
        other = folder / "a folder with spaces" / f"ü 数 {source.name}"
        other.parent.mkdir(exist_ok=True)
        source.rename(other)
        outcome(arguments(command, option, str(other)), "a path with spaces", (0,))
        other.rename(source)
        if file.endswith(TEXTS):
            whole = (folder / file).read_bytes().decode()
            for encoding in ("utf-8-sig", "utf-16"):
                (folder / file).write_text(whole, encoding=encoding)
                outcome(arguments(command, option, given), encoding, (0,))
            (folder / file).write_text(whole)
