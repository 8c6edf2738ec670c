"""What the FaceLift engine does on the processor: preparing the photo before the models, naming parts after them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree
from skimage import data

from core.cameras import front_camera
from core.engines.capture import Shot
from core.engines.draft.engine import DraftEngine
from core.engines.facelift import parts, preparation
from core.gaussians import Gaussians
from core.photo.decode import Photo, from_array
from core.progress import Reporter
from core.rasterize.cpu import render

from .report import Measurement, best_seconds, print_table

COUNT = 800_000
"""Gaussians of a large head: about half of those that GS-LRM makes."""
JITTER = 0.003
REPEATS = 4


def photo() -> Photo:
    """Return the astronaut's photo."""
    return from_array(data.astronaut(), "astronaut.png")


@lru_cache(maxsize=1)
def large_head() -> tuple[Gaussians, np.ndarray]:
    """Return a draft head resampled to many Gaussians, and its front view in place of all six."""
    head = DraftEngine().generate(photo(), {}, Reporter()).gaussians
    generator = np.random.default_rng(0)
    many = head.select(generator.integers(0, len(head), COUNT))
    many = many.replace(means=many.means + generator.normal(0, JITTER, many.means.shape), parts=None)
    return many, np.repeat(render(head, front_camera()).to_uint8()[None], 6, axis=0)


def prepare_seconds() -> float:
    """Return the seconds from a decoded photo to the conditioning picture."""
    astronaut = Shot(photo())
    return best_seconds(lambda: preparation.prepare(astronaut, Reporter()), REPEATS)


def parts_seconds() -> float:
    """Return the seconds for naming the parts of a large head."""
    many, views = large_head()
    return best_seconds(lambda: parts.estimate_parts(many, views), REPEATS)


def main() -> None:
    """Measure and print."""
    many, _ = large_head()
    search = best_seconds(lambda: cKDTree(many.means).query(many.means, k=parts.NEIGHBOURS), 2)
    rows = [
        Measurement("photo prepared", prepare_seconds(), "s"),
        Measurement(f"parts of {COUNT:,} Gaussians", parts_seconds(), "s", "", "neighbours by scipy alone", search),
    ]
    print_table("FaceLift on the processor", rows)


if __name__ == "__main__":
    main()
