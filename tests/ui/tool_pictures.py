"""Makes the README's pictures of the screens that ``tools_tour.py`` and ``tour.py`` had taken.

    python -m tests.ui.tool_pictures FOLDER PART SCREEN.png...
    python -m tests.ui.tool_pictures tour SCREEN.png...

``FOLDER/PART.json`` is what the tour of tools wrote of one part. The screens are in the tour's
order, those of ``tour.py`` 1600 pixels wide and 1000 high.
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
        "apply_transform": "stretched",
        "set_origin_center": "origin",
        "reset_to_original": "without hair",
        "clean_floaters": "floaters",
    },
    "editing": {
        "select_part": "nothing",
        "select_color": "nothing",
        "select_size": "nothing",
        "select_visible": "nothing",
        "grow_selection": "mouth",
        "assign_part": "select_part",
        "paint_selection": "mouth",
    },
    "by_hand": {
        "select_brush": "none",
        "select_lasso": "none",
        "select_sphere": "none",
        "rings": "close",
        "centers": "close",
        "compare_photo": "plain",
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
    "several": {"joined": "two bounds", "turntable": "turntable camera"},
}
"""By part, the pictures of what tools did, and of what was there before."""


PANEL, VIEWPORT = (1020, 82, 1315, 632), (310, 80, 1316, 902)
LARGEST = (800, 800)
PIECES = {
    "panel-empty": (1, PANEL),
    "panel-crop": (2, PANEL),
    "panel-running": (3, PANEL),
    "viewport": (5, VIEWPORT),
}
"""Pictures of the interface: which screen of ``tour.py``, counted from 1, and which box of it."""


def main() -> int:
    """Write the pairs of one part, or the pictures of the interface."""
    if sys.argv[1] == "tour":
        for name, (number, box) in PIECES.items():
            screen = Image.open(sys.argv[1 + number]).convert("RGB")
            piece = screen.crop(box)
            piece.thumbnail(LARGEST, Image.Resampling.LANCZOS)
            _save(piece, TARGET.parent / f"{name}.png", 256)
        return 0
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


def _save(picture: Image.Image, path: Path, colors: int = COLORS) -> None:
    picture.quantize(colors).save(path, optimize=True)
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
