"""Draws docs/rooms.svg, the rooms of the code, from the import rules: ``python -m scripts.rooms``."""

from scripts.imports import LAYERS, ROOT

#: What each folder is for; left edge, top and size of its frame.
FOLDERS = {
    "ohmprop": ("the public door", (60, 10, 1020, 44)),
    "host": ("drives a board: link, training, experiments, command line", (60, 84, 1020, 96)),
    "sim": ("the design compiled by Verilator", (60, 210, 500, 44)),
    "boards": ("one file per board, and the tools", (580, 210, 310, 44)),
    "hw": ("the Amaranth components", (60, 284, 830, 130)),
    "analog": ("as a circuit", (910, 284, 170, 130)),
    "model": ("what the machine computes", (60, 444, 1020, 164)),
}
#: Arrows from importer to imported, and whether the import happens inside functions only.
ARROWS = (
    ("M570 54V82", False),
    ("M310 180V208", True),
    ("M735 180V208", True),
    ("M995 180V282", False),
    ("M310 254V282", False),
    ("M735 254V282", False),
    ("M570 414V442", False),
    ("M995 414V442", False),
    ("M60 132H30V526H58", False),
)
#: A room's box, and the distance of two.
WIDTH, HEIGHT, ACROSS, DOWN = 88, 28, 100, 34
NOTE = (
    "An arrow points to what is imported; dashed: inside functions only. In a folder a room imports rooms to its left, "
    "never one above or below. Green: a single file."
)


def columns(folder: str) -> list[list[str]]:
    """The folder's rooms as the import rules order them: columns from left to right."""
    layers = [[entry.partition(".")[2] for entry in line if entry.startswith(f"{folder}.")] for line in LAYERS]
    return [rooms for rooms in layers if rooms]


def drawing() -> str:
    """The picture as SVG text."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1100 640" width="1100" height="640" '
        'font-family="DejaVu Sans, Arial, sans-serif" font-size="12">',
        "  <title>The rooms of ohmprop, and who imports whom</title>",
        '  <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#333"/></marker></defs>',
        '  <rect width="1100" height="640" fill="#fff"/>',
    ]
    for path, inside in ARROWS:
        dashes = ' stroke-dasharray="5 4"' if inside else ""
        parts.append(f'  <path d="{path}" fill="none" stroke="#333" marker-end="url(#tip)"{dashes}/>')
    for folder, (purpose, (left, top, width, height)) in FOLDERS.items():
        frame = f'x="{left}" y="{top}" width="{width}" height="{height}"'
        parts.append(f'  <rect {frame} rx="8" fill="#f6f6f3" stroke="#999"/>')
        parts.append(
            f'  <text x="{left + 14}" y="{top + 27}"><tspan font-weight="bold" font-size="14">{folder}/</tspan>'
            f'<tspan dx="10" fill="#555">{purpose}</tspan></text>'
        )
        for column, rooms in enumerate(columns(folder)):
            for row, room in enumerate(rooms):
                parts += box(left + 14 + column * ACROSS, top + 48 + row * DOWN, (ROOT / folder / room).is_dir(), room)
    parts.append(f'  <text x="60" y="630" fill="#555">{NOTE}</text>')
    return "\n".join([*parts, "</svg>", ""])


def box(x: int, y: int, is_folder: bool, room: str) -> list[str]:
    """A room's rectangle and name, or a single file's."""
    fill, end = ("#e8eef5", "/") if is_folder else ("#e6f2e8", ".py")
    return [
        f'  <rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{fill}" stroke="#333"/>',
        f'  <text x="{x + WIDTH // 2}" y="{y + 19}" text-anchor="middle">{room}{end}</text>',
    ]


if __name__ == "__main__":
    (ROOT / "docs" / "rooms.svg").write_text(drawing(), encoding="utf-8")
