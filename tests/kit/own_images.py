"""Pictures as a user might bring them: letters in grey on nothing, shifted, turned, and unevenly lit.

``python -m tests.kit.own_images FOLDER`` draws all 26, 60 of each.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

#: Width and height.
SIDE = 40


def draw(folder: Path, letters: str, count: int, seed: int) -> None:
    """Draw ``count`` pictures of each letter into a folder of its name."""
    rng, font = np.random.default_rng(seed), ImageFont.load_default(size=28)
    for letter in letters:
        own = folder / letter
        own.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            image = Image.new("L", (SIDE, SIDE), 0)
            place = SIDE // 2 + rng.integers(-2, 3, 2)
            ImageDraw.Draw(image).text((int(place[0]), int(place[1])), letter, fill=255, font=font, anchor="mm")
            cover = np.asarray(image.rotate(float(rng.uniform(-10, 10))))
            light = rng.uniform(0.5, 1) * (1 - 0.4 * rng.random() * np.linspace(0, 1, SIDE))
            ink = 70 * light[None, :] + rng.normal(0, 4, (SIDE, SIDE))
            both = np.stack([ink.clip(0, 255), cover], 2).astype(np.uint8)
            Image.fromarray(both, "LA").save(own / f"{number}.png")


if __name__ == "__main__":
    draw(Path(sys.argv[1]), "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 60, seed=1)
