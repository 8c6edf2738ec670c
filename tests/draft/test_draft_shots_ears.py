"""Heads of several photos: ears lie as far back as photos from aside show them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.cameras import Camera
from core.engines.draft.bust import Bust
from core.engines.draft.hollows import ear_openness
from core.engines.draft.shots.ears import move_ears, showing_ears
from core.engines.draft.shots.look import Look
from core.gaussians import Gaussians
from core.head.mesh_raster import rasterize_mesh
from core.head.model import Region
from core.splats import spherical_harmonics as harmonics
from core.splats.parts import Part
from tests.helpers.draft import SKIN, plain_portrait

HEAD = plain_portrait()
EAR = HEAD.model.in_regions(Region.EARS) & (HEAD.model.mean[:, 0] > 0)
BACK = HEAD.fit.pose.rotation[:, 1]


def head_with_ear(backwards: float) -> np.ndarray:
    """The mean head's vertices with the left ear further back, and what is beside it."""
    away = np.linalg.norm(HEAD.model.mean[:, None] - HEAD.model.mean[EAR].mean(0), axis=2)[:, 0]
    share = np.clip((0.07 - away) / 0.03, 0, 1) * (HEAD.model.mean[:, 0] > 0)
    return HEAD.vertices + backwards * share[:, None] * BACK


def photo(vertices: np.ndarray, camera: Camera, light=(0.7, 0.7, 0.7)) -> Look:
    """A photo of a bald head under even light: hollows are dark."""
    triangles = HEAD.outer_triangles
    seen = rasterize_mesh(camera, vertices, triangles)
    shade = seen.interpolate(triangles, ear_openness(HEAD.model))[..., None]
    rgb = np.where(seen.mask[..., None], SKIN * light * (0.3 + 0.7 * shade), 0.5)
    rgb = rgb + 0.01 * np.random.default_rng(0).standard_normal(shade.shape)
    return Look(np.clip(rgb, 0, 1).astype(np.float32), seen.mask.astype(np.float32), camera)


def found(look: Look) -> float:
    """How far the ear was moved backwards."""
    vertices = HEAD.vertices.astype(np.float64)
    means, moved = move_ears(HEAD, vertices, vertices, [EAR], [look])
    assert np.array_equal(means, moved)
    return float(((moved - vertices)[EAR] @ BACK).mean())


@pytest.mark.parametrize("azimuth", [65, 75, 90])
@pytest.mark.parametrize("backwards", [-0.05, 0.04])
def test_an_ear_goes_where_a_photo_shows_it(azimuth, backwards):
    camera = Camera.orbit(270 + azimuth, 3, radius=5, fov=25)
    truth = head_with_ear(backwards)
    expected = float(((truth - HEAD.vertices)[EAR] @ BACK).mean())
    assert abs(expected) > 0.03
    assert found(photo(truth, camera, (0.6, 0.5, 0.4))) == pytest.approx(expected, abs=0.015)


def test_an_ear_stays_where_the_portrait_sees_it():
    vertices = HEAD.vertices.astype(np.float64)
    look = photo(head_with_ear(-0.05), Camera.orbit(270 + 70, radius=5, fov=25))
    _, moved = move_ears(HEAD, vertices, vertices, [EAR], [look])
    off = HEAD.camera.project(moved)[0] - HEAD.camera.project(vertices)[0]
    assert np.abs(off).max() < 1e-6
    assert np.abs(moved - vertices)[HEAD.model.mean[:, 0] < 0].max() == 0


def test_an_ear_that_no_photo_looks_at_goes_with_the_other():
    vertices, other = HEAD.vertices.astype(np.float64), HEAD.model.in_regions(Region.EARS) & ~EAR
    look = photo(head_with_ear(-0.05), Camera.orbit(270 + 70, radius=5, fov=25))
    _, moved = move_ears(HEAD, vertices, vertices, [other, EAR], [look])
    left, right = ((moved - vertices)[ear] @ BACK for ear in (EAR, other))
    assert left.mean() < -0.02 and right.mean() == pytest.approx(left.mean(), abs=0.003)


def test_an_ear_that_is_not_found_in_a_photo_of_it_stays():
    vertices, other = HEAD.vertices.astype(np.float64), HEAD.model.in_regions(Region.EARS) & ~EAR
    shown = photo(head_with_ear(-0.05), Camera.orbit(270 + 70, radius=5, fov=25))
    blank = photo(vertices, Camera.orbit(270 - 60, radius=5, fov=25))
    blank = blank.with_colors(np.full((512, 512, 3), 0.6, np.float32))
    _, moved = move_ears(HEAD, vertices, vertices, [other, EAR], [shown, blank])
    assert np.array_equal(moved[other], vertices[other]) and not np.allclose(moved[EAR], vertices[EAR])


@pytest.mark.parametrize("azimuth", [0, 45, 180, -60])
def test_photos_that_do_not_show_an_ear_from_aside_tell_nothing(azimuth):
    assert found(photo(head_with_ear(-0.05), Camera.orbit(270 + azimuth, radius=5, fov=25))) == 0


@pytest.mark.parametrize("seed", range(8))
def test_what_looks_like_no_ear_is_none(seed):
    plain = photo(HEAD.vertices, Camera.orbit(270 + 70, radius=5, fov=25))
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((512, 512)), 2 + seed)
    rgb = 0.4 + 0.1 * (noise / noise.std())[..., None] * np.ones(3)
    assert found(plain.with_colors(np.clip(rgb, 0, 1).astype(np.float32))) == 0


def test_only_ears_with_skin_show():
    right = HEAD.model.in_regions(Region.EARS) & (HEAD.model.mean[:, 0] < 0)
    shown = HEAD.model.in_regions(Region.FACE) | right
    count = int(shown.sum())
    splats = Gaussians(
        HEAD.vertices[shown],
        np.full((count, 3), 0.01),
        np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)),
        np.full(count, 0.9),
        harmonics.from_colors(np.full((count, 3), 0.5)),
        np.full(count, Part.SKIN, np.int8),
    )
    (ear,) = showing_ears(Bust(splats, HEAD, np.zeros(count, bool)))
    assert np.array_equal(ear, right)
