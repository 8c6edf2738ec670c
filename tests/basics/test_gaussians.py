"""The Gaussians value: invariants, selection, joining, and transforming exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.cameras import Camera
from core.gaussians import Gaussians, concatenate, decompose_covariances
from core.geometry import quaternions
from core.rasterize import metrics, render
from core.splats.parts import Part
from core.system import blocks
from tests.helpers.gaussian import random_gaussians, random_rotation

CAMERA = Camera.orbit(250, 15, size=64)
MIRROR_X = np.diag([-1.0, 1, 1, 1])
SHEAR = np.array([[1, 0.4, 0, 0.1], [0, 0.7, -0.2, 0.2], [0.3, 0, 1.6, -0.3], [0, 0, 0, 1]])


def affine(linear: np.ndarray, offset=(0, 0, 0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, offset
    return matrix


RIGID = affine(random_rotation(1), (0.3, -0.5, 0.2))
MATRICES = {
    "rigid": RIGID,
    "similarity": affine(2.5 * random_rotation(2), (1, 2, 3)),
    "mirror": MIRROR_X,
    "turned mirror": RIGID @ MIRROR_X,
    "point reflection": affine(-0.5 * np.eye(3)),
    "stretch": affine(np.diag([0.1, 1, 7])),
    "shear": SHEAR,
    "shear and mirror": SHEAR @ MIRROR_X,
    "almost a similarity": affine(np.diag([1, 1, 1 + 1e-5])),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_transform_can_reuse_the_memory(matrix):
    """The result is the same, a block at a time or not, in the value's arrays or in new ones."""
    count = blocks.ROWS + 50
    gaussians = random_gaussians(count, 3)
    expected = gaussians.transform(matrix)
    again = random_gaussians(count, 3)
    reused = again.transform(matrix, reuse=True)
    assert np.shares_memory(reused.means, again.means) and np.shares_memory(reused.sh, again.sh)
    locked = Gaussians(np.frombuffer(gaussians.means.tobytes(), np.float32).reshape(-1, 3), *_other_fields(gaussians))
    for found in (reused, locked.transform(matrix, reuse=True)):
        for name in ("means", "scales", "rotations", "opacities", "sh"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    some = slice(blocks.ROWS, count)
    np.testing.assert_allclose(gaussians.select(some).transform(matrix).sh, expected.sh[some], atol=1e-6)


def _other_fields(gaussians: Gaussians) -> tuple[np.ndarray, ...]:
    return tuple(np.array(getattr(gaussians, name)) for name in ("scales", "rotations", "opacities", "sh"))


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_transform_moves_means_and_covariances_exactly(matrix):
    gaussians = random_gaussians(200, 1)
    moved = gaussians.transform(matrix)
    linear = matrix[:3, :3]
    np.testing.assert_allclose(moved.means, gaussians.means @ linear.T + matrix[:3, 3], atol=2e-6)
    expected = linear @ gaussians.covariances() @ linear.T
    size = np.trace(expected, axis1=1, axis2=2)[:, None, None]
    np.testing.assert_allclose(moved.covariances() / size, expected / size, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(moved.rotations, axis=1), 1, atol=1e-6)
    assert (moved.scales > 0).all()
    np.testing.assert_array_equal(moved.opacities, gaussians.opacities)


@pytest.mark.parametrize("name", ["rigid", "similarity", "mirror", "turned mirror", "point reflection"])
def test_similarities_keep_the_order_of_the_axes(name):
    gaussians = random_gaussians(50)
    factor = np.cbrt(abs(np.linalg.det(MATRICES[name][:3, :3])))
    np.testing.assert_allclose(gaussians.transform(MATRICES[name]).scales, gaussians.scales * factor, rtol=1e-5)


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_moving_head_and_camera_together_changes_nothing(degree, factor):
    """Colours that depend on the view turn with the head."""
    gaussians = random_gaussians(300, degree, size=0.1, spread=0.4)
    scale = np.diag([factor, factor, factor, 1])
    moved_position = scale @ CAMERA.c2w
    moved_position[:3, :3] = CAMERA.c2w[:3, :3]
    camera = Camera(64, 64, CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy, RIGID @ moved_position)
    before = render(gaussians, CAMERA)
    # 3DGS blurs by a fixed number of pixels, so sizes on the screen have to stay.
    after = render(gaussians.transform(RIGID @ scale), camera)
    assert metrics.psnr(after.image, before.image) > 80
    np.testing.assert_allclose(after.depth, before.depth * factor, rtol=2e-3)


@pytest.mark.parametrize("degree", [0, 3])
def test_mirrored_head_gives_the_mirrored_picture(degree):
    gaussians = random_gaussians(300, degree, size=0.1, spread=0.4)
    front = Camera.orbit(270, 20, size=64)
    before, after = render(gaussians, front), render(gaussians.transform(MIRROR_X), front)
    assert metrics.psnr(after.image[:, ::-1], before.image) > 80
    assert metrics.psnr(after.image, before.image) < 40


@pytest.mark.parametrize("name", MATRICES)
def test_inverse_undoes_a_transformation(name):
    gaussians = random_gaussians(50, 2)
    matrix = MATRICES[name]
    back = gaussians.transform(matrix).transform(np.linalg.inv(matrix))
    np.testing.assert_allclose(back.means, gaussians.means, atol=1e-5)
    size = np.trace(gaussians.covariances(), axis1=1, axis2=2)[:, None, None]
    np.testing.assert_allclose(back.covariances() / size, gaussians.covariances() / size, atol=2e-5)
    if name not in ("stretch", "shear", "shear and mirror"):
        np.testing.assert_allclose(back.sh, gaussians.sh, atol=1e-5)


def test_stretching_a_flat_gaussian_keeps_it_flat():
    gaussians = random_gaussians(20, scales=np.tile([0.1, 0.1, 1e-30], (20, 1)))
    scales = gaussians.transform(MATRICES["stretch"]).scales
    assert (scales > 0).all() and (scales.min(axis=1) < 1e-6).all()


@pytest.mark.parametrize("name", ["stretch", "shear", "shear and mirror"])
def test_thin_gaussians_lose_no_digits(name):
    """The thickness of a plane layer follows the inverse transpose, however thin it is."""
    gaussians = random_gaussians(50, scales=np.tile([0.1, 3e-9, 0.2], (50, 1)))
    normals = quaternions.to_matrices(gaussians.rotations.astype(np.float64))[:, :, 1]
    expected = 3e-9 / np.linalg.norm(normals @ np.linalg.inv(MATRICES[name][:3, :3]), axis=1)
    moved = gaussians.transform(MATRICES[name])
    np.testing.assert_allclose(moved.scales.min(axis=1), expected, rtol=1e-5)


@pytest.mark.parametrize("bad", [np.diag([1.0, 1, 0, 1]), np.full((4, 4), np.nan), np.diag([np.inf, 1, 1, 1])])
def test_singular_matrices_are_refused(bad):
    with pytest.raises(ValueError, match="singular"):
        random_gaussians(3).transform(bad)


def test_values_are_immutable():
    gaussians = random_gaussians(3, extras={"a": np.arange(3)})
    for name in ("means", "scales", "rotations", "opacities", "sh", "parts"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(gaussians, name)[0] = 0
    with pytest.raises(AttributeError):
        gaussians.means = np.zeros((3, 3))
    with pytest.raises(TypeError):
        gaussians.extras["b"] = np.arange(3)


def test_types_are_normalised_and_shapes_checked():
    good = {"means": (2, 3), "scales": (2, 3), "rotations": (2, 4), "opacities": (2,), "sh": (2, 4, 3)}
    values = {name: np.ones(shape, np.float64) for name, shape in good.items()}
    gaussians = Gaussians(**values)
    assert len(gaussians) == 2 and gaussians.sh_degree == 1
    assert gaussians.means.dtype == np.float32
    np.testing.assert_array_equal(gaussians.parts, [Part.UNKNOWN] * 2)
    bad = {"means": (2, 2), "scales": (3, 3), "rotations": (2, 3), "opacities": (2, 1), "sh": (2, 3), "parts": (3,)}
    for name, shape in bad.items():
        with pytest.raises(ValueError):
            Gaussians(**values | {name: np.ones(shape)})
    with pytest.raises(ValueError, match="expected 1, 4, 9 or 16"):
        Gaussians(**values | {"sh": np.ones((2, 5, 3))})
    with pytest.raises(ValueError, match="label"):
        Gaussians(**values, extras={"label": np.arange(3)})


@pytest.mark.parametrize("index", [np.array([2, 0]), np.array([True, False, True, False]), np.array([], int)])
def test_select(index):
    gaussians = random_gaussians(4, 1, parts=np.arange(4), extras={"a": np.arange(8).reshape(4, 2)})
    some = gaussians.select(index)
    for name in ("means", "scales", "rotations", "opacities", "sh", "parts"):
        np.testing.assert_array_equal(getattr(some, name), getattr(gaussians, name)[index])
    np.testing.assert_array_equal(some.extras["a"], gaussians.extras["a"][index])


def test_concatenate_pads_harmonics_and_keeps_shared_extras():
    a = random_gaussians(3, 0, extras={"a": np.arange(3), "b": np.arange(3)})
    b = random_gaussians(2, 2, seed=1, parts=np.array([1, 2]), extras={"b": np.arange(2), "c": np.arange(2)})
    both = concatenate([a, b])
    assert len(both) == 5 and both.sh_degree == 2
    np.testing.assert_array_equal(both.sh[:3, 0], a.sh[:, 0])
    assert not both.sh[:3, 1:].any()
    np.testing.assert_array_equal(both.parts, [0, 0, 0, 1, 2])
    assert list(both.extras) == ["b"]
    np.testing.assert_array_equal(both.extras["b"], [0, 1, 2, 0, 1])
    with pytest.raises(ValueError):
        concatenate([])


@given(arrays(np.float64, (3, 3), elements=st.floats(-10, 10)))
def test_any_covariance_decomposes(factor):
    covariance = factor @ factor.T
    scales, rotations = decompose_covariances(covariance[None])
    axes = quaternions.to_matrices(rotations) * scales[:, None, :]
    np.testing.assert_allclose(axes @ axes.swapaxes(1, 2), covariance[None], atol=1e-9)
    assert (scales > 0).all() and (np.diff(scales) >= 0).all()


@given(arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 1e-3))
def test_quaternions_and_matrices_agree(values):
    quaternion = quaternions.normalize(values)
    matrix = quaternions.to_matrices(quaternion)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    back = quaternions.from_matrices(matrix)
    assert abs(back @ quaternion) == pytest.approx(1) and back[0] >= 0


def test_half_turns_and_known_quaternions():
    for axis in np.eye(3):
        half_turn = 2 * np.outer(axis, axis) - np.eye(3)
        np.testing.assert_allclose(quaternions.from_matrices(half_turn), [0, *axis], atol=1e-15)
    quarter = np.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    np.testing.assert_allclose(quaternions.to_matrices(quarter) @ [1, 0, 0], [0, 1, 0], atol=1e-15)
    np.testing.assert_array_equal(quaternions.normalize(np.zeros((1, 4))), [[1, 0, 0, 0]])


def test_quaternion_product_is_the_matrix_product():
    a, b = (random_gaussians(30, seed=seed).rotations.astype(np.float64) for seed in (1, 2))
    product = quaternions.to_matrices(quaternions.multiply(a, b))
    np.testing.assert_allclose(product, quaternions.to_matrices(a) @ quaternions.to_matrices(b), atol=1e-6)
