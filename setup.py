"""The rooms at the top of the tree are the subpackages of ``ohmprop``; the rest is in pyproject.toml."""

from setuptools import find_packages, setup

ROOMS = ("model", "analog", "hw", "sim", "boards", "host")

setup(
    package_dir={f"ohmprop.{room}": room for room in ROOMS},
    packages=["ohmprop"]
    + [f"ohmprop.{name}" for room in ROOMS for name in (room, *(f"{room}.{inner}" for inner in find_packages(room)))],
)
