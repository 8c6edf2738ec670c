"""Short clips for tests: the astronaut, moved by known expressions and turns."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tests.helpers.avatar import astronaut_base, bound_astronaut
from tests.helpers.performances import FPS, Performance, quick
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


def still_clip(path: Path, frames: int = 12, size: tuple[int, int] = (320, 180)) -> Path:
    """Write a clip of a wall, and return its path."""
    wall = np.random.default_rng(0).integers(90, 120, (size[1], size[0], 3), np.uint8)
    write_video(path, [wall] * frames, size, FPS)
    return path
