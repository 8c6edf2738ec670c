"""Real photos as views: their cameras in the rig's frame, their pictures, and which generated views they replace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.cameras import Camera, front_camera, six_view_rig
from core.engines.facelift.pictures import over_white
from core.engines.facelift.shots.exposure import Seen, exposure_factors, recolored
from core.engines.facelift.shots.frame import carried, to_frame
from core.engines.facelift.shots.views import RealView, aimed, angles, arranged, real_view, replaced_views
from core.geometry.vectors import unit
from core.head.model import load_head_model
from core.head.pose import Pose
from core.photo.alignment import Alignment
from core.photo.exposures import exposed
from core.photo.sampling import sample_perspective

RIG = six_view_rig()


def fitted(center=(0.05, 0.02, 0.12)) -> np.ndarray:
    """Return a head's vertices, turned a little, its middle off the origin."""
    model = load_head_model()
    turned = Rotation.from_euler("ZX", [12, 5], degrees=True).as_matrix()
    return Pose(turned, np.array(center), 4.8).apply(model.vertices())


def around(azimuth: float, elevation: float = 0.0, fov: float = 30.0) -> Camera:
    return Camera.orbit(azimuth, elevation, radius=-front_camera(fov=fov).position[1], fov=fov)


def tilted(camera: Camera, degrees: tuple[float, float, float]) -> Camera:
    """Return a camera turned where it stands."""
    c2w = camera.c2w.copy()
    c2w[:3, :3] = c2w[:3, :3] @ Rotation.from_euler("XYZ", degrees, degrees=True).as_matrix()
    return replace(camera, c2w=c2w)


@pytest.mark.parametrize("fov", [50.0, 27.0, 18.0])
def test_a_head_in_both_frames_lands_on_the_same_pixels(fov):
    center = np.array([0.05, 0.02, 0.12])
    head, portrait = fitted(center), front_camera(fov=fov)
    others = [tilted(around(azimuth, elevation), (2, 3, 4)) for azimuth, elevation in ((0, 5), (90, -10), (200, 20))]

    frame = to_frame(portrait, RIG[0], center)

    moved = head @ frame[:3, :3].T + frame[:3, 3]
    for camera in others:
        np.testing.assert_allclose(carried(camera, frame).project(moved)[0], camera.project(head)[0], atol=1e-6)
        assert np.linalg.det(carried(camera, frame).c2w) == pytest.approx(1)
    # The portrait's camera becomes the rig's: exactly where both have one lens, else but for what lenses change.
    (seen,), _ = portrait.project(center[None])
    (again,), _ = RIG[0].project((frame[:3, :3] @ center + frame[:3, 3])[None])
    np.testing.assert_allclose(again, seen, atol=1e-6)
    off = np.linalg.norm(RIG[0].project(moved)[0] - portrait.project(head)[0], axis=1)
    assert np.cbrt(np.linalg.det(frame[:3, :3])) == pytest.approx(1, abs=0.01)
    if fov == 50:
        np.testing.assert_allclose(frame, np.eye(4), atol=1e-12)
        assert off.max() < 1e-6
    else:
        near = np.linalg.norm(head - center, axis=1) < 0.4
        assert off[near].mean() < 8 and off[near].max() < 30


def test_the_rigs_own_views_stay_as_they_are():
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (512, 512, 4), np.uint8)
    for camera in RIG:
        view = real_view(camera, Alignment.stretched((512, 512)), rgba)
        np.testing.assert_allclose(view.camera.c2w, camera.c2w, atol=1e-12)
        assert (view.camera.fx, view.camera.cx, view.camera.width) == pytest.approx((camera.fx, 256, 512))
        np.testing.assert_array_equal(view.picture, over_white(rgba))


