"""Black and white patterns as text.

Rows of ``0`` (black) and ``1`` (white), or of ``.`` and ``#``. Spaces, tabs, commas and semicolons between pixels are ignored.
A row with a decimal point, an exponent or a sign is one of numbers between separators, each of which is 0 or 1, or -1 or 1:
``0.0,1.0`` has two pixels. Beside semicolons a comma is a decimal comma.

Without headings each row is one pattern; with a heading ``glyph NAME`` before each block, the rows of the block are those of
the picture.
"""

import re

from ohmprop.model.errors import UserError

#: Pixels of each pattern, row by row, as numbers: -1, 0 or 1.
Blocks = list[list[list[float]]]

_HEADING = re.compile(r"glyph\s+(\S.*)")
_SEPARATORS = re.compile(r"[\s,;]+")
_NUMBERS = re.compile(r"[\d\s,;.eE+-]*")


def parse(text: str, source: str) -> tuple[Blocks, tuple[str, ...]]:
    """The patterns of a text, and their names, empty if it has no headings.

    All rows are equally long, all blocks equally high. UserError, naming the source and the line, if they are not.
    """
    names: list[str] = []
    blocks: Blocks = []
    width = 0
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _HEADING.fullmatch(line.strip()):
            if blocks and not names:
                raise UserError(
                    f"{source} has rows before its first heading, in line {number}; head every block or none."
                )
            names.append(heading[1])
            blocks.append([])
            continue
        row = _row(line, f"Line {number} of {source}")
        if not row:
            continue
        width = width or len(row)
        if len(row) != width:
            raise UserError(
                f"Line {number} of {source} has {len(row)} pixels where earlier rows have {width}; "
                "make all rows the same length."
            )
        if not names:
            blocks.append([])
        blocks[-1].append(row)
    if not blocks:
        raise UserError(f"{source} holds no pattern; give at least one row of 0 and 1.")
    for name, block in zip(names, blocks, strict=False):
        if not block or len(block) != len(blocks[0]):
            raise UserError(
                f"Glyph {name} of {source} has {len(block)} rows where the first has {len(blocks[0])}; "
                "give every glyph the same number, at least one."
            )
    return blocks, tuple(names)


def _row(line: str, where: str) -> list[float]:
    """The pixels of one line, none if it is blank."""
    pixels = _SEPARATORS.sub("", line)
    letters, decimal_commas = set(pixels), ";" in line and "," in line
    if (letters <= set("01#") or letters <= set(".#")) and not decimal_commas:
        return [float(pixel in "1#") for pixel in pixels]
    if not _NUMBERS.fullmatch(line):
        raise UserError(
            f"{where} holds {line.strip()[:40]!r}, but a row of pixels has only 0 and 1, or only . and #; correct the line."
        )
    cells = re.split(r"[\s;]+", line.replace(",", ".")) if decimal_commas else _SEPARATORS.split(line)
    row = []
    for cell in filter(None, cells):
        try:
            value = float(cell)
        except ValueError:
            value = None
        if value not in (-1, 0, 1):
            raise UserError(
                f"{where} holds the number {cell[:40]}, but a pixel is 0 or 1, or -1 or 1; correct the line."
            )
        row.append(value)
    return row
