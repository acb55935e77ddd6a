"""The picture of the rooms is that of today's import rules."""

from scripts.imports import LAYERS, ROOMS, ROOT
from scripts.rooms import FOLDERS, columns, drawing


def test_the_picture_is_up_to_date():
    assert (ROOT / "docs" / "rooms.svg").read_text(encoding="utf-8") == drawing()


def test_every_room_is_drawn():
    drawn = {f"{folder}.{room}" for folder in FOLDERS for rooms in columns(folder) for room in rooms}
    assert drawn | {"analog", "sim", "boards", "the public door"} == {entry for line in LAYERS for entry in line}
    assert set(FOLDERS) == {*ROOMS, "ohmprop"}
