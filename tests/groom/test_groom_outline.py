"""Guides drawn to the hair's outline in a picture."""

from __future__ import annotations

import numpy as np

from core.cameras import Camera
from core.groom import outline
from core.hair.volume import HairPhoto

SIZE, RADIUS = 256, 0.5
COUNT, POINTS = 400, 12


def _guides() -> tuple[np.ndarray, np.ndarray]:
    """Return guides that run from the top of a ball down its front half, and their points' counts."""
    azimuth = np.linspace(np.pi, 2 * np.pi, COUNT)[:, None]
    polar = np.linspace(0.15, 2.4, POINTS)[None]
    ball = RADIUS * np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth)], axis=-1)
    height = np.broadcast_to(RADIUS * np.cos(polar), (COUNT, POINTS))[..., None]
    return np.concatenate([ball, height], axis=-1).reshape(-1, 3), np.full(COUNT, POINTS)


def _photo(radius: float) -> HairPhoto:
    """Return a picture of a ball of hair from the front, of that radius."""
    camera = Camera.orbit(270, 0, size=SIZE)
    middle, _ = camera.project(np.zeros((1, 3)))
    rim, depths = camera.project(np.array([[radius, 0.0, 0.0]]))
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    hair = np.hypot(columns - middle[0, 0], rows - middle[0, 1]) < np.linalg.norm(rim - middle)
    nothing = np.zeros((SIZE, SIZE), bool)
    rgb = np.zeros((SIZE, SIZE, 3), np.float32)
    return HairPhoto(camera, rgb, hair, np.where(hair, depths[0], 0.0), nothing, hair.astype(np.float32))


def _cover(points: np.ndarray, counts: np.ndarray, photo: HairPhoto) -> np.ndarray:
    place = np.arange(len(points)) % counts[0]
    pixels, _ = photo.camera.project(points)
    return outline._covered(pixels, np.ones(len(points), bool), place > 0, photo.hair.shape)


def _upper(mask: np.ndarray) -> np.ndarray:
    """Return the rows of a mask that guides reach."""
    return mask[: SIZE // 2 + 20]


def test_guides_reach_the_outline_and_do_not_go_beyond():
    points, counts = _guides()
    for radius in (0.46, 0.54):
        photo = _photo(radius)
        before, moved = points, outline.drawn_to_outline(points, counts, photo)
        overlaps = []
        for at in (before, moved):
            covered, wanted = _upper(_cover(at, counts, photo)), _upper(photo.hair)
            overlaps.append((covered & wanted).sum() / (covered | wanted).sum())
        assert overlaps[1] > 0.93
        assert 1 - overlaps[1] < 0.6 * (1 - overlaps[0])


def test_roots_and_what_lies_far_inside_stay():
    points, counts = _guides()
    photo = _photo(0.54)
    moved = outline.drawn_to_outline(points, counts, photo)
    first = np.arange(COUNT) * POINTS
    assert np.abs(moved[first] - points[first]).max() < 1e-9
    middle = (np.abs(points[:, 0]) < 0.1) & (np.abs(points[:, 2]) < 0.1)
    assert middle.sum() > 50
    assert np.linalg.norm(moved[middle] - points[middle], axis=1).max() < 0.01


def test_what_the_head_hides_stays():
    points, counts = _guides()
    points = points * [1, -1, 1]
    moved = outline.drawn_to_outline(points, counts, _photo(0.54))
    behind = points[:, 1] > 0.2
    assert behind.any()
    np.testing.assert_allclose(moved[behind], points[behind], atol=1e-9)
