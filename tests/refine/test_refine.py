"""Refine to Photos, on a ball whose look is known from everywhere."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from core.cameras import Camera
from core.errors import Cancelled, FaceLiftError
from core.gaussians import Gaussians
from core.progress import Reporter
from core.rasterize.projection import project
from core.rasterize.tiles import blend, blending_weights
from core.refine.colors import solve_colors
from core.refine.refine import RefineOptions, refine_to_views
from core.refine.types import View
from core.refine.views import look
from core.splats.parts import Part
from tests.helpers.shell import RADIUS, ball, error, photo

FRONT, SIDE, BACK = (Camera.orbit(azimuth, size=192) for azimuth in (270, 180, 90))
COLORS_ONLY = RefineOptions(outlines=False, split=False)


def disturbed(truth: Gaussians, colors: float = 0.0, opacities: float = 0.0) -> Gaussians:
    """Return splats with random errors of their colours and opacities."""
    generator = np.random.default_rng(1)
    sh = truth.sh + generator.normal(scale=colors, size=truth.sh.shape) / 0.28
    return truth.replace(sh=sh, opacities=np.clip(truth.opacities - generator.uniform(0, opacities, len(truth)), 0, 1))


@pytest.mark.parametrize("size", [192, 101])
def test_the_weights_are_those_of_the_rasterizer(size):
    camera = Camera.orbit(250, 10, size=size)
    splats = project(ball(600), camera)
    blended = blend(splats, splats.colors, size, size)
    pixels, owners, weights = blending_weights(splats, size, size)
    summed = np.zeros((size * size, 3))
    np.add.at(summed, pixels, weights[:, None] * splats.colors[owners])
    np.testing.assert_allclose(summed.reshape(size, size, 3), blended, atol=2e-6)


def test_disturbed_colors_come_back_in_every_photo():
    truth = ball()
    given = disturbed(truth, colors=0.1)
    views = [photo(truth, camera) for camera in (FRONT, SIDE, BACK)]
    refined = refine_to_views(given, views, COLORS_ONLY, Reporter())
    for camera in (FRONT, SIDE, BACK):
        assert error(refined.gaussians, truth, camera) < error(given, truth, camera) / 10
    assert refined.after > refined.before + 10
    # From between the photos the truth comes back, too: the change is no trick of one side.
    between = Camera.orbit(225, size=192)
    assert error(refined.gaussians, truth, between) < error(given, truth, between) / 10


def test_colors_that_nothing_holds_are_found_again():
    truth = ball()
    given = disturbed(truth, colors=0.1)
    seen = [look(given, photo(truth, camera)) for camera in (FRONT, SIDE, BACK)]
    refined = solve_colors(given, seen, np.full(len(given), 1e-3), 20)
    for camera in (FRONT, SIDE, BACK):
        assert error(refined, truth, camera) < error(given, truth, camera) / 100


def test_disturbed_opacities_and_what_sticks_out_match_the_outline_again():
    truth = ball()
    thin = disturbed(truth, opacities=0.5)
    beside = truth.select(np.arange(0, 4000, 40))
    flakes = beside.replace(means=beside.means * 1.25)
    given = Gaussians(*(np.concatenate([getattr(each, name) for each in (thin, flakes)]) for name in FIELDS))
    view = photo(truth, FRONT)
    refined = refine_to_views(given, [view], RefineOptions(split=False), Reporter()).gaussians
    assert outline_error(refined, view) < outline_error(given, view) / 3


FIELDS = ("means", "scales", "rotations", "opacities", "sh")


def outline_error(gaussians: Gaussians, view: View) -> float:
    """Return the mean square difference of coverage and matte."""
    shown = photo(gaussians, view.camera)
    return float(((shown.alpha - view.alpha) ** 2).mean())


def test_splats_are_split_where_the_photo_has_more_detail_and_children_inherit():
    coarse, fine = ball(1500, 0.14, strand=np.arange(1500) % 7), ball(24000, stripes=0.14)
    coarse = coarse.replace(parts=np.where(np.arange(1500) % 2, Part.HAIR, Part.SKIN))
    view = photo(fine, FRONT)
    whole = refine_to_views(coarse, [view], COLORS_ONLY, Reporter()).gaussians
    refined = refine_to_views(coarse, [view], RefineOptions(outlines=False), Reporter())
    assert len(refined.gaussians) > 2000
    middle = slice(60, 132)
    assert error(refined.gaussians, fine, FRONT, middle) < error(whole, fine, FRONT, middle) / 2
    np.testing.assert_array_equal(refined.gaussians.parts, coarse.parts[refined.sources])
    np.testing.assert_array_equal(refined.gaussians.extras["strand"], coarse.extras["strand"][refined.sources])
    # Children lie where their parents were, and the far side is not split.
    far = np.linalg.norm(refined.gaussians.means - coarse.means[refined.sources], axis=1)
    assert far.max() < 2 * coarse.scales.max()
    behind = coarse.means[:, 1] > RADIUS / 2
    np.testing.assert_array_equal(refined.sources[behind[refined.sources]], np.flatnonzero(behind))


def test_no_more_splats_than_allowed():
    coarse, fine = ball(1500, stripes=0.1), ball(24000, stripes=0.1)
    view = photo(fine, FRONT)
    refined = refine_to_views(coarse, [view], RefineOptions(outlines=False, most=1600), Reporter())
    assert 1500 < len(refined.gaussians) <= 1600
    refined = refine_to_views(coarse, [view], RefineOptions(outlines=False, most=10), Reporter())
    assert len(refined.gaussians) == 1500


def test_what_no_photo_shows_looks_as_before():
    truth = ball()
    given = disturbed(truth, colors=0.1, opacities=0.3)
    refined = refine_to_views(given, [photo(truth, FRONT)], RefineOptions(outlines=False), Reporter()).gaussians
    assert error(refined, given, BACK) < error(refined, given, FRONT) / 20


def test_lengths_of_any_unit_give_the_same():
    truth, small = ball(1000), np.diag([0.01, 0.01, 0.01, 1.0])
    given = disturbed(truth, colors=0.1)
    view = photo(truth, FRONT)
    c2w = FRONT.c2w.copy()
    c2w[:3, 3] *= 0.01
    tiny = View(Camera(FRONT.width, FRONT.height, FRONT.fx, FRONT.fy, FRONT.cx, FRONT.cy, c2w), view.image, view.alpha)
    usual = refine_to_views(given, [view], COLORS_ONLY, Reporter()).gaussians
    refined = refine_to_views(given.transform(small), [tiny], COLORS_ONLY, Reporter()).gaussians
    np.testing.assert_allclose(refined.sh, usual.sh, atol=1e-3)


def test_strength_leads_from_the_unrefined_look_to_the_refined():
    truth = ball(1500)
    refined = refine_to_views(disturbed(truth, colors=0.1), [photo(truth, FRONT)], RefineOptions(), Reporter())
    errors = [error(refined.at(strength).gaussians, truth, FRONT) for strength in (0.0, 0.5, 1.0)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_cancelling_takes_effect_within_a_step():
    truth, cancel, told = ball(1000), threading.Event(), []

    def on_progress(progress):
        told.append(progress)
        if progress.stage == "Solving colors" and progress.step == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        refine_to_views(truth, [photo(truth, FRONT)], RefineOptions(), Reporter(on_progress, cancel=cancel))
    assert told[-1].step == 2
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)


def test_progress_ends_at_one():
    truth, told = ball(500), []
    refine_to_views(truth, [photo(truth, FRONT)], RefineOptions(), Reporter(told.append))
    assert told[-1].fraction == 1
    assert sum(progress.step == progress.steps for progress in told) >= 5


def test_without_a_photo_or_with_a_camera_that_looks_away_it_says_so():
    truth = ball(500)
    with pytest.raises(FaceLiftError) as caught:
        refine_to_views(truth, [], RefineOptions(), Reporter())
    assert caught.value.code == "no-photos"
    away = Camera.orbit(270, radius=-2.7, size=64)
    view = View(away, np.zeros((64, 64, 3), np.float32), np.ones((64, 64), np.float32))
    with pytest.raises(FaceLiftError) as caught:
        refine_to_views(truth.replace(means=truth.means + np.array([0, 50, 0])), [view], RefineOptions(), Reporter())
    assert caught.value.code == "nothing-seen"
