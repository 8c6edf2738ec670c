"""Several people in a photo: each one's matte is their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.photo.decode import from_array
from core.photo.landmarks import Landmarks
from core.photo.matting import estimate_matte
from core.photo.people import Body, person_share
from core.photo.prepare import find_faces, prepare_photo
from core.photo.sampling import Square
from core.progress import Reporter
from tests.helpers.photo import astronaut

HEIGHT, WIDTH = 430, 760


@pytest.fixture(scope="module")
def alone() -> tuple[np.ndarray, np.ndarray, Landmarks]:
    """A portrait, its matte and its face."""
    picture = astronaut()[:HEIGHT]
    ((_, face),) = find_faces(picture)
    return picture, estimate_matte(picture, face), face


def wall() -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] / WIDTH
    return np.stack([120 + 60 * columns, 130 - 40 * rows, 150 + 20 * rows], axis=-1)


def pair(alone, apart: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a photo of somebody before her mirrored twin, ``apart`` pixels to the right, and both true mattes."""
    picture, matte, _ = alone
    photo, mattes = wall(), []
    for pixels, alpha, left in ((picture[:, ::-1] * 0.9, matte[:, ::-1], apart), (picture, matte, 0)):
        whole, colors = np.zeros(photo.shape[:2]), photo.copy()
        width = min(pixels.shape[1], WIDTH - left)
        whole[:, left : left + width], colors[:, left : left + width] = alpha[:, :width], pixels[:, :width]
        photo = photo + (colors - photo) * whole[..., None]
        mattes.append(whole)
    behind, front = mattes
    return np.rint(photo).astype(np.uint8), front, behind * (1 - front)


@pytest.mark.parametrize("apart", [100, 160])
def test_a_matte_holds_one_person_only(alone, apart):
    photo, *truths = pair(alone, apart)
    found = sorted((landmarks for _, landmarks in find_faces(photo)), key=lambda face: Body.of(face).center[0])
    assert len(found) == 2
    for place, truth in enumerate(truths):
        matte = estimate_matte(photo, found[place], [found[1 - place]])
        whole = truth.sum()
        assert (matte * (1 - truth)).sum() < 0.06 * whole, "somebody else"
        assert ((1 - matte) * truth).sum() < 0.08 * whole, "lost"


def test_without_the_others_faces_both_stay(alone):
    """What the test above would measure were nothing done; further apart, only a thread connects the two."""
    photo, front, _ = pair(alone, 100)
    face = min((landmarks for _, landmarks in find_faces(photo)), key=lambda face: Body.of(face).center[0])
    assert (estimate_matte(photo, face) * (1 - front)).sum() > 0.2 * front.sum()


def test_the_prepared_photo_shows_the_chosen_person(alone):
    photo, *_ = pair(alone, 110)
    for face in (0, 1):
        portrait = prepare_photo(from_array(photo), face, Reporter())
        other = portrait.faces[1 - face]
        x, y = (int(value) for value in other.center)
        assert portrait.matte[y - 15 : y + 15, x - 15 : x + 15].max() == 0
        own = portrait.faces[face]
        x, y = (int(value) for value in own.center)
        assert portrait.matte[y - 15 : y + 15, x - 15 : x + 15].min() == 255


def test_nothing_floats(alone):
    photo, *_ = pair(alone, 110)
    for face in (0, 1):
        portrait = prepare_photo(from_array(photo), face, Reporter())
        parts, _ = ndimage.label(portrait.alpha > 0.25, np.ones((3, 3)))
        x, y = portrait.landmarks.points[1, :2].astype(int)
        assert ndimage.distance_transform_edt(parts != parts[y, x])[parts > 0].max() < 16


def test_an_island_at_the_border_goes(alone):
    """A patch of skin and hair beside her, of somebody whose face the photo cuts off."""
    picture, matte, face = alone
    photo = wall()[:, :512]
    photo = photo + (picture - photo) * matte[..., None]
    photo[20:160, 0:60] = picture[60:200, 190:250]
    result = estimate_matte(np.rint(photo).astype(np.uint8), face)
    assert result[:170, :70].max() == 0
    assert np.abs(result - matte).mean() < 0.02


def test_far_people_are_no_concern(alone):
    picture, matte, face = alone
    body = Body.of(face)
    square = Square(*body.center, 3.2 * body.size)
    far = face.transformed((1, 1, 1), (20 * body.size, 0))
    assert person_share(picture, square, np.ones((64, 64), np.float32), face, [far]) is None
    np.testing.assert_array_equal(estimate_matte(picture, face, [far]), matte)


def test_distances_to_a_body_are_in_face_sizes(alone):
    _, _, face = alone
    body = Body.of(face)
    center = body.center
    beside = center + np.outer([1, 2, 3], [body.size, 0])
    steps = np.diff(body.distance(beside))
    np.testing.assert_allclose(steps, 1, atol=0.2)
    assert body.distance(center) < 0
    assert body.distance(center + np.array([0, 2 * body.size])) < 0, "the chest"
    assert body.distance(center - np.array([0, 2 * body.size])) > 0.5
