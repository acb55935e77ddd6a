"""One reader for all text files: machines, patterns, measured pulses, JSON."""

import codecs
import json
from pathlib import Path
from typing import Any

from ohmprop.model.errors import UserError

#: Most bytes of a text file, many times what any of ours has.
MOST_BYTES = 1 << 26
#: What a file may begin with, and what it then is. UTF-32's mark begins with that of UTF-16, so it comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def decode(data: bytes) -> str:
    """The text in a file's bytes, without its byte order mark; UnicodeDecodeError if they are no text.

    UTF-8, unless a byte order mark says UTF-16 or UTF-32: PowerShell's ``>`` writes UTF-16.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    text = data.decode(encoding)
    if (at := text.find("\0")) >= 0:
        # UTF-16 without its mark is valid UTF-8, and so are many binary files.
        raise UnicodeDecodeError(encoding, data, at, at + 1, "a zero byte, so it is not text in UTF-8")
    return text


def read_text(path: Path, what: str, remedy: str) -> str:
    """The text of a file; UserError if it cannot be read.

    Parameters
    ----------
    what : what the file is, as ``machine file``: the error begins with it.
    remedy : what the user is to do: the error ends with it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
        return decode(data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"The {what} {path} cannot be read as text ({reason}); {remedy}.") from None


def read_json(path: Path, what: str, remedy: str) -> dict[str, Any]:
    """The object in a JSON file; UserError, worded as by ``read_text``, if it holds none."""
    text = read_text(path, what, remedy)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"The {what} {path} is not JSON ({error}); {remedy}.") from None
    if not isinstance(content, dict):
        raise UserError(f"The {what} {path} holds no JSON object; {remedy}.")
    return content
