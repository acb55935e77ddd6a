"""Fields that came later: what value of theirs means a machine or a run as it was before there was such a field."""

import dataclasses
from typing import Any

_OFF = "off"


def optional(default: Any, off: Any) -> Any:
    """A dataclass field that earlier versions lacked. At the value ``off`` all is as it was then.

    So a field at its off value is no part of the spec hash, and in a file that the program saved a missing key means
    off, whatever the default is by now. Every new field must be declared so.
    """
    return dataclasses.field(default=default, metadata={_OFF: off})


def off_values(cls: type) -> dict[str, Any]:
    """The off values of those fields of a dataclass that have one."""
    return {item.name: item.metadata[_OFF] for item in dataclasses.fields(cls) if _OFF in item.metadata}
