"""Splats that follow the base mesh: exactness as properties, and which part follows what."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.spatial.transform import Rotation

from core.avatar import closest
from core.avatar.base_mesh import BaseMesh
from core.avatar.binding import bind, is_added, rest_mesh, unbound
from core.avatar.deformation import deform, nearest_rotations, stretched, turned
from core.avatar.gaps import gap_weights, openings
from core.cameras import front_camera
from core.gaussians import Gaussians
from core.geometry import quaternions
from core.head.model import Region
from core.rasterize import render
from core.splats import attributes as names
from core.splats.parts import Part
from tests.helpers.avatar import astronaut_base, bound_astronaut
from tests.helpers.draft import astronaut_head

FIELDS = ("means", "scales", "rotations", "opacities", "sh", "parts")
FEW = 3000
ANGLES = st.tuples(*[st.floats(-np.pi, np.pi)] * 3)


def few(count=FEW, degree=0):
    """Some of the bound splats, with view-dependent colours if wanted."""
    bound = bound_astronaut()
    some = bound.select(np.linspace(0, len(bound) - 1, count).astype(int))
    higher = np.random.default_rng(0).normal(size=(count, (degree + 1) ** 2 - 1, 3)) * 0.2
    return some.replace(sh=np.concatenate([some.sh[:, :1], higher], axis=1))


def posed(**strengths):
    """The mesh's vertices with some expressions set, and the splats that follow them."""
    base = astronaut_base()
    expression = base.expression.copy()
    for name, strength in strengths.items():
        expression[base.model.expression_names.index(name)] = strength
    vertices = base.vertices(expression)
    return vertices, deform(bound_astronaut(), rest_mesh(base), vertices, openings(base, vertices))


def moved(result, parts, mask=None):
    """How far splats of some parts went, in millimetres."""
    bound = bound_astronaut()
    chosen = np.isin(bound.parts, parts) & ~is_added(bound)
    chosen = chosen if mask is None else chosen & mask
    return np.linalg.norm(result.means - bound.means, axis=1)[chosen] / astronaut_base().pose.scale * 1000


def assert_same_bits(a, b):
    for name in FIELDS:
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name


def test_at_rest_nothing_changes_not_even_a_bit():
    base, bound = astronaut_base(), bound_astronaut()
    original = astronaut_head()[0].gaussians
    at_rest = deform(bound, rest_mesh(base), base.shown, openings(base, base.shown))
    assert_same_bits(at_rest, bound)
    assert_same_bits(at_rest.select(~is_added(bound)), original)
    assert_same_bits(unbound(bound), original)
    assert not set(unbound(bound).extras) & set(names.BINDING)
    assert (bound.opacities[is_added(bound)] == 0).all()


@settings(max_examples=15)
@given(ANGLES, st.floats(-2, 2), st.integers(0, 3))
def test_a_rigid_motion_is_exact(angles, step, degree):
    base, bound = astronaut_base(), few(500, degree)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix()
    matrix[:3, 3] = step, -step, step / 2
    vertices = base.shown.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    result, expected = deform(bound, rest_mesh(base), vertices), bound.transform(matrix)
    np.testing.assert_allclose(result.means, expected.means, atol=1e-6)
    np.testing.assert_allclose(result.scales, expected.scales, rtol=1e-6)
    assert_same_covariances(result, expected, 1e-6)
    np.testing.assert_allclose(result.sh, expected.sh, atol=1e-5)


