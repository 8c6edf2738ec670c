"""FaceLift's alignment against the recorded reference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import core.photo.alignment
from core.photo.alignment import ALIGNED_FACE_CENTER, ALIGNED_FACE_SIZE, Alignment, align, reference_box
from core.photo.landmarks import Landmarks
from core.photo.types import FaceBox

PARITY = Path(__file__).resolve().parents[3] / "shared" / "facelift-parity"
needs_parity = pytest.mark.skipif(not (PARITY / "facecrop.npz").is_file(), reason="needs ../shared/facelift-parity")


def recorded_box(name: str) -> FaceBox:
    cases = json.loads((PARITY / "facecrop.json").read_text())["cases"]
    return FaceBox(*next(case for case in cases if case["name"] == name)["selected_box"], score=1.0)


@needs_parity
@pytest.mark.parametrize("name", ["crop0", "crop1", "crop2", "crop3"])
def test_align_is_bit_exact(name):
    with np.load(PARITY / "facecrop.npz") as data:
        image, expected = data[f"{name}/image"], data[f"{name}/output"]
    np.testing.assert_array_equal(align(image, recorded_box(name)), expected)


@needs_parity
def test_align_of_a_matted_photo_is_bit_exact():
    with np.load(PARITY / "facecrop.npz") as data:
        rgba, boxes, scores = data["pre/rgba"], data["pre/boxes"], data["pre/probs"]
        expected = data["pre/output_autocrop"]
    over_white = Image.new("RGBA", rgba.shape[1::-1], "white")
    over_white.alpha_composite(Image.fromarray(rgba))
    box = max((FaceBox(*box, score=1.0) for box in boxes[scores > 0.8]), key=lambda box: box.area)
    np.testing.assert_array_equal(align(np.asarray(over_white.convert("RGB")), box), expected)


@pytest.mark.parametrize("size", [(300, 400), (2000, 1500), (97, 1201)])
def test_cropped_resampling_equals_scaling_everything(size, monkeypatch):
    image = np.random.default_rng(3).integers(96, 160, (size[1], size[0], 3), np.uint8)
    box = FaceBox(size[0] * 0.3, size[1] * 0.31, size[0] * 0.52, size[1] * 0.5, 1.0)
    alignment = Alignment.from_box(size, box)
    monkeypatch.setattr(core.photo.alignment, "MAX_SCALED_PIXELS", 0)
    scaled = np.asarray(Image.fromarray(image).resize(alignment.scaled_size, Image.Resampling.BICUBIC))
    left, top, right, bottom = alignment.crop
    x, y = alignment.paste
    part = alignment.apply(image)[y : y + bottom - top, x : x + right - left]
    assert np.abs(part.astype(int) - scaled[top:bottom, left:right]).max() <= 2


def test_a_face_already_in_place_stays():
    # Truncation, as in the reference, needs a face a hair smaller: int(511.999) would lose a column.
    half = (ALIGNED_FACE_SIZE - 1e-6) / 2
    x, y = ALIGNED_FACE_CENTER
    image = np.random.default_rng(1).integers(0, 256, (512, 512, 3), np.uint8)
    aligned = align(image, FaceBox(x - half, y - half, x + half, y + half, 1.0))
    # The truncations of the reference cost the last row and column even here.
    np.testing.assert_array_equal(aligned[:511, :511], image[:511, :511])


def test_points_move_with_the_picture():
    image = np.zeros((900, 700), np.uint8)
    image[440:452, 300:312] = 255
    alignment = Alignment.from_box((700, 900), FaceBox(200, 300, 420, 560, 1.0))
    points = np.tile(np.array([[306, 446, 20]], np.float32), (468, 1))
    moved = alignment.align_landmarks(Landmarks(points, 1.0)).points[0]
    aligned = alignment.apply(image, fill=0).astype(float)
    rows, columns = np.indices(aligned.shape) + 0.5
    centroid = [(columns * aligned).sum() / aligned.sum(), (rows * aligned).sum() / aligned.sum()]
    np.testing.assert_allclose(moved[:2], centroid, atol=0.05)
    assert moved[2] == pytest.approx(20 * alignment.scale[0], rel=2e-3)


def test_a_box_outside_the_photo_is_refused():
    with pytest.raises(ValueError, match="outside"):
        Alignment.from_box((100, 100), FaceBox(5000, 5000, 5100, 5100, 1.0))


def test_reference_box_follows_scale_and_shift():
    points = np.random.default_rng(2).normal(size=(468, 3)) * 40 + 200
    first = reference_box(Landmarks(points.astype(np.float32), 1.0))
    second = reference_box(Landmarks((points * 3 + [10, -4, 0]).astype(np.float32), 1.0))
    assert second.size == pytest.approx(3 * first.size, rel=1e-4)
    np.testing.assert_allclose(second.center, np.multiply(first.center, 3) + np.array([10, -4]), rtol=1e-3)
