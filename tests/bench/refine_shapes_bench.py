"""Refine to Photos, second step: a ball with a known answer on the processor, and a whole head on a graphics card.

The ball's splats have wrong means, scales and rotations; its photos show the right ones. The tests' plain rasterizer
draws it, whose time says nothing. The head is that of :mod:`.refine_bench`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from core.cameras import Camera
from core.engines.draft.engine import DraftEngine
from core.errors import FaceLiftError
from core.gaussians import Gaussians
from core.progress import Reporter
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr
from core.refine.gradients.rasterizer import Rasterizer, cuda_rasterizer
from core.refine.gradients.shapes import refine_shapes
from core.refine.refine import RefineOptions, refine_to_views
from tests.bench.draft_subjects import photos
from tests.bench.refine_bench import SIZE, UNSEEN, UNSEEN_SIZE, blurred_head, orbit, photo_of, true_picture
from tests.bench.report import Measurement, print_table
from tests.helpers.shell import ball, photo, reshaped
from tests.helpers.torch_rasterizer import rasterization

COUNT, BALL_SIZE, STEPS = 300, 48, 120
BETWEEN = ((225, 0), (315, 0), (135, 0), (45, 0), (250, 40))


def main() -> None:
    """Measure and print."""
    for name, sides in (("one photo", (270,)), ("three photos", (270, 180, 90))):
        print_table(f"Second step, a ball of {COUNT} splats, {name} of {BALL_SIZE} pixels", _of_ball(sides))
    print_table("Second step, a whole head", _of_head())


def _of_ball(sides: Sequence[int]) -> list[Measurement]:
    truth = ball(COUNT)
    seen = [Camera.orbit(side, size=BALL_SIZE) for side in sides]
    unseen = [Camera.orbit(*side, size=BALL_SIZE) for side in BETWEEN]
    views = [photo(truth, camera) for camera in seen]
    given = reshaped(truth)
    first = refine_to_views(given, views, RefineOptions(split=False), Reporter())
    second = refine_shapes(first, views, Reporter(), Rasterizer(rasterization, "cpu"), STEPS)
    steps = {"before": given, "after the first step": first.gaussians, "after the second": second.gaussians}
    return [
        Measurement(f"{what}, {label}", float(np.mean(_likenesses(gaussians, truth, cameras))), "dB")
        for what, cameras in (("photos' sides", seen), ("other sides", unseen))
        for label, gaussians in steps.items()
    ] + [Measurement("the worst change of another side by the second step", _worst(first, second, truth, unseen), "dB")]


def _worst(first, second, truth: Gaussians, cameras: Sequence[Camera]) -> float:
    before, after = (_likenesses(each.gaussians, truth, cameras) for each in (first, second))
    return float((after - before).min())


def _likenesses(gaussians: Gaussians, truth: Gaussians, cameras: Sequence[Camera]) -> np.ndarray:
    grey = (0.5, 0.5, 0.5)
    return np.array([psnr(*(render(each, camera, grey).image for each in (gaussians, truth))) for camera in cameras])


def _of_head() -> list[Measurement]:
    try:
        rasterizer = cuda_rasterizer()
    except FaceLiftError as error:
        return [Measurement("everything", None, "", reason=error.message)]
    subject = list(photos())[-1]
    made = DraftEngine().generate(subject.capture, subject.settings, Reporter())
    truth, camera = made.gaussians, made.photo_camera.resized(SIZE)
    views = [photo_of(truth, camera)]
    first = refine_to_views(blurred_head(truth), views, RefineOptions(), Reporter())
    start = time.perf_counter()
    second = refine_shapes(first, views, Reporter(), rasterizer)
    seconds = time.perf_counter() - start
    middle = np.median(truth.means, axis=0)
    unseen = [orbit(camera.resized(UNSEEN_SIZE), middle, *turn) for turn in UNSEEN]
    changes = []
    for each in unseen:
        before, after = (np.clip(render(one.gaussians, each).image, 0, 1) for one in (first, second))
        picture = true_picture(truth, each)
        changes.append(psnr(after, picture) - psnr(before, picture))
    return [
        Measurement("splats", len(second.gaussians), ""),
        Measurement("the photo, after the first step", first.after, "dB"),
        Measurement("the photo, after the second", second.after, "dB"),
        Measurement(
            f"{len(UNSEEN)} unseen views, mean change by the second step", float(np.mean(changes)), "dB", ">= -0.2"
        ),
        Measurement("the worst of them", min(changes), "dB"),
        Measurement("time", seconds, "s"),
    ]


if __name__ == "__main__":
    main()