def painted(directions: np.ndarray) -> np.ndarray:
    """Return smooth colours [..., 3] uint8 of unit directions [..., 3]."""
    waves = [np.sin(9 * directions[..., 0]), np.cos(7 * directions[..., 1]), np.sin(11 * directions[..., 2] + 1)]
    return np.rint(127.5 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def directions_of(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Return the unit world directions of pixels [..., 2]."""
    x, y = (pixels[..., 0] - camera.cx) / camera.fx, (pixels[..., 1] - camera.cy) / camera.fy
    return unit(np.stack([x, y, np.ones_like(x)], axis=-1) @ camera.c2w[:3, :3].T)


def centres(width: int, height: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)


@pytest.mark.parametrize("factor", [0.6, 1.0, 2.6])
def test_a_photo_is_turned_and_zoomed_where_it_was_taken(factor):
    """Colours that depend on the direction alone come out where the view's rays say so: nothing is stretched."""
    camera = tilted(around(20, 8), (3, -4, 6))
    width, height = round(700 * factor), round(600 * factor)
    offset = np.array([-60.0, -30.0])
    size = (round(width / factor), round(height / factor))
    crop = (60, 30, 60 + 512, 30 + 512)
    alignment = Alignment((width, height), size, crop, (0, 0))
    pixels = centres(width, height) * alignment.scale + offset
    photo = np.dstack([painted(directions_of(camera, pixels)), np.full((height, width), 255, np.uint8)])

    view = real_view(camera, alignment, photo)

    assert view.camera.position == pytest.approx(camera.position)
    assert view.camera.c2w[2, 0] == pytest.approx(0, abs=1e-12) and view.camera.fx == view.camera.fy
    middle, _ = view.camera.project(np.zeros((1, 3)))
    assert middle[0] == pytest.approx([256, 256])
    towards = directions_of(view.camera, centres(512, 512))
    seen, _ = camera.project(camera.position + towards.reshape(-1, 3))
    place = (seen - offset) / alignment.scale
    inside = ((place > 4) & (place < np.array([width, height]) - 4)).all(1).reshape(512, 512)
    outside = ((place < -4) | (place > np.array([width, height]) + 4)).any(1).reshape(512, 512)
    assert inside.mean() > 0.6 and outside.any()
    assert np.abs(view.picture[inside].astype(int) - painted(towards)[inside]).max() <= 3
    assert (view.picture[outside] == 255).all()


def test_a_view_is_as_large_as_the_rigs_whatever_the_lens():
    ball = unit(np.random.default_rng(1).normal(size=(4000, 3))) * 0.3
    widths = []
    for fov in (20, 35, 50):
        pixels, _ = aimed(tilted(around(0, 0, fov), (5, 5, 0))).project(ball)
        widths.append(np.ptp(pixels, axis=0).mean())
    assert widths[0] == pytest.approx(widths[2], rel=0.02)


def test_far_outside_the_photo_there_is_nothing():
    rgb = np.zeros((20, 30, 3), np.uint8)
    away = np.array([[1, 0, 500], [0, 1, 500], [0, 0, 1]], float)
    assert (sample_perspective(rgb, away, 64, 255) == 255).all()
    assert sample_perspective(rgb[..., 0], np.eye(3), 8, 7).shape == (8, 8)


def test_details_finer_than_the_view_are_averaged():
    checks = np.indices((1600, 1600)).sum(0) % 2 * 255
    grey = sample_perspective(checks.astype(np.uint8), np.diag([3.125, 3.125, 1]), 512, 255)
    assert np.abs(grey[8:-8, 8:-8].astype(int) - 127).max() < 24


@pytest.mark.parametrize(
    ("azimuths", "expected"),
    [
        ([0.0], [4]),  # Azimuth 0 is the person's left.
        ([270 - 60.0], [1]),
        ([270 - 90.0], [2]),
        ([270 + 15.0], [None]),  # The front view is the portrait.
        ([270 + 135.0], [None]),  # Between the left view and the back one, 45 degrees from both.
        ([0.0, 10.0], [4, None]),
        ([10.0, 0.0], [None, 4]),
        ([0.0, 0.0], [4, None]),
        ([270 - 45.0, 180.0, 90.0, 0.0, 270 + 45.0], [1, 2, 3, 4, 5]),
    ],
)
def test_a_photo_replaces_the_nearest_view(azimuths, expected):
    assert replaced_views([around(azimuth) for azimuth in azimuths]) == expected


def test_from_far_above_nothing_is_replaced():
    assert replaced_views([around(0, 34), around(0, 36)]) == [4, None]
    assert np.isfinite(aimed(around(0, 90)).c2w).all()


def one_colored(azimuth: float, color: int) -> RealView:
    return RealView(np.full((512, 512, 3), color, np.uint8), aimed(around(azimuth)))


def test_views_are_arranged_for_the_reconstruction():
    generated = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 128, 128, 3), np.uint8)
    photos = [one_colored(*each) for each in ((285, 100), (90, 101), (45, 102), (100, 103), (2, 104))]

    seen = arranged(generated, photos)

    assert seen.replaced == (None, 3, None, None, 4)
    # 45 degrees lie off all other views, 285 degrees 15 off the front, 100 degrees 10 off the back.
    assert seen.beside == (2, 0, 3)
    assert seen.views[:, 0, 0, 0].tolist() == [0, 1, 2, 101, 104, 5, 102, 100, 103]
    assert seen.views.shape == (9, 128, 128, 3) and len(seen.cameras) == 9 and not seen.left_out
    for number, place in enumerate((7, 3, 6, 8, 4)):
        assert angles([seen.cameras[place]], [photos[number].camera])[0, 0] == pytest.approx(0, abs=1e-3)
        assert seen.cameras[place].width == 128
    fewer = seen.first(7)
    assert (fewer.beside, fewer.left_out, len(fewer.views), len(fewer.cameras)) == ((2,), (0, 3), 7, 7)
    least = seen.first(3)
    assert (least.beside, least.left_out, len(least.views)) == ((), (0, 2, 3), 6)


