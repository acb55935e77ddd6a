"""Networks in and out: layers as arrays, PyTorch modules and NIR graphs."""

from importlib import import_module
from types import ModuleType

from ohmprop.model.errors import UserError

#: Packages that modules here need, how to install them, by the modules' names.
PACKAGES = {
    "torch_modules": ("PyTorch", "pip install torch"),
    "nir_graphs": ("NIR", 'pip install "ohmprop[nir]"'),
}


def needing(name: str) -> ModuleType:
    """One of the modules here that need a package which may be missing; UserError if it is."""
    package, command = PACKAGES[name]
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise UserError(f"{package} is not installed ({error.name}); install it with `{command}`.") from None
