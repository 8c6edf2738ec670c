"""Parts estimated for a head that the FaceLift engine made."""

from __future__ import annotations

import numpy as np
import pytest

from core.cameras import front_camera
from core.engines.facelift import parts
from core.gaussians import Gaussians
from core.photo.decode import Photo
from core.photo.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from core.photo.prepare import Portrait, prepare_photo
from core.progress import Reporter
from core.splats.parts import Part
from core.splats.spherical_harmonics import from_colors

skimage_data = pytest.importorskip("skimage.data")
HAIR_COLOR = (0.45, 0.38, 0.24)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    rgba = np.dstack([skimage_data.astronaut(), np.full((512, 512), 255, np.uint8)])
    return prepare_photo(Photo(rgba, False, "astronaut.png", "00"), None, Reporter())


@pytest.fixture(scope="module")
def labelled(portrait) -> tuple[Gaussians, np.ndarray, np.ndarray]:
    """A relief of the photo with a hair-coloured back and one stray Gaussian: Gaussians, their pixels, their parts."""
    rows, columns = np.mgrid[0:512:3, 0:512:3]
    rows, columns = rows[portrait.alpha[rows, columns] > 0.9], columns[portrait.alpha[rows, columns] > 0.9]
    pixels = np.stack([columns, rows], axis=1) + 0.5
    camera = front_camera()
    reach = np.linalg.norm((pixels - [256, 260]) / 180, axis=1)
    front = camera.unproject(pixels, 2.3 + 0.4 * np.minimum(reach, 1) ** 2)
    back = front[pixels[:, 1] < 330] * [1, 0, 1] + [0, 0.5, 0]
    # The nose is missing: through the gap the camera sees the back.
    gap = np.hypot(*(pixels - [256, 265]).T) < 12
    means = np.concatenate([front[~gap], back, [[0.85, 0.85, 0.9]]])
    colors = portrait.foreground[rows, columns][~gap] / 255
    colors = np.concatenate([colors, np.tile(HAIR_COLOR, (len(back) + 1, 1))])
    count = len(means)
    gaussians = Gaussians(
        means, np.full((count, 3), 0.01), np.tile([1, 0, 0, 0], (count, 1)), np.full(count, 0.9), from_colors(colors)
    )
    white = portrait.aligned[..., 3:] / 255 * portrait.aligned[..., :3] + 255 - portrait.aligned[..., 3:]
    views = np.repeat(white[None].astype(np.uint8), 6, axis=0)
    labels, notes = parts.estimate_parts(gaussians, views)
    assert notes == ()
    return gaussians, camera.project(gaussians.means)[0], labels


def around(labelled, x: float, y: float, radius: float = 6) -> np.ndarray:
    """Labels of the front Gaussians around an aligned pixel."""
    gaussians, pixels, labels = labelled
    return labels[(np.hypot(*(pixels - [x, y]).T) < radius) & (gaussians.means[:, 1] < 0.4)]


def test_face_hair_and_clothes(labelled, portrait):
    eyes = portrait.landmarks.points[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER], :2].mean(axis=0)
    assert (around(labelled, eyes[0], eyes[1] + 20) == Part.SKIN).mean() > 0.9
    assert (around(labelled, 260, 110, 15) == Part.HAIR).mean() > 0.75
    assert (around(labelled, 240, 470, 15) == Part.CLOTHES).mean() > 0.9
    mouth = portrait.landmarks.points[[13, 14], :2].mean(axis=0)
    assert (around(labelled, *mouth) == Part.MOUTH).mean() > 0.9
    for corners in ((33, 133), (263, 362)):
        eye = portrait.landmarks.points[list(corners), :2].mean(axis=0)
        assert (around(labelled, *eye, 4) == Part.EYES).mean() > 0.7


def test_the_back_has_no_face(labelled):
    gaussians, _, labels = labelled
    behind = gaussians.means[:, 1] > 0.45
    assert not np.isin(labels[behind], [Part.EYES, Part.MOUTH]).any()
    assert (labels[behind] == Part.HAIR).mean() > 0.8


def test_a_stray_gaussian_is_a_floater(labelled):
    _, _, labels = labelled
    assert labels[-1] == Part.BACKGROUND
    assert (labels == Part.BACKGROUND).mean() < 0.01


def test_without_a_face_nothing_is_claimed(labelled):
    gaussians = labelled[0]
    labels, notes = parts.estimate_parts(gaussians, np.full((6, 256, 256, 3), 200, np.uint8))
    assert (labels == Part.UNKNOWN).all() and notes
    empty, _ = parts.estimate_parts(gaussians.select(np.zeros(0, int)), np.full((6, 256, 256, 3), 200, np.uint8))
    assert len(empty) == 0
