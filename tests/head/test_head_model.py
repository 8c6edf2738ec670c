"""The committed head model is what its documentation says, anatomically too."""

import dataclasses
import zipfile

import numpy as np
import pytest

from core.avatar.texture.texels import uv_texels
from core.head.model import DATA_FILE, Region, load_head_model, triangulate, vertex_normals

NOSE_TIP, CHIN, FOREHEAD, UPPER_LIP, LOWER_LIP = 1, 152, 10, 13, 14
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263


@pytest.fixture(scope="module")
def model():
    return load_head_model()


@pytest.fixture(scope="module")
def landmarks(model):
    return model.landmarks(model.mean)


def expression(model, name):
    return np.array([other == name for other in model.expression_names], np.float32)


def test_file_is_small_and_plain():
    assert DATA_FILE.stat().st_size < 3_000_000
    with np.load(DATA_FILE, allow_pickle=False) as data:
        assert all(data[name].dtype.kind in "fiuU" for name in data.files)
    assert zipfile.ZipFile(DATA_FILE).testzip() is None


def test_arrays_fit_together(model):
    vertices, landmark_count = len(model.mean), len(model.landmark_spread)
    assert model.identity.shape == (80, vertices, 3)
    assert model.expressions.shape == (len(model.expression_names), vertices, 3) == (52, vertices, 3)
    assert model.faces.shape == model.face_uvs.shape
    assert model.faces.max() == vertices - 1
    assert model.face_uvs.max() == len(model.uvs) - 1
    assert landmark_count == 468
    np.testing.assert_allclose(model.landmark_weights.sum(1), 1, atol=1e-6)
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable
            assert np.isfinite(value).all()


def test_uvs_lie_in_the_texture_square(model):
    assert model.uvs.min() >= 0
    assert model.uvs.max() <= 1


def test_eyes_have_room_in_the_texture_and_no_parts_lie_over_each_other(model):
    corners = model.uvs[triangulate(model.face_uvs)]
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    areas = np.abs(ax * by - ay * bx) / 2
    size = 1024
    covered = len(uv_texels(model.uvs, triangulate(model.face_uvs), model.triangles, size).places) / size**2
    assert covered == pytest.approx(areas.sum(), rel=0.01)
    front = (model.in_regions(Region.EYES) & (model.mean[:, 1] < -0.07))[model.faces].all(1)
    for side in (-1, 1):
        eye = model.uvs[model.face_uvs[front & (side * model.mean[model.faces[:, 0], 0] > 0)]].reshape(-1, 2)
        assert np.ptp(eye, axis=0).min() > 0.06


def test_components_are_in_order_of_variance(model):
    head = ~model.in_regions(Region.TORSO, Region.NECK)
    size = np.sqrt((model.identity[:, head] ** 2).sum((1, 2)))
    assert size[0] > 5 * size[-1]
    assert (np.diff(size.reshape(8, 10).mean(1)) < 0).all()


def test_head_has_human_measures(model, landmarks):
    eyes = model.mean[model.in_regions(Region.EYES)]
    distance = eyes[eyes[:, 0] > 0].mean(0) - eyes[eyes[:, 0] < 0].mean(0)
    assert 0.055 < distance[0] < 0.075
    assert np.abs(distance[1:]).max() < 1e-3
    skull = model.mean[model.in_regions(Region.SCALP)]
    assert 0.19 < skull[:, 2].max() - landmarks[CHIN, 2] < 0.26
    assert abs(eyes[:, 2].mean()) < 0.005
    assert 0.13 < np.ptp(model.mean[model.in_regions(Region.FACE), 0]) < 0.18


def test_landmarks_lie_where_their_names_say(model, landmarks):
    assert landmarks[NOSE_TIP, 1] < np.quantile(landmarks[:, 1], 0.02)
    assert landmarks[CHIN, 2] < np.quantile(landmarks[:, 2], 0.05)
    assert landmarks[FOREHEAD, 2] > np.quantile(landmarks[:, 2], 0.95)
    assert landmarks[RIGHT_EYE_OUTER, 0] < -0.03 < 0.03 < landmarks[LEFT_EYE_OUTER, 0]
    mirrored = landmarks[[NOSE_TIP, CHIN, FOREHEAD, UPPER_LIP, LOWER_LIP], 0]
    assert np.abs(mirrored).max() < 0.004


def test_opening_the_jaw_parts_the_lips(model, landmarks):
    opened = model.landmarks(model.vertices(None, expression(model, "jawOpen")))
    moved = opened - landmarks
    assert moved[CHIN, 2] < -0.01
    assert moved[LOWER_LIP, 2] < moved[UPPER_LIP, 2] - 0.01
    crown = model.mean[:, 2] > 0.04
    np.testing.assert_array_equal(model.vertices(None, expression(model, "jawOpen"))[crown], model.mean[crown])


def test_expressions_have_their_side(model):
    for name in ("eyeBlinkLeft", "mouthSmileLeft", "browDownLeft"):
        moved = np.linalg.norm(model.expressions[model.expression_names.index(name)], axis=1)
        assert moved[model.mean[:, 0] > 0].sum() > 3 * moved[model.mean[:, 0] < 0].sum()


def test_coefficients_add_up_linearly(model):
    identity = np.zeros(80)
    identity[[0, 7]] = 1.5, -0.5
    expected = model.mean + 1.5 * model.identity[0] - 0.5 * model.identity[7] + model.expressions[4]
    np.testing.assert_allclose(model.vertices(identity, np.eye(52)[4]), expected, atol=1e-6)


@pytest.mark.parametrize("region", list(Region))
def test_regions_are_present_on_both_sides(model, region):
    x = model.mean[model.regions == region, 0]
    assert len(x) > 50
    assert 0.8 < (x > 1e-4).sum() / (x < -1e-4).sum() < 1.25


def test_regions_lie_where_they_should(model):
    centre = {region: model.mean[model.regions == region].mean(0) for region in Region}
    heights = [centre[region][2] for region in (Region.SCALP, Region.FACE, Region.LIPS, Region.NECK, Region.TORSO)]
    assert (np.diff(heights) < 0).all()
    assert centre[Region.SCALP][1] > centre[Region.EARS][1] > centre[Region.FACE][1]
    ears = model.mean[model.regions == Region.EARS]
    assert np.abs(ears[:, 0]).min() > 0.05
    lips = model.mean[model.regions == Region.LIPS]
    assert np.ptp(lips[:, 0]) < 0.07
    assert np.ptp(lips[:, 2]) < 0.04


def test_surface_is_oriented_and_manifold(model):
    edges = model.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    assert len(np.unique(edges, axis=0)) == len(edges), "two triangles run along an edge in the same direction"
    outward = model.mean / np.linalg.norm(model.mean, axis=1, keepdims=True)
    scalp = model.in_regions(Region.SCALP)
    assert ((vertex_normals(model.mean, model.triangles) * outward).sum(1)[scalp] > 0).all()


def test_triangulate_drops_degenerate_halves():
    np.testing.assert_array_equal(
        triangulate(np.array([[0, 1, 2, 3], [4, 5, 6, 6]])), [[0, 1, 2], [0, 2, 3], [4, 5, 6]]
    )
