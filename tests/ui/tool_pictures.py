"""Makes the README's pictures of tools of the screens that ``tools_tour.py`` had taken.

    python -m tests.ui.tool_pictures FOLDER PART SCREEN.png...

``FOLDER/PART.json`` is what the tour wrote of one part, the screens are in its order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image

TARGET = Path(__file__).parents[1] / "pictures" / "tools"
SIDE, WIDE_SIDE = 580, 740
"""Of the square around the view's middle that shows one head or several, in pixels of the screen."""
SIZE, GAP = 176, 4
"""Of each picture and between the two, in pixels."""
COLORS = 96

PAIRS = {
    "objects": {
        "symmetrize": "head",
        "reduce_density": "head",
        "delete_part": "head",
        "paint_color": "head",
        "grade_color": "head",
        "separate_part": "head",
        "scale_from_eyes": "head",
        "clean_floaters": "floaters",
    },
    "editing": {
        "select_part": "nothing",
        "select_color": "nothing",
        "select_size": "nothing",
        "select_visible": "nothing",
        "grow_selection": "mouth",
        "paint_selection": "mouth",
    },
    "adjustments": {
        "adjust Max size": "neutral",
        "adjust Density": "neutral",
        "adjust Splat size": "neutral",
        "adjust Exposure": "neutral",
        "adjust Saturation": "neutral",
        "adjust Skin temperature": "neutral",
        "adjust Hair visible": "neutral",
        "crop BOX moved": "neutral",
        "crop PLANE moved": "neutral",
    },
    "several": {"turntable": "turntable camera"},
}
"""By part, the pictures of what tools did, and of what was there before."""


def main() -> int:
    """Write the pairs of one part."""
    folder, part, screens = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    facts = json.loads((folder / f"{part}.json").read_text())
    taken = dict(zip(facts["pictures"], screens, strict=True))
    side = WIDE_SIDE if part == "several" else SIDE
    TARGET.mkdir(parents=True, exist_ok=True)
    for after, before in PAIRS[part].items():
        pair = Image.new("RGB", (2 * SIZE + GAP, SIZE), "white")
        for place, name in enumerate((before, after)):
            pair.paste(_middle(Image.open(taken[name]), facts["region"], side), (place * (SIZE + GAP), 0))
        path = TARGET / f"{after.replace(' ', '_').lower()}.png"
        _save(pair, path)
    if part == "several":
        _save(Image.open(folder / "contact_sheet.png"), TARGET / "contact_sheet.png")
    return 0


def _save(picture: Image.Image, path: Path) -> None:
    picture.quantize(COLORS).save(path, optimize=True)
    print(f"{path.name:<32} {path.stat().st_size / 1000:5.1f} kB")


def _middle(screen: Image.Image, region: list[int], side: int) -> Image.Image:
    """Return the middle of the 3D View."""
    x, y, width, height = region
    left, top = x + (width - side) // 2, screen.height - y - height + (height - side) // 2
    return (
        screen.convert("RGB").crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    )


if __name__ == "__main__":
    sys.exit(main())
