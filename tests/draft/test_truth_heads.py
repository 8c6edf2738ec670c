"""Truth heads: measured against themselves they are right, and the draft engine's heads come close enough."""

from importlib.util import find_spec

import numpy as np
import pytest

from core.cameras import Camera
from core.engines.capture import Capture
from core.engines.draft.engine import DraftEngine
from core.gaussians import Gaussians
from core.head.model import load_head_model
from core.photo.decode import decode
from core.photo.lens import crop_degrees
from core.progress import Reporter
from core.splats.parts import Part
from core.splats.spherical_harmonics import from_colors
from tests.bench import strands, truth_heads
from tests.bench.draft_quality import floating_count, hair_structure
from tests.bench.novel_views import TruthHead, novel_quality, similarity, ssim
from tests.bench.orbit_clip import Hull
from tests.helpers.draft import PreparedEngine, astronaut_head

UNSEEN_PSNR, UNSEEN_IOU = 15.0, 0.85


@pytest.fixture(scope="module")
def bald():
    if find_spec("bpy") is None:
        pytest.skip("this Python has no bpy module")
    return TruthHead(truth_heads.folders(("bald",), "quick")[0])


def test_a_truth_head_is_whole_and_its_cameras_are_the_pictures(bald):
    assert list(bald.photos) == ["photo.png"] and len(bald.views) == len(truth_heads.SITTINGS["quick"].views)
    for view in bald.views:
        assert 0.1 < (view.alpha > 0.5).mean() < 0.7
    # The world's landmarks, found in the pictures, are those of the model that was photographed.
    subject = next(subject for subject in truth_heads.SUBJECTS if subject.name == "bald")
    model, rng = load_head_model(), np.random.default_rng(subject.seed)
    vertices = model.vertices(rng.normal(0, 0.7, len(model.identity)))
    truth = truth_heads.UNITS_PER_METRE * model.landmarks(vertices)
    assert np.linalg.norm(bald.landmarks - truth, axis=1).mean() < 0.05


def test_a_draft_head_comes_close_to_a_truth_head_from_all_sides(bald):
    photo = decode(bald.path("photo.png").read_bytes(), "photo.png")
    prepared = DraftEngine().prepare(photo, {}, Reporter())
    angle = crop_degrees(bald.photos["photo.png"], prepared.alignment)
    subject = next(subject for subject in truth_heads.SUBJECTS if subject.name == "bald")
    assert angle == pytest.approx(subject.fov, rel=0.25), "the lens is that of a portrait"
    capture = Capture.of(photo, lens="degrees", lens_degrees=angle)
    result = PreparedEngine(prepared).generate(capture, {}, Reporter())
    quality = novel_quality(result.gaussians, bald)
    assert quality.landmark_error < 0.04
    assert quality.psnr.mean() > UNSEEN_PSNR and quality.iou.mean() > UNSEEN_IOU, quality
    assert quality.psnr[quality.away < 10].mean() > quality.psnr[quality.away > 150].mean()


@pytest.mark.parametrize("name", ["short", "long", "curly"])
def test_strands_grow_outside_the_head_and_fall(name):
    model, style = load_head_model(), strands.STYLES[name]
    paths = strands.grow(model, model.mean.astype(np.float64), style, np.random.default_rng(0))
    assert len(paths) == style.strands
    lengths = np.array([np.linalg.norm(np.diff(path, axis=0), axis=1).sum() for path in paths])
    assert 0.6 * style.length < np.median(lengths) < 2.5 * style.length
    ends = np.array([path[-1] for path in paths])
    assert np.isfinite(ends).all()
    # No strand ends inside the skull: an ellipsoid well within it.
    assert (np.linalg.norm((ends - [0, 0.015, 0.02]) / [0.06, 0.075, 0.065], axis=1) > 1).all()
    if name == "long":
        assert np.median(ends[:, 2]) < -0.1


def test_ssim_is_the_published_one():
    rng = np.random.default_rng(0)
    a = rng.random((64, 64, 3))
    b = np.clip(a + rng.normal(0, 0.1, a.shape), 0, 1)
    from skimage.metrics import structural_similarity

    grey = [picture.mean(-1) for picture in (a, b)]
    _, full = structural_similarity(
        *grey, data_range=1, gaussian_weights=True, use_sample_covariance=False, sigma=1.5, full=True
    )
    inside = np.zeros((64, 64), bool)
    inside[16:-16, 16:-16] = True
    assert ssim(a, b, inside) == pytest.approx(full[inside].mean(), abs=1e-3)


def test_similarity_finds_what_was_done():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(20, 3))
    turn = Camera.orbit(30, 20).c2w[:3, :3]
    matrix = similarity(points, 1.7 * points @ turn.T + [1, 2, 3])
    np.testing.assert_allclose(matrix[:3, :3], 1.7 * turn, atol=1e-9)
    np.testing.assert_allclose(matrix[:3, 3], [1, 2, 3], atol=1e-9)


def test_floating_flakes_are_counted_and_strands_that_lead_there_are_not():
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(3000, 3))
    ball *= 0.5 / np.linalg.norm(ball, axis=1, keepdims=True)
    flake = np.array([0.8, 0, 0]) + 0.01 * rng.normal(size=(40, 3))
    strand = np.linspace([0, 0, 0.5], [0, 0, 0.9], 30)

    def count(*parts):
        means = np.concatenate(parts)
        size = len(means)
        return floating_count(
            Gaussians(
                means,
                np.full((size, 3), 0.01),
                np.tile([1.0, 0, 0, 0], (size, 1)),
                np.ones(size),
                from_colors(np.ones((size, 3))),
            ),
            1 / 5.5,
        )

    assert count(ball) == 0 and count(ball, strand) == 0
    assert count(ball, flake) == 40 and count(ball, strand[-3:]) == 3


def test_hair_structure_sees_a_smooth_back_and_no_hair():
    result, _ = astronaut_head()
    values = hair_structure(result.gaussians)
    assert len(values) == 3 and all(0.05 < value < 2 for value in values)
    bare = result.gaussians.replace(parts=np.full(len(result.gaussians), Part.SKIN, np.int8))
    assert hair_structure(bare) is None


def test_a_hull_is_as_large_as_what_is_seen_of_it():
    """The mattes of a ball from twelve sides; the hull is seen from between them."""
    radius, cameras = 0.6, [Camera.orbit(30 * side, 10, radius=4, fov=35, size=96) for side in range(12)]
    pixels = np.stack(np.meshgrid(*[np.arange(96) + 0.5] * 2), axis=-1).reshape(-1, 2)

    def seen(camera):
        """How far rays pass by the ball's middle, and whether that is inside."""
        rays = camera.unproject(pixels, np.ones(len(pixels))) - camera.position
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        return np.linalg.norm(np.cross(rays, camera.position), axis=1).reshape(96, 96)

    hull = Hull([(seen(camera) < radius, camera) for camera in cameras], 48)
    between = Camera.orbit(15, 10, radius=4, fov=35, size=96)
    depth, covered = hull.seen(between)
    ball = seen(between) < radius
    assert (covered[ball] > 0.5).mean() > 0.99 and 1 < covered.sum() / ball.sum() < 1.1
    assert depth[48, 48] == pytest.approx(4 - radius, abs=0.05)
    assert np.isinf(depth[covered == 0]).all()
