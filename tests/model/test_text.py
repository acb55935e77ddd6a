"""The one reader of text files: byte order marks, UTF-16, and what is no text."""

from pathlib import Path

import pytest

from ohmprop.model import text
from ohmprop.model.data.patterns import load_patterns
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: What editors and shells write: PowerShell's `>` is UTF-16 in little endian with its mark.
ENCODINGS = {
    "plain": lambda words: words.encode(),
    "UTF-8 with a mark": lambda words: words.encode("utf-8-sig"),
    "UTF-16": lambda words: b"\xff\xfe" + words.encode("utf-16-le"),
    "UTF-16 in big endian": lambda words: b"\xfe\xff" + words.encode("utf-16-be"),
    "UTF-32": lambda words: words.encode("utf-32"),
}


def refused(path: Path, *words: str) -> None:
    """The file ends in one sentence with these words."""
    with pytest.raises(UserError) as caught:
        text.read_json(path, "JSON file", "give another one")
    sentence = str(caught.value)
    assert sentence.startswith(f"The JSON file {path} ") and sentence.endswith("; give another one.")
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_read_alike(tmp_path: Path, encoding: str) -> None:
    encode, spec = ENCODINGS[encoding], MachineSpec(layers=(9,), lanes=3)
    (tmp_path / "m.toml").write_bytes(encode(spec.to_toml()))
    assert MachineSpec.load(tmp_path / "m.toml") == spec
    (tmp_path / "p.txt").write_bytes(encode("glyph Ä\n101\n011\n"))
    loaded = load_patterns(str(tmp_path / "p.txt"))
    assert loaded.names == ("Ä",) and loaded.pixels.tolist() == [[True, False, True, False, True, True]]
    (tmp_path / "j.json").write_bytes(encode('{"µ": [1]}'))
    assert text.read_json(tmp_path / "j.json", "file", "give another one") == {"µ": [1]}


def test_what_is_no_text_or_no_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(tmp_path / "absent.json", "No such file")
    refused(tmp_path, "directory")
    path = tmp_path / "bad.json"
    for data, word in (
        (b"\xff\xfe{", "utf-16"),
        (b"{\0}\0", "zero byte"),
        (b"\x89PNG\r\n", "utf-8"),
        (b"{", "is not JSON"),
        (b"[1]", "no JSON object"),
        (b"[" * 100_000, "is not JSON"),
    ):
        path.write_bytes(data)
        refused(path, word)
    monkeypatch.setattr(text, "MOST_BYTES", 1 << 20)
    path.write_bytes(b" " * ((1 << 20) + 1))
    refused(path, "more than 1 MiB")
