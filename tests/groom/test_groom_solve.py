"""Scalp hair as guides: on a head whose hair is known, and on one that the draft engine made."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from core.avatar.anatomy import OUTSIDE
from core.avatar.base_mesh import BaseMesh
from core.avatar.distance import head_frame
from core.errors import FaceLiftError
from core.gaussians import Gaussians, concatenate
from core.geometry import quaternions
from core.geometry.vectors import unit
from core.groom.arrows import agreed
from core.groom.groom import Groom, Growth, Tuft
from core.groom.ground import Ground
from core.groom.guides import _placed
from core.groom.hairy import guessed
from core.groom.making import make_groom
from core.groom.solve import hair_tuft
from core.groom.witnesses import axis_witness, wave_of
from core.hair.flow import Witness, combing
from core.hair.seeds import spread
from core.hair.splats import frames
from core.hair.volume import along_surface
from core.head.model import Region, load_head_model, vertex_normals
from core.head.pose import Pose
from core.head.shape import HeadShape
from core.progress import Reporter
from core.splats import attributes as names
from core.splats import spherical_harmonics as harmonics
from core.splats.parts import Part
from tests.helpers.avatar import astronaut_base
from tests.helpers.draft import astronaut_head
from tests.helpers.hair import ball, photo_of_ball, waves

METRE = 6.0
POSE = Pose(quaternions.to_matrices(np.array([[0.985, 0.0, 0.05, 0.16]]))[0], np.array([0.3, -0.2, 0.5]), METRE)
HEIGHT, BROWN, ROSE = 0.012, (0.30, 0.20, 0.12), (0.85, 0.65, 0.55)
TURN = 0.6
"""Metres that the known hair stands off the scalp, colours, and radians that it lies aslant."""
GUIDES = 600


@lru_cache(maxsize=1)
def known_base() -> BaseMesh:
    model = load_head_model()
    return BaseMesh.from_shape(HeadShape(POSE.apply(model.mean), np.zeros(len(model.expressions), np.float32), POSE))


def flat(points: np.ndarray, normals: np.ndarray, along: np.ndarray, sizes: tuple, colors: np.ndarray, part: Part):
    """Gaussians in the model's frame (metres), the first axis along a direction."""
    return Gaussians(
        points,
        np.tile(sizes, (len(points), 1)),
        quaternions.from_matrices(frames(along_surface(along, normals), normals)),
        np.full(len(points), 0.97),
        harmonics.from_colors(colors),
        np.full(len(points), part),
    )


