"""Hair cards: the budget, the atlas, what holds them."""

from __future__ import annotations

import numpy as np
import pytest

from core.avatar.base_mesh import BaseMesh
from core.colors import rgb_to_lab
from core.errors import FaceLiftError
from core.groom.cards.cards import Cards
from core.groom.cards.clusters import STEPS, Resampled, cluster
from core.groom.cards.layout import CAP, cells
from core.groom.cards.making import cards_of
from core.groom.curves import HairCurves
from core.groom.groom import Growth
from core.groom.roots import nearest_roots
from core.head.model import Region, load_head_model, vertex_normals
from core.head.pose import Pose
from core.head.shape import HeadShape
from core.progress import Reporter

POINTS = 10
SCALE = 5.0
"""The head is five times as large as in life, as in the engines' frame."""


@pytest.fixture(scope="module")
def base() -> BaseMesh:
    """The average head, turned and scaled."""
    model = load_head_model()
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    pose = Pose(rotation=turn, translation=np.array([0.2, 0.1, 0.0]), scale=SCALE)
    still = np.zeros(len(model.expressions), np.float32)
    return BaseMesh.from_shape(HeadShape(pose.apply(model.mean).astype(np.float32), still, pose))


def hair_on(base: BaseMesh, where: np.ndarray, count: int, length: float, seed: int) -> HairCurves:
    """Hair on a mask of vertices that rises and falls, light on the head's left side and dark on the other."""
    rng, model = np.random.default_rng(seed), base.model
    faces = where[model.faces].all(1)
    vertices = rng.choice(np.flatnonzero(where), count)
    near = base.neutral[vertices] + rng.normal(0, 0.003 * SCALE, (count, 3))
    roots, _ = nearest_roots(near, base.neutral, model, faces)
    normals = vertex_normals(base.neutral, model.triangles)[vertices]
    along = np.linspace(0, 1, POINTS)[None, :, None]
    fall = normals[:, None] * 0.6 - np.array([0.0, 0.0, 0.9]) * along
    points = roots.points(base.neutral)[:, None] + length * SCALE * along * fall
    left = model.mean[vertices, 0] > 0
    colors = np.where(left[:, None, None], [0.7, 0.5, 0.3], [0.15, 0.1, 0.08]) * (0.9 + 0.2 * along)
    return HairCurves(
        points.reshape(-1, 3).astype(np.float32),
        np.full(count, POINTS, np.int32),
        colors.reshape(-1, 3).astype(np.float32),
        np.full(count * POINTS, 5e-5 * SCALE, np.float32),
        roots,
    )


@pytest.fixture(scope="module")
def curves(base: BaseMesh) -> dict[Growth, HairCurves]:
    model = base.model
    face, mean = model.in_regions(Region.FACE), model.mean
    brows = face & (mean[:, 2] > 0.01) & (mean[:, 2] < 0.03) & (mean[:, 1] < -0.06) & (abs(mean[:, 0]) > 0.02)
    return {
        Growth.HAIR: hair_on(base, model.in_regions(Region.SCALP), 400, 0.1, 0),
        Growth.BROWS: hair_on(base, brows, 30, 0.008, 1),
    }


@pytest.fixture(scope="module")
def cards(base: BaseMesh, curves: dict[Growth, HairCurves]) -> Cards:
    return cards_of(curves, 4000, 1024, base)


def test_curves_are_cut_into_equal_steps():
    points = np.array([[0, 0, 0], [1, 0, 0], [4, 0, 0], [0, 0, 1], [0, 11, 1]], np.float32)
    roots = nearest_roots(np.zeros((2, 3)), np.eye(3), triangle_model(), np.array([True]))[0]
    hair = Resampled.of(HairCurves(points, np.array([3, 2], np.int32), points / 11, np.ones(5), roots))
    np.testing.assert_allclose(hair.lengths, [4, 11])
    np.testing.assert_allclose(hair.points[0, :, 0], np.linspace(0, 4, STEPS), atol=1e-6)
    np.testing.assert_allclose(hair.points[1, :, 1], np.linspace(0, 11, STEPS), atol=1e-6)
    np.testing.assert_allclose(hair.colors, hair.points / 11, atol=1e-6)


def triangle_model():
    from types import SimpleNamespace

    faces = np.array([[0, 1, 2, 2]])
    return SimpleNamespace(faces=faces, face_uvs=faces, uvs=np.eye(3)[:, :2])


def test_what_is_alike_becomes_one_cluster():
    rng = np.random.default_rng(0)
    middles = 10 * np.eye(5)
    truth = rng.integers(0, 5, 300)
    owners = cluster(middles[truth] + rng.normal(0, 0.5, (300, 5)), 5)
    assert len(np.unique(owners * 5 + truth)) == 5
    assert np.array_equal(np.unique(cluster(middles, 9)), np.arange(5))


@pytest.mark.parametrize("budget", [2000, 4000])
def test_the_budget_is_kept_and_used(budget: int, base, curves, cards: Cards):
    made = cards if budget == 4000 else cards_of(curves, budget, 1024, base)
    assert 0.6 * budget < made.triangles <= budget
    flat = np.where(made.faces[:, 2] == made.faces[:, 3], 1, 2).sum()
    assert flat == made.triangles


