"""Hair curves: picking some, joining, moving with their mesh."""

from __future__ import annotations

import numpy as np
import pytest

from core.groom.curves import HairCurves, concatenate
from core.groom.roots import nearest_roots
from core.head.model import HeadModel, Region, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def curves(model: HeadModel) -> HairCurves:
    """Forty curves of two to five points that stand on the scalp."""
    rng = np.random.default_rng(0)
    scalp = model.in_regions(Region.SCALP)
    faces = scalp[model.faces].all(1)
    near = model.mean[rng.choice(np.flatnonzero(scalp), 40)] + rng.normal(0, 0.003, (40, 3))
    roots, _ = nearest_roots(near, model.mean, model, faces)
    counts = rng.integers(2, 6, 40).astype(np.int32)
    steps = np.concatenate([np.arange(count) for count in counts])
    outwards = near - model.mean.mean(0)
    points = np.repeat(roots.points(model.mean), counts, axis=0) + 0.1 * steps[:, None] * np.repeat(outwards, counts, 0)
    total = int(counts.sum())
    return HairCurves(points.astype(np.float32), counts, rng.random((total, 3)), np.full(total, 1e-4), roots)


def test_roots_are_the_nearest_places_and_carry_their_texture_coordinates(model: HeadModel):
    faces = model.in_regions(Region.SCALP)[model.faces].all(1)
    vertex = model.faces[np.flatnonzero(faces)[:50], 0]
    roots, distance = nearest_roots(model.mean[vertex], model.mean, model, faces)
    assert distance.max() < 1e-6
    # Drawn into their triangles by next to nothing.
    assert np.abs(roots.points(model.mean) - model.mean[vertex]).max() < 5e-6
    assert roots.weights.min() > 0
    uvs = model.uvs[model.face_uvs[np.flatnonzero(faces)[:50], 0]]
    on_seam = np.array([len(np.unique(model.face_uvs[model.faces == v])) > 1 for v in vertex])
    assert (~on_seam).sum() > 20
    assert np.abs(roots.uvs - uvs)[~on_seam].max() < 1e-5


def test_curves_picked_and_joined_are_the_same(curves: HairCurves):
    odd = np.arange(len(curves)) % 2 == 1
    both = concatenate([curves.select(odd), curves.select(~odd)])
    back = both.select(np.argsort(np.concatenate([np.flatnonzero(odd), np.flatnonzero(~odd)])))
    for name in ("points", "counts", "colors", "radii"):
        assert np.array_equal(getattr(back, name), getattr(curves, name)), name
    assert np.array_equal(back.roots.corners, curves.roots.corners)
    assert np.allclose(both.lengths.sum(), curves.lengths.sum())


def test_curves_stay_on_a_mesh_that_moves_and_turns(model: HeadModel, curves: HairCurves):
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    after = model.mean @ turn.T + [1, 2, 3]
    moved = curves.moved(model.mean, after)
    assert np.abs(moved.points - (curves.points @ turn.T + [1, 2, 3])).max() < 1e-5
    raised = curves.moved(model.mean, model.vertices(expression=np.eye(len(model.expressions))[0]))
    assert np.allclose(raised.lengths, curves.lengths, atol=1e-6)


def test_curves_moved_with_their_mesh_keep_its_scale(model: HeadModel, curves: HairCurves):
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = 1, 2, 3
    moved = curves.transformed(matrix)
    assert np.allclose(moved.points, curves.points * 2 + [1, 2, 3], atol=1e-5)
    assert np.allclose(moved.lengths, 2 * curves.lengths, atol=1e-4) and np.allclose(moved.radii, 2 * curves.radii)
