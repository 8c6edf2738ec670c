"""Short clips for tests: the astronaut, moved by known expressions and turns."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.avatar import astronaut_base, bound_astronaut
from tests.helpers.performances import FPS, Performance, quick
from tests.helpers.photo import astronaut
from tests.helpers.truth import Truth
from tests.tools.truth_clip import TruthHead, camera_of, film, write_video

WIDTH = 480
PART = slice(8, 62)
"""Of the quick performance: a blink, an open jaw, a smile, a nod."""


@dataclass(frozen=True, eq=False)
class Filmed:
    """A clip and its truth."""

    path: Path
    truth: Truth


@lru_cache(maxsize=1)
def filmed_astronaut() -> Filmed:
    """Return a clip of two seconds, 30 frames a second, 480 pixels wide; drawn once a process."""
    whole = quick()
    head = TruthHead(bound_astronaut(), astronaut_base())
    camera = camera_of(head.base, lens=40.0).resized(WIDTH)
    pictures, truth = film(head, Performance(whole.values[PART], whole.turns[PART]), camera)
    path = Path(tempfile.mkdtemp(prefix="facelift-clip-")) / "astronaut.mp4"
    write_video(path, pictures, (camera.width, camera.height))
    return Filmed(path, truth)


@lru_cache(maxsize=1)
def two_people() -> Path:
    """Return a clip of half a second: she on the left, smaller and mirrored on the right; a cut after ten frames.

    Both move a little. It is 640 x 360 pixels; drawn once a process.
    """
    face = astronaut()[0:300, 90:360]
    small = np.asarray(Image.fromarray(face[:, ::-1]).resize((162, 180)))
    frames = []
    for number in range(16):
        wall = np.full((360, 640, 3), 120 if number < 10 else 60, np.uint8)
        wall[:, ::40] = 30 if number < 10 else 250
        shift = 2 * number if number < 10 else 60
        _paste(wall, face, 20 + shift, 30)
        _paste(wall, small, 440 - shift, 120)
        frames.append(wall)
    path = Path(tempfile.mkdtemp(prefix="facelift-clip-")) / "two.mp4"
    write_video(path, frames, (640, 360))
    return path


def _paste(picture: np.ndarray, face: np.ndarray, left: int, top: int) -> None:
    height, width = face.shape[:2]
    picture[top : top + height, left : left + width] = face


def still_clip(path: Path, frames: int = 12, size: tuple[int, int] = (320, 180)) -> Path:
    """Write a clip of a wall, and return its path."""
    wall = np.random.default_rng(0).integers(90, 120, (size[1], size[0], 3), np.uint8)
    write_video(path, [wall] * frames, size, FPS)
    return path
