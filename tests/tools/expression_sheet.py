"""``python -m tests.tools.expression_sheet OUT.webp [EXPRESSION ...]``: bound splats, an expression a column.

From the front and from three quarters, through the reference rasterizer. Without names, all of the head
model's expressions, a page of eight each: OUT-0.webp and so on. "A+B" shows two at once, "rest" none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from core.avatar.binding import rest_mesh
from core.avatar.deformation import deform
from core.avatar.gaps import openings
from core.cameras import Camera
from core.gaussians import Gaussians
from core.rasterize import render
from tests.helpers.avatar import astronaut_base, bound_astronaut

VIEWS = ((-90, 0), (-50, 5))
"""Azimuth and elevation."""
FACE = (0.0, 0.0, -0.03)
"""Metres in the model's frame: the middle of the pictures."""
FIELD_OF_VIEW, SIZE, PAGE = 26, 300, 8


def shown(expression: str) -> Gaussians:
    """Return the splats with expressions in full, beside what the photo shows."""
    base = astronaut_base()
    coefficients = base.expression.copy()
    for name in () if expression == "rest" else expression.split("+"):
        coefficients[base.model.expression_names.index(name)] = 1
    vertices = base.vertices(coefficients)
    return deform(bound_astronaut(), rest_mesh(base), vertices, openings(base, vertices))


def sheet(expressions: list[str]) -> Image.Image:
    """Return one picture: a column for each expression, a row for each view."""
    middle = np.eye(4)
    middle[:3, 3] = astronaut_base().pose.apply(np.array(FACE))
    cameras = [Camera.orbit(*view, radius=2.7, fov=FIELD_OF_VIEW, size=SIZE).moved(middle) for view in VIEWS]
    columns = []
    for expression in expressions:
        splats = shown(expression)
        columns.append(np.concatenate([render(splats, camera).to_uint8() for camera in cameras]))
    return Image.fromarray(np.concatenate(columns, axis=1))


def main(out: str, *expressions: str) -> None:
    """Write the sheet or sheets."""
    path = Path(out)
    if expressions:
        sheet(list(expressions)).save(path)
        return
    names = astronaut_base().model.expression_names
    for page in range(0, len(names), PAGE):
        some = list(names[page : page + PAGE])
        sheet(some).save(path.with_stem(f"{path.stem}-{page // PAGE}"))
        print(page // PAGE, *some)


if __name__ == "__main__":
    main(*sys.argv[1:])