@settings(max_examples=15)
@given(st.floats(0.1, 10))
def test_a_uniform_stretch_scales_covariances_exactly(factor):
    base, bound = astronaut_base(), few()
    result = deform(bound, rest_mesh(base), base.shown.astype(np.float64) * factor)
    np.testing.assert_allclose(result.means, bound.means.astype(np.float64) * factor, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(result.scales, bound.scales * np.float32(factor), rtol=1e-6)
    assert_same_covariances(result, bound.transform(np.diag([factor, factor, factor, 1.0])), 1e-6)


@settings(max_examples=30)
@given(
    npst.arrays(np.float64, (5, 3, 3), elements=st.floats(-1, 1)).map(lambda noise: 1.5 * np.eye(3) + noise),
    npst.arrays(np.float32, (5, 3), elements=st.floats(np.float32(1e-4), 1, width=32)),
    st.lists(ANGLES, min_size=5, max_size=5),
)
def test_any_gradient_takes_covariances_along_exactly(gradients, scales, angles):
    assume((np.abs(np.linalg.det(gradients)) > 1e-2).all())
    rotations = quaternions.from_matrices(Rotation.from_euler("xyz", angles).as_matrix())
    new_scales, new_rotations = stretched(gradients, scales, rotations)
    assert (new_scales > 0).all()
    splats, stretched_ones = (
        Gaussians(np.zeros((5, 3)), s, r, np.ones(5), np.zeros((5, 1, 3)))
        for s, r in ((scales, rotations), (new_scales, new_rotations))
    )
    expected = gradients @ splats.covariances() @ np.swapaxes(gradients, 1, 2)
    size = np.linalg.norm(expected, axis=(1, 2), keepdims=True)
    assert (np.abs(stretched_ones.covariances() - expected) <= 1e-5 * size + 1e-12).all()


def assert_same_covariances(a, b, tolerance):
    size = np.linalg.norm(b.covariances(), axis=(1, 2), keepdims=True)
    assert (np.abs(a.covariances() - b.covariances()) <= tolerance * size).all()


@settings(max_examples=20)
@given(ANGLES, st.integers(1, 3))
def test_harmonics_turn_as_those_of_a_turned_head(angles, degree):
    some = few(20, degree)
    rotation = Rotation.from_euler("xyz", angles).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    turns = nearest_rotations(np.repeat(1.7 * rotation[None], len(some), axis=0))
    np.testing.assert_allclose(turned(some.sh, turns), some.transform(matrix).sh, atol=1e-5)


def test_every_splat_follows_a_triangle_of_its_own_kind():
    base, bound = astronaut_base(), bound_astronaut()
    weights = bound.extras[names.BIND_WEIGHTS]
    assert (weights >= 0).all()
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    regions = base.model.regions[bound.extras[names.BIND_TRIANGLE].astype(int)]
    own = ~is_added(bound)
    for part, allowed in (
        (Part.EYES, {Region.EYES, Region.FACE, Region.LIPS}),
        (Part.CLOTHES, {Region.TORSO, Region.NECK}),
        (Part.MOUTH, {Region.LIPS, Region.FACE, Region.TEETH}),
        (Part.SKIN, {Region.FACE, Region.LIPS, Region.SCALP, Region.EARS, Region.NECK, Region.TORSO}),
    ):
        assert set(np.unique(regions[own & (bound.parts == part)])) <= allowed, part


def test_no_expression_drags_hair_or_clothes():
    _, result = posed(**dict.fromkeys(astronaut_base().model.expression_names, 1.0))
    assert moved(result, (Part.CLOTHES,)).max() < 1
    # All at once. Some hair of the temples lies on the cheeks and over the ears, as beards do.
    assert (moved(result, (Part.HAIR,)) < 1).mean() > 0.97


def test_the_lips_part_and_teeth_show():
    bound, base = bound_astronaut(), astronaut_base()
    vertices, result = posed(jawOpen=1.0)
    np.testing.assert_array_equal(openings(base, vertices), [1, 0, 0])
    lips = gap_weights(base.model)[:, 0]
    lower, upper = lips < 0, lips > 0
    corners = bound.extras[names.BIND_TRIANGLE].astype(int)
    lip = {side: mask[corners].all(axis=1) for side, mask in (("lower", lower), ("upper", upper))}
    assert np.median(moved(result, (Part.MOUTH,), lip["lower"])) > 10
    assert np.median(moved(result, (Part.MOUTH,), lip["upper"])) < 6
    assert (result.opacities[is_added(bound) & (bound.parts == Part.MOUTH)] == 1).all()
    # Where the lips parted, nothing looks like skin any more: teeth are brighter, the rest darker.
    camera = front_camera(256)
    before, after = (render(splats, camera).image for splats in (bound, result))
    gap = vertices[upper].mean(axis=0) * 0.4 + vertices[lower].mean(axis=0) * 0.6
    column, row = camera.project(gap[None])[0][0].astype(int)
    assert after[row, column].mean() < 0.5 * before[row, column].mean()


def test_closing_eyes_cover_the_eyeballs():
    base = astronaut_base()
    vertices, result = posed(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    camera = front_camera(256)
    open_eyes, closed = (render(splats, camera).image.mean(axis=2) for splats in (bound_astronaut(), result))
    for sign in (-1, 1):
        ball = base.model.in_regions(Region.EYES) & (np.sign(base.model.mean[:, 0]) == sign)
        column, row = camera.project(vertices[ball].mean(axis=0)[None])[0][0].astype(int)
        spot = np.s_[row - 1 : row + 2, column - 1 : column + 2]
        # The pupil is dark; the lid is skin.
        assert closed[spot].min() > open_eyes[spot].min() + 0.1
    on_eyes = base.model.in_regions(Region.EYES)[bound_astronaut().extras[names.BIND_TRIANGLE].astype(int)].all(axis=1)
    assert on_eyes[(bound_astronaut().parts == Part.EYES) & ~is_added(bound_astronaut())].mean() > 0.5
    assert moved(result, (Part.EYES,), on_eyes).max() < 0.5


def test_another_number_of_vertices_is_refused():
    base = astronaut_base()
    with pytest.raises(ValueError, match="vertices"):
        deform(few(), rest_mesh(base), base.shown[:-1])


def test_splats_without_parts_follow_the_skin_they_lie_on():
    base, original = astronaut_base(), astronaut_head()[0].gaussians
    known = bound_astronaut()
    unknown = bind(original.replace(parts=np.zeros(len(original), np.int8)), base)
    face = np.flatnonzero(
        (original.parts == Part.SKIN) & (original.means[:, 1] < np.quantile(original.means[:, 1], 0.05))
    )
    same = known.extras[names.BIND_TRIANGLE][face] == unknown.extras[names.BIND_TRIANGLE][face]
    assert same.all(axis=1).mean() > 0.85


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_the_nearest_place_is_as_near_as_any_sample(seed, count):
    random = np.random.default_rng(seed)
    vertices, points = random.normal(size=(count + 3, 3)), random.normal(size=(40, 3)) * 2
    triangles = np.stack([random.permutation(count + 3)[:3] for _ in range(count)])
    index, weights, distance = closest.closest_on_triangles(points, vertices, triangles)
    reached = np.einsum("nk,nkc->nc", weights, vertices[triangles[index]])
    np.testing.assert_allclose(np.linalg.norm(reached - points, axis=1), distance, atol=1e-9)
    shares = random.dirichlet(np.ones(3), size=200)
    samples = (shares @ vertices[triangles]).reshape(-1, 3)
    nearest = np.linalg.norm(samples[None] - points[:, None], axis=2).min(axis=1)
    assert (distance <= nearest + 0.05).all()


def test_slivers_at_a_cut_end_hold_no_splats():
    base = astronaut_base()
    vertex = int(np.flatnonzero(base.model.in_regions(Region.NECK))[40])
    around = np.setdiff1d(base.faces[(base.faces == vertex).any(axis=1)], [vertex])
    neutral = base.neutral.copy()
    # All that lies around it is drawn onto a line through it.
    neutral[around] = neutral[vertex] + 1e-3 * np.arange(1, len(around) + 1)[:, None] * [1.0, 0.0, 0.0]
    at_rest = np.zeros_like(base.expression)
    squeezed = BaseMesh(base.model, neutral, base.expressions, at_rest, base.pose, base.kept)
    assert rest_mesh(squeezed).roundness[vertex] < 0.012 < rest_mesh(base).roundness[vertex]
    bound = bind(astronaut_head()[0].gaussians, squeezed)
    assert not (bound.extras[names.BIND_TRIANGLE] == vertex).any()