def places_on(regions: tuple[Region, ...], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places on the mean head, and normals."""
    model = load_head_model()
    faces = model.faces[model.in_regions(*regions)[model.faces].all(1)]
    seeds = spread(model.mean, faces, np.ones(len(faces)), count, np.random.default_rng(1))
    normals = vertex_normals(model.mean, model.triangles)
    return seeds.interpolate(faces, model.mean), unit(seeds.interpolate(faces, normals))


def known_directions(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Away from the crown and down, turned aslant."""
    away = along_surface(points - np.array([0.0, 0.045, 0.115]) + np.array([0.0, 0.0, -0.02]), normals)
    return np.cos(TURN) * away + np.sin(TURN) * np.cross(normals, away)


@lru_cache(maxsize=1)
def known_head() -> Gaussians:
    """A head with hair of known directions: skin, and on the scalp a layer of strands over a closed one."""
    random = np.random.default_rng(0)
    skin, skin_normals = places_on(tuple(set(OUTSIDE) - {Region.SCALP, Region.TORSO}), 16_000)
    torso, torso_normals = places_on((Region.TORSO,), 8_000)
    scalp, normals = places_on((Region.SCALP,), 24_000)
    aside = np.array([0.61, 0.5, 0.62])
    tones = random.uniform(0.7, 1.3, len(scalp))[:, None]
    parts = [
        flat(skin, skin_normals, aside, (0.0022, 0.0022, 0.0003), np.tile(ROSE, (len(skin), 1)), Part.SKIN),
        flat(torso, torso_normals, aside, (0.004, 0.004, 0.0006), np.tile((0.1, 0.2, 0.5), (8_000, 1)), Part.CLOTHES),
        flat(
            scalp + 0.7 * HEIGHT * normals,
            normals,
            aside,
            (0.0025, 0.0025, 0.0004),
            np.tile(np.multiply(BROWN, 0.6), (len(scalp), 1)),
            Part.HAIR,
        ),
        flat(
            scalp + HEIGHT * normals,
            normals,
            known_directions(scalp, normals),
            (0.005, 0.0007, 0.0005),
            tones * BROWN,
            Part.HAIR,
        ),
    ]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = METRE * POSE.rotation, POSE.translation
    return concatenate(parts).transform(matrix)


def without_parts(head: Gaussians) -> Gaussians:
    return head.replace(parts=np.zeros(len(head), np.int8), extras={})


@lru_cache(maxsize=2)
def tuft_of(untold: bool = False) -> Tuft:
    head = without_parts(known_head()) if untold else known_head()
    tuft, notes = hair_tuft(head, known_base(), GUIDES, Reporter())
    assert notes == ()
    return tuft


def in_metres(points: np.ndarray) -> np.ndarray:
    return (points - POSE.translation) @ POSE.rotation / METRE


def above_skin(points: np.ndarray, base: BaseMesh) -> np.ndarray:
    """Heights of points above the base mesh, in metres."""
    ground = Ground(base.shown.astype(np.float64), base.model, np.ones(len(base.model.faces), bool))
    return ground.heights(points.astype(np.float64))[0] / base.pose.scale


def test_guides_grow_from_the_scalp_and_stay_out_of_the_head():
    tuft, base = tuft_of(), known_base()
    curves = tuft.guides
    assert 0.9 * GUIDES < len(curves) <= GUIDES
    np.testing.assert_allclose(curves.points[curves.first], curves.roots.points(base.shown), atol=1e-5)
    regions = base.model.regions[curves.roots.corners]
    assert (regions == Region.SCALP).any(1).mean() > 0.9
    assert not np.isin(regions, (Region.EARS, Region.EYES, Region.LIPS)).all(1).any()
    others = np.ones(len(curves.points), bool)
    others[curves.first] = False
    heights = above_skin(curves.points[others], base)
    # Planes stand for the skin: at the ears' folds they are off by this much.
    assert heights.min() > -3e-4 and (heights < 0).mean() < 1e-3
    # Nothing leaves the hair by much.
    assert np.quantile(heights, 0.99) < 1.75 * HEIGHT


def test_hair_covers_the_scalp():
    tuft, base = tuft_of(), known_base()
    scalp = base.model.in_regions(Region.SCALP)
    assert tuft.density[scalp].mean() > 0.85
    assert tuft.density[base.model.in_regions(Region.TORSO, Region.EARS, Region.LIPS)].max() == 0
    assert 50_000 < tuft.hairs < 75_000
    roots = in_metres(tuft.guides.points[tuft.guides.first])
    places, _ = places_on((Region.SCALP,), 2_000)
    apart = np.sqrt(((places[:, None] - roots) ** 2).sum(-1)).min(1)
    # 600 on 550 square centimetres lie 1 cm apart.
    assert np.quantile(apart, 0.98) < 0.012


def test_guides_run_as_the_strands_do():
    curves = tuft_of().guides
    same = np.diff(curves.owners) == 0
    begin, end = (in_metres(points)[same] for points in (curves.points[:-1], curves.points[1:]))
    high = above_skin((curves.points[:-1] + curves.points[1:])[same] / 2, known_base()) > 0.7 * HEIGHT
    middle = (begin + end)[high] / 2
    scalp, normals = places_on((Region.SCALP,), 24_000)
    nearest = np.array([((scalp - point) ** 2).sum(1).argmin() for point in middle[::5]])
    cosines = (unit((end - begin)[high][::5]) * known_directions(scalp, normals)[nearest]).sum(1)
    # To the tip, not the root.
    assert (cosines > 0).mean() > 0.97
    assert np.degrees(np.arccos(np.median(cosines))) < 15


def test_hair_has_the_colours_of_the_splats_and_tapers():
    curves = tuft_of().guides
    np.testing.assert_allclose(np.median(curves.colors, axis=0), BROWN, atol=0.05)
    tips = curves.first + curves.counts - 1
    assert (curves.radii[tips] < 0.5 * curves.radii[curves.first]).all()
    np.testing.assert_allclose(curves.radii[curves.first] / METRE, 1e-4, rtol=0.5)


def test_imports_without_parts_are_told_by_colour_and_place():
    head, base = known_head(), known_base()
    frame = head_frame(base.pose)
    vertices = base.transformed(frame).shown.astype(np.float64)
    ground = Ground(vertices, base.model, np.ones(len(base.model.faces), bool))
    hair = guessed(without_parts(head).transform(frame), vertices, base.model, ground)
    truth = head.parts == Part.HAIR
    assert (hair & truth).sum() > 0.95 * truth.sum()
    assert (hair & truth).sum() > 0.95 * hair.sum()
    assert abs(tuft_of(untold=True).hairs / tuft_of().hairs - 1) < 0.1


@pytest.mark.parametrize("untold", [False, True])
def test_a_bald_head_says_so(untold):
    head = known_head()
    skin, normals = places_on((Region.SCALP,), 12_000)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = METRE * POSE.rotation, POSE.translation
    colors = np.tile(ROSE, (len(skin), 1))
    scalp = flat(skin, normals, np.array([0.61, 0.5, 0.62]), (0.0025, 0.0025, 0.0004), colors, Part.SKIN).transform(
        matrix
    )
    bald = concatenate([head.select(head.parts != Part.HAIR), scalp])
    with pytest.raises(FaceLiftError) as caught:
        hair_tuft(without_parts(bald) if untold else bald, known_base(), GUIDES, Reporter())
    assert caught.value.code == "no-hair"


def test_what_a_person_selects_is_hair():
    head, base = known_head(), known_base()
    left = (head.parts == Part.HAIR) & (in_metres(head.means)[:, 0] > 0)
    tuft, _ = hair_tuft(without_parts(head), base, 200, Reporter(), left)
    roots = in_metres(tuft.guides.points[tuft.guides.first])
    assert (roots[:, 0] > -0.01).all()
    assert 0.35 < tuft.hairs / tuft_of().hairs < 0.65
    with pytest.raises(FaceLiftError) as caught:
        hair_tuft(head, base, 200, Reporter(), np.zeros(len(head), bool))
    assert caught.value.code == "no-hair"


def test_hair_under_a_hat_is_guessed_and_lies_flat():
    head, base = known_head(), known_base()
    covered = (head.parts == Part.HAIR) & (in_metres(head.means)[:, 2] > 0.03)
    parts = np.where(covered, Part.CLOTHES, head.parts)
    tuft, notes = hair_tuft(head.replace(parts=parts), base, 300, Reporter())
    assert any("hat" in note for note in notes)
    curves = tuft.guides
    high = in_metres(curves.points)[:, 2] > 0.05
    assert high[curves.first].sum() > 80
    assert np.quantile(above_skin(curves.points[high], base), 0.9) < 0.7 * HEIGHT


def test_lines_across_the_combing_get_one_arrow():
    volume, random = ball(), np.random.default_rng(0)
    usual = combing(volume)
    hair = volume.hairiness > 0.5
    # Almost across: what little they lean is alike.
    lines = 0.1 * usual + np.cross(volume.normals, usual) + random.normal(scale=0.15, size=usual.shape)
    lines = along_surface(lines * random.choice([-1.0, 1.0], (len(usual), 1)), volume.normals)
    shown = Witness(lines, hair.astype(np.float64), np.zeros(len(hair), bool))
    arrows = agreed(volume, [shown], [])
    aslant = hair & (np.abs(volume.vertices[:, 2]) < 0.2)
    across = (arrows.tangents * np.cross(volume.normals, usual)).sum(1)[aslant]
    assert max((across > 0).mean(), (across < 0).mean()) > 0.98
    assert across.mean() > 0


def test_strands_tell_which_way_they_run():
    volume = ball()
    hair = np.flatnonzero(volume.hairiness > 0.5)
    up = along_surface(np.tile([0.0, 0.0, 1.0], (len(hair), 1)), volume.normals[hair])
    # Two segments of a strand at each vertex, from below to above, against what is usual.
    points = np.concatenate([volume.vertices[hair] - 0.005 * up, volume.vertices[hair] + 0.005 * up])
    extras = {
        names.STRAND: np.tile(np.arange(1, len(hair) + 1, dtype=np.int32), 2),
        names.STRAND_PLACE: np.repeat(np.array([0.25, 0.75], np.float32), len(hair)),
    }
    turned = quaternions.from_matrices(frames(np.tile(-up, (2, 1)), np.tile(volume.normals[hair], (2, 1))))
    count = len(points)
    strands = Gaussians(
        points,
        np.tile((0.01, 0.002, 0.002), (count, 1)),
        turned,
        np.full(count, 0.9),
        harmonics.from_colors(np.full((count, 3), 0.5)),
        np.full(count, Part.HAIR),
        extras,
    )
    told = axis_witness(strands, volume)
    sides = hair[np.abs(volume.vertices[hair, 2]) < 0.2]
    assert told.arrows[sides].all()
    assert (told.tangents[sides, 2] > 0.9).all()
    lines = axis_witness(strands.replace(extras={}), volume)
    assert not lines.arrows.any()
    np.testing.assert_allclose(np.abs((lines.tangents * told.tangents)[sides].sum(1)), 1, atol=1e-3)


def test_each_place_grows_one_guide():
    places = np.array([[0.0, 0, 0], [0.1, 0, 0], [9.0, 0, 0]])
    free = np.array([True, True, True])
    taken = _placed(np.array([[0.01, 0, 0], [0.0, 0, 0], [0.02, 0, 0]]), places, free)
    assert taken.tolist() == [-1, 0, 1]
    assert free.tolist() == [False, False, True]


@pytest.fixture(scope="module")
def astronaut() -> Groom:
    return make_groom(astronaut_head()[0].gaussians, astronaut_base(), 800, Reporter())


def test_hair_of_a_draft_head(astronaut):
    base, curves = astronaut_base(), astronaut.tufts[Growth.HAIR].guides
    np.testing.assert_allclose(curves.points[curves.first], curves.roots.points(base.shown), atol=1e-5)
    others = np.ones(len(curves.points), bool)
    others[curves.first] = False
    assert np.quantile(above_skin(curves.points[others], base), 0.005) > 0
    # She has a bob: hair that goes to the neck, and on top of the head some of 5 to 12 cm.
    lengths = curves.lengths / base.pose.scale
    assert 0.05 < np.median(lengths) < 0.15
    assert astronaut.notes == ()
    moved = curves.moved(base.shown, replace(base, expression=np.zeros_like(base.expression)).shown)
    np.testing.assert_allclose(
        moved.points[curves.first], curves.roots.points(base.vertices(np.zeros_like(base.expression))), atol=1e-4
    )


def test_curls_are_measured_for_the_modifier_that_makes_them():
    assert tuft_of().wave.radius == 0
    photo = photo_of_ball(waves(12.0, 40.0))
    pixel = float(np.median(photo.depth[photo.hair])) / photo.camera.fx
    curls = wave_of(photo)
    np.testing.assert_allclose(curls.length / pixel, 40, rtol=0.25)
    assert 4 < curls.radius / pixel < 12
