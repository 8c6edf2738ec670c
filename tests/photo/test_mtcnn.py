"""MTCNN: boxes equal to facenet-pytorch's, and what must hold without it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from core.errors import PhotoError
from core.photo import mtcnn
from core.photo.types import FaceBox
from tests.helpers import facenet_reference
from tests.tools.assets import mtcnn as asset

PARAMETERS = {
    "image_size": 512,
    "margin": 0,
    "min_face_size": 20,
    "thresholds": [0.6, 0.7, 0.7],
    "factor": 0.709,
    "post_process": True,
}
"""FaceLift specification, section 3."""
SAME_BOX = 1e-3
"""Pixels; the alignment that follows is in whole pixels."""


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """The public-domain portrait of scikit-image."""
    return pytest.importorskip("skimage.data").astronaut()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """facenet-pytorch's detector with FaceLift's parameters."""
    return facenet_reference.load(tmp_path_factory.mktemp("facenet"))(**PARAMETERS)


def resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def collage(picture: np.ndarray) -> np.ndarray:
    """Three faces of different sizes on white, one cut by the border."""
    canvas = np.full((600, 900, 3), 255, np.uint8)
    for size, left, top in ((400, 0, 0), (150, 500, 30), (80, 700, 300)):
        canvas[top : top + size, left : left + size] = resized(picture, size, size)
    canvas[420:, 450:650] = resized(picture, 300, 300)[:180, 60:260]
    return canvas


def assert_same_faces(reference, picture: np.ndarray, at_least: int) -> None:
    boxes, scores = reference.detect(picture)
    expected = np.zeros((0, 5)) if boxes is None else np.column_stack([boxes, scores]).astype(float)
    faces = np.array([(f.x0, f.y0, f.x1, f.y1, f.score) for f in mtcnn.detect_faces(picture)]).reshape(-1, 5)
    assert len(expected) >= at_least
    assert faces.shape == expected.shape
    np.testing.assert_allclose(faces[:, :4], expected[:, :4], rtol=0, atol=SAME_BOX)
    np.testing.assert_allclose(faces[:, 4], expected[:, 4], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(512, 512), (333, 271), (1201, 1500), (64, 64)])
def test_boxes_equal_facenet_pytorch_at_every_size(reference, astronaut, size):
    assert_same_faces(reference, resized(astronaut, *size), at_least=1)


def test_boxes_equal_facenet_pytorch_with_many_faces(reference, astronaut):
    assert_same_faces(reference, collage(astronaut), at_least=3)


def test_boxes_equal_facenet_pytorch_at_the_border_and_on_noise(reference, astronaut):
    assert_same_faces(reference, astronaut[100:, 200:], at_least=0)
    noise = np.random.default_rng(0).integers(0, 256, (200, 301, 3)).astype(np.uint8)
    assert_same_faces(reference, noise, at_least=0)


@pytest.mark.parametrize("name", ["001", "003", "004", "006"])
def test_boxes_equal_facenet_pytorch_on_portraits(reference, shared, name):
    with Image.open(shared / "portraits" / f"{name}.png") as photo:
        assert_same_faces(reference, np.asarray(photo.convert("RGB")), at_least=1)


def test_committed_networks_are_those_of_the_wheel():
    assert asset.check(facenet_reference.wheel()) == []


def test_box_follows_a_shifted_face(astronaut):
    """The proposal network samples every second pixel, hence a few pixels of tolerance."""
    (face,) = mtcnn.detect_faces(astronaut)
    (moved,) = mtcnn.detect_faces(np.pad(astronaut, ((40, 0), (60, 0), (0, 0)), constant_values=255))
    assert face.score > 0.99
    assert moved.x0 - face.x0 == pytest.approx(60, abs=4)
    assert moved.y0 - face.y0 == pytest.approx(40, abs=4)
    assert moved.size == pytest.approx(face.size, rel=0.05)


def test_bands_do_not_change_the_result(astronaut, monkeypatch):
    (whole,) = mtcnn.detect_faces(astronaut)
    monkeypatch.setattr(mtcnn, "BAND_PIXELS", 3000)
    (in_bands,) = mtcnn.detect_faces(astronaut)
    assert dataclasses.astuple(in_bands) == pytest.approx(dataclasses.astuple(whole), abs=SAME_BOX)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 400, 3), (19, 19, 3), (20, 20, 3), (300, 21, 3)])
def test_small_and_flat_pictures_have_no_face(shape):
    assert mtcnn.detect_faces(np.full(shape, 200, np.uint8)) == ()


def test_largest_sure_face_is_chosen():
    unsure, small, large = (
        FaceBox(0, 0, 90, 90, 0.8),
        FaceBox(0, 0, 20, 20, 0.99),
        FaceBox(50, 0, 80, 40, 0.81),
    )
    assert mtcnn.choose_face([unsure, small, large]) == 2
    assert mtcnn.choose_face([unsure, large, FaceBox(5, 5, 35, 45, 0.99)]) == 1, "the first one on ties"


@pytest.mark.parametrize("faces", [[], [FaceBox(0, 0, 90, 90, 0.8)]])
def test_no_sure_face_is_an_error_with_advice(faces):
    with pytest.raises(PhotoError) as caught:
        mtcnn.choose_face(faces)
    assert caught.value.code == "no-face"
    assert caught.value.advice
