"""The reference rasterizer's speed on a draft head, against a plain loop over the same Gaussians."""

from __future__ import annotations

from skimage import data

from core.cameras import front_camera
from core.engines.draft.engine import DraftEngine
from core.photo.decode import from_array
from core.progress import Reporter
from core.rasterize.cpu import render
from tests.bench.report import Measurement, best_seconds, print_table
from tests.helpers.gaussian import render_plainly

SMALL = 64
"""Pixels of the comparison with the plain loop, which visits every pixel for every Gaussian."""
SMALL_COUNT = 4000


def main() -> None:
    """Measure and print."""
    head = DraftEngine().generate(from_array(data.astronaut(), "astronaut.png"), {}, Reporter()).gaussians
    few, camera = head.select(slice(0, len(head), len(head) // SMALL_COUNT)), front_camera(SMALL)
    ours = best_seconds(lambda: render(few, camera))
    plain = best_seconds(lambda: render_plainly(few, camera), repeats=1)
    seconds = best_seconds(lambda: render(head, front_camera()))
    size = f"{SMALL} x {SMALL}"
    rows = [
        Measurement(f"{len(head):,} Gaussians at 512 x 512", seconds, "s", "< 3"),
        Measurement(f"{len(few):,} Gaussians at {size}", ours, "s", "", "a plain loop over Gaussians", plain),
    ]
    print_table("Reference rasterizer", rows)


if __name__ == "__main__":
    main()
