"""Detection and landmarks on real faces: small, turned, several, drawn, hidden."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from core.photo.alignment import ALIGNED_SIZE, Alignment, reference_box
from core.photo.faces import detect_faces
from core.photo.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER, detect_landmarks
from core.photo.prepare import find_faces
from core.photo.types import FaceBox
from tests.helpers.photo import (
    PORTRAITS,
    SAMPLE_FRONT,
    astronaut,
    needs_portraits,
    needs_sample_head,
    on_canvas,
    read_rgb,
)

NOSE_TIP, CHIN, FOREHEAD = 1, 152, 10
ASTRONAUT_EYES = (204, 101), (247, 103)
"""Middles of the person's right and left eye in the astronaut's picture, read off by eye."""


def eye_centers(points: np.ndarray) -> np.ndarray:
    return np.array([points[[33, 133], :2].mean(0), points[[362, 263], :2].mean(0)])


def rotated(picture: np.ndarray, clockwise: float) -> np.ndarray:
    image = Image.fromarray(picture).rotate(-clockwise, Image.Resampling.BICUBIC, expand=True, fillcolor=(120,) * 3)
    return np.asarray(image)


def test_astronaut_has_one_face():
    (face,) = detect_faces(astronaut())
    assert face.score > 0.8
    assert 190 < face.center[0] < 260
    assert 90 < face.center[1] < 150


def test_landmarks_lie_on_the_eyes():
    picture = astronaut()
    landmarks = detect_landmarks(picture, detect_faces(picture)[0])
    assert landmarks.points.shape == (468, 3)
    assert landmarks.points.dtype == np.float32
    assert landmarks.score > 0.9
    np.testing.assert_allclose(eye_centers(landmarks.points), ASTRONAUT_EYES, atol=3)


def test_landmark_depth_points_away_from_the_camera():
    picture = astronaut()
    points = detect_landmarks(picture, detect_faces(picture)[0]).points
    assert points[NOSE_TIP, 2] < points[RIGHT_EYE_OUTER, 2] < points[234, 2]


def test_landmarks_hardly_depend_on_the_detection():
    picture = astronaut()
    face = detect_faces(picture)[0]
    moved = FaceBox(face.x0 + 8, face.y0 - 6, face.x1 + 14, face.y1, face.score, face.roll + 6)
    first, second = (detect_landmarks(picture, box).points for box in (face, moved))
    assert np.abs(first - second)[:, :2].mean() < 1.5


@pytest.mark.parametrize("angle", [-30, -15, 15, 30, 90])
def test_turned_pictures(angle):
    ((_, landmarks),) = find_faces(rotated(astronaut()[:320, 60:400], angle))
    upright = 3.0
    assert abs(landmarks.roll - angle - upright) < (15 if angle == 90 else 6)


@needs_portraits
@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
@pytest.mark.parametrize("angle", [-30, 0, 30])
def test_turned_portraits(path, angle):
    ((_, landmarks),) = find_faces(rotated(read_rgb(path), angle))
    assert abs(landmarks.roll - angle) < 10


def test_small_face_in_a_large_picture():
    small = np.asarray(Image.fromarray(astronaut()).resize((400, 400), Image.Resampling.LANCZOS))
    ((_, landmarks),) = find_faces(on_canvas(small, (3000, 2000), (2100, 700)))
    expected = np.array(ASTRONAUT_EYES) * 400 / 512 + (2100, 700)
    np.testing.assert_allclose(eye_centers(landmarks.points), expected, atol=4)


def test_several_faces_come_largest_first():
    small = np.asarray(Image.fromarray(astronaut()).resize((340, 340), Image.Resampling.LANCZOS))
    picture = on_canvas(small, (900, 520), (20, 100))
    picture = np.asarray(picture).copy()
    picture[:512, 380:892] = astronaut()
    first, second = (box for box, _ in find_faces(picture))
    assert first.area > 1.5 * second.area
    assert first.center[0] > 380 > second.center[0]


def _drawing(picture: Image.Image) -> Image.Image:
    return ImageOps.posterize(picture.filter(ImageFilter.MedianFilter(9)), 2)


def _pencil(picture: Image.Image) -> Image.Image:
    return ImageOps.invert(picture.convert("L").filter(ImageFilter.FIND_EDGES)).convert("RGB")


def _sunglasses(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    for x, y in ASTRONAUT_EYES:
        ImageDraw.Draw(picture).ellipse((x - 16, y - 12, x + 16, y + 12), fill=(15, 15, 15))
    return picture


def _hat(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    ImageDraw.Draw(picture).rectangle((150, 0, 300, 88), fill=(120, 30, 30))
    return picture


def _grey(picture: Image.Image) -> Image.Image:
    return picture.convert("L").convert("RGB")


@pytest.mark.parametrize("change", [_drawing, _pencil, _sunglasses, _hat, _grey])
def test_unusual_faces(change):
    ((box, _),) = find_faces(np.asarray(change(Image.fromarray(astronaut()))))
    assert abs(box.center[0] - 225) < 20
    assert abs(box.center[1] - 126) < 20


@pytest.mark.parametrize("name", ["coffee", "brick", "chelsea", "moon"])
def test_pictures_without_a_face(name):
    picture = getattr(pytest.importorskip("skimage.data"), name)()
    picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    assert find_faces(picture) == []


@needs_portraits
@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
def test_aligned_face_is_where_facelift_puts_it(path):
    picture = read_rgb(path)
    ((_, landmarks),) = find_faces(picture)
    alignment = Alignment.from_box(picture.shape[1::-1], reference_box(landmarks))
    points = alignment.align_landmarks(landmarks).points
    # Medians over MTCNN-aligned portraits, with room for its scatter.
    np.testing.assert_allclose(eye_centers(points).mean(0), (252, 258), atol=14)
    assert points[LEFT_EYE_OUTER, 0] - points[RIGHT_EYE_OUTER, 0] == pytest.approx(110, abs=12)
    assert 0 < points[FOREHEAD, 1] < points[CHIN, 1] < ALIGNED_SIZE


@needs_sample_head
def test_predicted_box_of_the_sample_head_is_mtcnns():
    picture = read_rgb(SAMPLE_FRONT)
    ((_, landmarks),) = find_faces(picture)
    box = reference_box(landmarks)
    # MTCNN's own box there: 164.2, 161.5, 317.3, 370.3.
    assert box.size == pytest.approx(181.0, rel=0.03)
    np.testing.assert_allclose(box.center, (240.8, 265.9), atol=6)