def test_without_photos_the_generated_views_are_all():
    generated = np.zeros((6, 64, 64, 3), np.uint8)
    seen = arranged(generated, [])
    assert seen.views is generated and seen.left_out == ()
    for camera, own in zip(seen.cameras, six_view_rig(64), strict=True):
        np.testing.assert_array_equal(camera.c2w, own.c2w)


def test_photos_take_the_portraits_exposure():
    """A grey head from three sides, two of the photos darker and bluish; the back has nothing of the portrait's."""
    factors = [np.ones(3), np.array([0.6, 0.7, 0.8]), np.array([0.5, 0.5, 0.6])]
    photos = []
    for camera, factor in zip((front_camera(fov=27), around(0, 4), around(90)), factors, strict=True):
        picture = np.full((512, 512, 4), 255, np.uint8)
        picture[..., :3] = np.rint(exposed(np.full((1, 1, 3), [0.6, 0.5, 0.45]), factor) * 255)
        photos.append(Seen(picture, camera, fitted((0, 0, 0.05))))

    found = exposure_factors(load_head_model(), photos)

    assert found[0] == pytest.approx(1)
    for own, wanted in zip(found[1:], factors[1:], strict=True):
        assert own == pytest.approx(1 / wanted, rel=0.25) and own.mean() == pytest.approx((1 / wanted).mean(), rel=0.15)


def test_an_exposure_is_a_table_of_steps():
    rgb = np.random.default_rng(2).integers(0, 256, (40, 30, 3), np.uint8)
    np.testing.assert_array_equal(recolored(rgb, np.ones(3)), rgb)
    brighter = recolored(rgb, np.array([2.0, 1.0, 0.5]))
    expected = exposed(rgb / 255, np.array([2.0, 1.0, 0.5])) * 255
    assert np.abs(brighter - expected).max() <= 0.51
