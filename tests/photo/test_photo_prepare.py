"""The whole way from a photo to an aligned portrait, and its matte."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.errors import Cancelled, PhotoError
from core.photo.decode import decode, from_array
from core.photo.foreground import estimate_foreground
from core.photo.matting import estimate_matte
from core.photo.prepare import find_faces, prepare_photo
from core.progress import Reporter
from tests.helpers.photo import (
    PORTRAITS,
    SAMPLE_FRONT,
    astronaut,
    needs_portraits,
    needs_sample_head,
    on_canvas,
    read_rgb,
)


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> float:
    return (first & second).sum() / (first | second).sum()


def matte_of(picture: np.ndarray) -> np.ndarray:
    return estimate_matte(picture, find_faces(picture)[0][1])


def code_of(photo, face: int | None = None) -> str:
    with pytest.raises(PhotoError) as caught:
        prepare_photo(photo, face, Reporter())
    assert caught.value.advice
    return caught.value.code


def test_astronaut_is_prepared():
    previews = {}
    portrait = prepare_photo(from_array(astronaut()), None, Reporter(on_preview=previews.__setitem__))
    assert portrait.aligned.shape == (512, 512, 4)
    assert portrait.aligned.dtype == np.uint8
    assert portrait.face == 0
    assert len(portrait.faces) == 1
    assert portrait.notes == ()
    assert set(previews) == {"crop", "matte"}
    assert Image.open(io.BytesIO(previews["matte"])).size == (512, 512)
    np.testing.assert_array_equal(portrait.foreground, portrait.aligned[..., :3])
    inside = portrait.landmarks.points[:, :2].astype(int)
    assert (portrait.alpha[inside[:, 1], inside[:, 0]] > 0.9).mean() > 0.97


def test_preparing_is_deterministic():
    first, second = (prepare_photo(from_array(astronaut()), None, Reporter()) for _ in range(2))
    np.testing.assert_array_equal(first.aligned, second.aligned)


def test_astronauts_matte():
    matte = matte_of(astronaut())
    assert matte.shape == (512, 512)
    assert matte.dtype == np.float32
    assert matte.min() >= 0
    assert matte.max() <= 1
    assert matte[10:60, 318:345].max() < 0.02  # wall beside the head
    assert matte[60:170, 200:250].min() > 0.98  # face
    assert matte[230:280, 180:300].mean() > 0.97  # suit


@needs_sample_head
def test_matte_before_white_equals_the_true_alpha():
    truth = np.asarray(Image.open(SAMPLE_FRONT))[..., 3] / 255
    matte = matte_of(read_rgb(SAMPLE_FRONT))
    assert np.abs(matte - truth).mean() < 0.008
    assert intersection_over_union(matte > 0.5, truth > 0.5) > 0.985


@needs_sample_head
def test_hair_edges_lose_the_background():
    """Composited over another background, the decontaminated portrait equals the true one."""
    source = np.asarray(Image.open(SAMPLE_FRONT).convert("RGBA"))
    truth = source[..., 3:] / 255
    picture = read_rgb(SAMPLE_FRONT)
    matte = matte_of(picture)[..., None]
    colors = estimate_foreground(picture, matte[..., 0])
    background = np.array([255, 0, 255])
    expected = truth * source[..., :3] + (1 - truth) * background
    ours = matte * colors + (1 - matte) * background
    naive = matte * picture + (1 - matte) * background
    rim = (truth[..., 0] > 0.05) & (truth[..., 0] < 0.95)
    rim[256:] = False
    error, naive_error = (np.abs(result - expected)[rim].mean() for result in (ours, naive))
    assert error < naive_error


def test_known_composite_gives_its_foreground_back():
    alpha = np.tile(np.clip((np.arange(512) - 200) / 10, 0, 1), (120, 1))
    front, back = np.array([200, 60, 20]), np.array([20, 200, 240])
    picture = np.rint(alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.uint8)
    colors = estimate_foreground(picture, alpha)
    edge = (alpha > 0.2) & (alpha < 1)
    assert np.abs(colors[edge].astype(int) - front).mean() < 3
    np.testing.assert_array_equal(colors[alpha == 1], picture[alpha == 1])


@needs_portraits
@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
def test_portraits_mattes_are_decided(path):
    portrait = prepare_photo(decode(path.read_bytes(), path.name), None, Reporter())
    alpha = portrait.alpha
    undecided = ((alpha > 0.1) & (alpha < 0.9)).mean()
    assert undecided < 0.05
    assert 0.2 < (alpha > 0.5).mean() < 0.8


@needs_sample_head
def test_own_transparency_is_the_matte():
    source = np.asarray(Image.open(SAMPLE_FRONT).convert("RGBA"))
    portrait = prepare_photo(decode(SAMPLE_FRONT.read_bytes(), "a.png"), None, Reporter(), aligned=True)
    np.testing.assert_array_equal(portrait.aligned[..., 3], source[..., 3])
    solid = source[..., 3] == 255
    np.testing.assert_array_equal(portrait.aligned[solid][:, :3], source[solid][:, :3])


def test_rounded_corners_are_no_matte():
    opaque = np.dstack([astronaut(), np.full((512, 512), 255, np.uint8)])
    cornered = opaque.copy()
    cornered[:20, :20, 3] = 0
    expected, portrait = (prepare_photo(from_array(pixels), None, Reporter()) for pixels in (opaque, cornered))
    assert np.abs(expected.alpha - portrait.alpha).mean() < 0.01


def test_no_face():
    assert code_of(from_array(np.full((300, 400, 3), 90, np.uint8))) == "no-face"


def test_face_too_small():
    # Enlarged noise-free portrait of 20 pixels' face: found, but of no use.
    tiny = np.asarray(Image.fromarray(astronaut()).resize((90, 90), Image.Resampling.LANCZOS))
    assert code_of(from_array(on_canvas(tiny, (120, 100), (10, 5)))) in ("face-too-small", "no-face")


def test_small_face_is_noted():
    small = np.asarray(Image.fromarray(astronaut()).resize((300, 300), Image.Resampling.LANCZOS))
    portrait = prepare_photo(from_array(small), None, Reporter())
    assert "soft" in portrait.notes[0]


def test_choosing_among_faces():
    both = np.concatenate([astronaut()[:400], astronaut()[:400, ::-1]], axis=1)
    photo = from_array(both)
    largest = prepare_photo(photo, None, Reporter())
    assert len(largest.faces) == 2
    assert "2 faces" in largest.notes[0]
    chosen = [prepare_photo(photo, face, Reporter()) for face in (0, 1)]
    assert all(portrait.notes == () for portrait in chosen)
    assert [portrait.face for portrait in chosen] == [0, 1]
    assert np.abs(chosen[0].aligned.astype(int) - chosen[1].aligned).mean() > 1
    assert code_of(photo, 2) == "no-such-face"


def test_cancel_before_the_matte():
    reporter = Reporter(on_preview=lambda kind, png: reporter.cancel_event.set())
    with pytest.raises(Cancelled):
        prepare_photo(from_array(astronaut()), None, reporter)