def test_cards_face_outwards_and_show_their_cell(base: BaseMesh, cards: Cards):
    ribbons = cards.owners[cards.faces[:, 0]] < cards.count
    corners, uvs = cards.vertices[cards.faces], cards.uvs[cards.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    shading = cards.normals[cards.faces].mean(1)
    assert ((normal * shading).sum(1) > 0.3).mean() > 0.98
    outwards = corners.mean(1) - base.pose.translation
    assert ((shading * outwards).sum(1) > 0)[~ribbons].all()
    # The root is above: V falls with the distance from it.
    roots = cards.roots.points(base.neutral)[cards.owners]
    for card in (0, cards.count // 2):
        mine = np.flatnonzero(cards.owners == card)
        order = np.argsort(cards.uvs[mine, 1])
        away = np.linalg.norm(cards.vertices[mine] - roots[mine], axis=1)
        assert away[order[0]] > away[order[-1]]
    # Cards lie in one cell each, the cap in its own.
    places = [*cells(), CAP]
    inside = np.stack(
        [
            ((uvs[..., 0] > p.left) & (uvs[..., 0] < p.right) & (uvs[..., 1] > p.bottom) & (uvs[..., 1] < p.top)).all(1)
            for p in places
        ]
    )
    assert (inside.sum(0) == 1).all()
    assert np.array_equal(inside[-1], ~ribbons)


def test_cards_are_where_the_hair_is_and_as_long(base, curves, cards: Cards):
    from scipy.spatial import cKDTree

    everything = np.concatenate([some.points for some in curves.values()])
    near = cKDTree(everything).query(cards.vertices[cards.owners < cards.count])[0] / SCALE
    assert np.quantile(near, 0.9) < 0.015
    reach = cKDTree(cards.vertices).query(everything)[0] / SCALE
    assert np.quantile(reach, 0.95) < 0.015


def test_expressions_move_cards_with_their_roots(base: BaseMesh, curves, cards: Cards):
    moves = cards.moves(base)
    assert moves.shape == (52, len(cards.vertices), 3)
    names = base.model.expression_names
    brows = moves[names.index("browInnerUp")]
    moved = np.flatnonzero(np.abs(brows).max(1) > 1e-4 * SCALE)
    assert len(moved) > 10
    # As the curves do, each from its own root: a card takes the triangle that its mean begins on.
    after = base.neutral + base.expressions[names.index("browInnerUp")]
    real = curves[Growth.BROWS].moved(base.neutral, after).points - curves[Growth.BROWS].points
    assert np.abs(brows[moved]).max() == pytest.approx(np.abs(real).max(), rel=0.5)
    assert np.abs(moves[names.index("eyeBlinkLeft")][cards.owners >= cards.count]).max() == 0
    weights = cards.weights(np.stack([np.ones(len(base.neutral)), base.neutral[:, 2]]))
    np.testing.assert_allclose(weights[0], 1, atol=1e-5)
    np.testing.assert_allclose(weights[1], cards.roots.points(base.neutral)[cards.owners, 2], atol=1e-4)


def test_the_atlas_shows_hair(cards: Cards):
    alpha, color = cards.color[..., 3] / 255, cards.color[..., :3] / 255
    normal = cards.normal / 127.5 - 1
    np.testing.assert_allclose(np.linalg.norm(normal, axis=2), 1, atol=0.02)
    assert normal[..., 2].min() > 0
    used = np.zeros(alpha.shape, bool)
    for place in cells():
        rows, columns = place.pixels(len(alpha))
        cell = alpha[rows, columns]
        if cell.max() == 0:
            continue
        used[rows, columns] = True
        upper, lower = cell[len(cell) // 8 : len(cell) // 2], cell[-len(cell) // 8 :]
        # Dense above, thinning out to the tips; nothing where cells meet.
        assert upper.mean() > 0.4 > lower.mean()
        assert cell[:, [0, -1]].max() < 0.5
        facing = normal[rows, columns][cell > 0.9]
        # Hairs are round: they look to both sides, and on the whole to who looks.
        assert facing[:, 0].min() < -0.3 and facing[:, 0].max() > 0.3 and abs(facing[:, 0].mean()) < 0.1
    assert used.mean() > 0.3
    # Colours go on beyond the hairs: no black comes in when the picture is made smaller.
    bright = color.max(2)
    assert bright[used & (alpha == 0)].min() > 0.02


def test_cards_have_the_colours_of_their_hair(base: BaseMesh, curves, cards: Cards):
    size = len(cards.color)
    shown = []
    for card in range(cards.count):
        uvs = cards.uvs[cards.owners == card]
        low, high = uvs.min(0), uvs.max(0)
        rows = slice(int((1 - high[1]) * size), int((1 - low[1]) * size))
        piece = cards.color[rows, int(low[0] * size) : int(high[0] * size)].reshape(-1, 4) / 255
        shown.append((piece[:, :3] * piece[:, 3:]).sum(0) / piece[:, 3].sum())
    left = base.model.mean[cards.roots.corners[: cards.count], 0].mean(1)
    light, dark = np.array(shown)[left > 0.02], np.array(shown)[left < -0.02]
    for found, meant in ((light, [0.7, 0.5, 0.3]), (dark, [0.15, 0.1, 0.08])):
        apart = np.linalg.norm(rgb_to_lab(found.mean(0)) - rgb_to_lab(np.array(meant)))
        assert apart < 6


def test_it_is_the_same_again_and_can_be_cancelled(base, curves, cards: Cards):
    again = cards_of(curves, 4000, 1024, base)
    assert np.array_equal(again.color, cards.color) and np.array_equal(again.vertices, cards.vertices)
    reporter = Reporter()
    reporter.cancel_event.set()
    with pytest.raises(FaceLiftError) as raised:
        cards_of(curves, 4000, 1024, base, reporter)
    assert raised.value.code == "cancelled"
    with pytest.raises(FaceLiftError) as raised:
        cards_of({}, 4000, 1024, base)
    assert raised.value.code == "no-curves"
