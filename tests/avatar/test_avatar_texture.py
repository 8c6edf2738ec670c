"""The texture baked from splats: patterns come back, heads look like their splats, nothing stays empty."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core import colors
from core.avatar.texture import delighting, skin
from core.avatar.texture.bake import bake_texture
from core.avatar.texture.texels import fill_gaps, texels_of
from core.avatar.texture.views import VIEWS, normalized
from core.errors import Cancelled, FaceLiftError
from core.gaussians import Gaussians
from core.head.model import Region, load_head_model, vertex_normals
from core.progress import Reporter
from core.splats.parts import Part
from tests.helpers.avatar import astronaut_base
from tests.helpers.draft import astronaut_head
from tests.helpers.texture import front_quality

SIZE = 1024
SKIN = np.array([0.78, 0.58, 0.49], np.float32)


def splats_on(base, paint, count=60_000):
    """Flat opaque splats on a base mesh's skin, coloured by a function of places on the average head [N, 3]."""
    model, rng = base.model, np.random.default_rng(3)
    outside = ~model.in_regions(Region.MOUTH, Region.SOCKETS, Region.TEETH)
    triangles = model.triangles[outside[model.triangles].all(1)]
    corners = base.shown[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    chosen = rng.choice(len(triangles), count, p=areas / areas.sum())
    weights = rng.dirichlet((1, 1, 1), count).astype(np.float32)
    places = (weights[..., None] * model.mean[triangles[chosen]]).sum(1)
    means = (weights[..., None] * corners[chosen]).sum(1)
    spacing = np.sqrt(areas.sum() / 2 / count)
    # The shortest axis, z, along the normal: half-way between z and it, turned by 180 degrees.
    half = normals[chosen] / areas[chosen, None] + [0, 0, 1 + 1e-6]
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    rotations = np.column_stack([np.zeros(count), half])
    scales = np.tile(np.array([1.1, 1.1, 0.05]) * spacing, (count, 1))
    sh = ((paint(places) - 0.5) / 0.28209479)[:, None, :]
    return Gaussians(means, scales, rotations, np.full(count, 0.98), sh)


def stripes(places):
    """Skin with soft stripes of 4 cm across the face: within what skin's colour may be."""
    wave = 0.08 * np.sin(2 * np.pi * places[:, 2:3] / 0.04)
    return SKIN + wave.astype(np.float32) * np.array([1, 0.8, 0.7], np.float32)


def at_vertices(texture, base):
    """The texture's colours at the mesh's vertices [V, 3], 0..1."""
    model = base.model
    texels = texels_of(model, len(texture.image))
    values = texture.image.reshape(-1, 3)[texels.places].astype(np.float32) / 255
    return texels.gather(values, np.ones(len(texels), np.float32), len(model.mean))[0]


@pytest.fixture(scope="module")
def striped():
    """The astronaut's mesh covered with striped splats, and their texture."""
    base = astronaut_base()
    return base, bake_texture(splats_on(base, stripes), base, SIZE)


@pytest.fixture(scope="module")
def astronaut():
    """The astronaut's texture."""
    return bake_texture(astronaut_head()[0].gaussians, astronaut_base(), SIZE)


def test_a_pattern_on_the_skin_comes_back(striped):
    base, texture = striped
    face = base.model.in_regions(Region.FACE) & (skin.hair_zone(base.model) == 0)
    away = np.abs(at_vertices(texture, base) - stripes(base.model.mean))[face]
    assert np.median(away) < 0.015 and np.percentile(away, 95) < 0.05
    ears = base.model.in_regions(Region.SCALP)
    assert np.abs(at_vertices(texture, base)[ears] - SKIN).max() < 0.15


def test_no_texel_is_left_empty_and_both_sides_of_a_seam_agree(striped):
    base, texture = striped
    model = base.model
    assert texture.image.shape == (SIZE, SIZE, 3) and texture.image.dtype == np.uint8
    assert texture.image.max(axis=-1).min() > 20
    # A vertex of the skin has texture coordinates on either side of a seam: the same colour is there.
    seams = {}
    for vertex, place in zip(model.faces.ravel(), model.face_uvs.ravel(), strict=True):
        seams.setdefault(int(vertex), set()).add(int(place))
    pairs = [(v, *sorted(places)[:2]) for v, places in seams.items() if len(places) > 1]
    pairs = np.array([pair for pair in pairs if model.regions[pair[0]] in (Region.SCALP, Region.NECK, Region.FACE)])
    assert len(pairs) > 50
    picture = texture.image.astype(np.float32) / 255

    def sampled(index):
        u, v = model.uvs[index].T
        return np.stack(
            [
                ndimage.map_coordinates(picture[..., c], [(1 - v) * SIZE - 0.5, u * SIZE - 0.5], order=1)
                for c in range(3)
            ],
            1,
        )

    assert np.median(np.abs(sampled(pairs[:, 1]) - sampled(pairs[:, 2]))) < 0.02


def test_the_front_of_the_textured_mesh_is_that_of_the_splats(astronaut):
    result = astronaut_head()[0]
    quality = front_quality(result.gaussians, astronaut_base(), astronaut, result.photo_camera)
    assert quality.bare_share > 0.7 and quality.bare > 28


def test_hair_is_left_out_and_skin_goes_on_under_it(astronaut):
    base = astronaut_base()
    colors = at_vertices(astronaut, base)
    scalp, cheeks = base.model.in_regions(Region.SCALP), base.model.in_regions(Region.FACE)
    cheek = np.median(colors[cheeks & (skin.hair_zone(base.model) == 0)], axis=0)
    # Her hair is darker and greener than her skin by far: nothing of it is on the scalp.
    brightness = colors[scalp].mean(1)
    assert np.percentile(brightness, 2) > 0.55 * cheek.mean()
    assert np.std(brightness) > 0.004  # and it isn't plain either
    away = np.abs(skin.features(colors[scalp]) - skin.features(cheek[None]))
    assert np.percentile(away[:, 1], 95) < 0.25


def test_eyes_teeth_and_tongue_have_their_colors(astronaut):
    model = astronaut_base().model
    colors = at_vertices(astronaut, astronaut_base())
    behind = model.in_regions(Region.EYES) & (
        model.mean[:, 1] > np.median(model.mean[model.in_regions(Region.EYES), 1])
    )
    white = np.median(colors[behind], axis=0)
    assert white.min() > 0.5 and np.ptp(white) < 0.15
    teeth = np.median(colors[model.in_regions(Region.TEETH)], axis=0)
    assert teeth.mean() > 0.55 and np.ptp(teeth) < 0.25
    tongue = np.median(colors[model.in_regions(Region.MOUTH)], axis=0)
    assert tongue[0] > tongue[1] + 0.1


def test_it_is_the_same_in_other_units_and_places(striped):
    base, texture = striped
    matrix = np.diag([0.2, 0.2, 0.2, 1.0])
    matrix[:3, :3] = matrix[:3, :3] @ [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    matrix[:3, 3] = 1, 2, 3
    moved = bake_texture(splats_on(base, stripes).transform(matrix), base.transformed(matrix), SIZE)
    difference = np.abs(moved.image.astype(int) - texture.image)
    assert np.percentile(difference, 99) <= 2


def test_delighting_takes_a_lamp_off_and_leaves_the_skin():
    model = load_head_model()
    normals = vertex_normals(model.mean, model.triangles)
    beliefs = model.in_regions(Region.FACE).astype(np.float32) * (normals[:, 1] < 0)
    lamp = np.array([0.7, -0.6, 0.4]) / np.linalg.norm([0.7, -0.6, 0.4])
    light = 0.35 + 0.65 * np.maximum(normals @ lamp, 0)
    albedo = colors.to_linear(SKIN) * np.where(model.in_regions(Region.LIPS), 0.7, 1)[:, None]
    lit = colors.to_encoded(albedo * light[:, None])
    seen = beliefs > 0
    before = np.std(np.log(colors.to_linear(lit[seen]).mean(1)))
    factors = delighting.shading(normals, lit, beliefs)
    whole = delighting.take_off(lit, factors, 1.0)
    after = np.std(np.log(colors.to_linear(whole[seen]).mean(1)))
    assert after < 0.3 * before
    np.testing.assert_allclose(delighting.take_off(lit, factors, 0.0), lit, atol=1e-5)
    half = np.std(np.log(colors.to_linear(delighting.take_off(lit, factors, 0.5)[seen]).mean(1)))
    assert after < half < before


def test_gaps_take_the_colors_of_their_borders():
    picture = np.zeros((64, 64, 3), np.float32)
    mask = np.zeros((64, 64), bool)
    picture[8:24, 8:24], picture[40:56, 40:56] = (1, 0, 0), (0, 0, 1)
    mask[8:24, 8:24] = mask[40:56, 40:56] = True
    filled = fill_gaps(picture, mask)
    assert np.array_equal(filled[mask], picture[mask])
    np.testing.assert_allclose(filled.sum(-1), 1, atol=1e-5)
    assert filled[24, 16, 0] > 0.95 and filled[40, 58, 2] > 0.95


def test_splats_somewhere_else_and_cancelling_are_told(striped):
    base, _ = striped
    gaussians = splats_on(base, stripes, 2000)
    with pytest.raises(FaceLiftError, match="No splat lies on the base mesh"):
        bake_texture(gaussians.replace(means=gaussians.means + 5), base, 512)
    with pytest.raises(FaceLiftError, match="No splat lies on the base mesh"):
        bake_texture(gaussians.replace(parts=np.full(len(gaussians), Part.HAIR, np.int8)), base, 512)
    reporter = Reporter()
    reporter.cancel_event.set()
    with pytest.raises(Cancelled):
        bake_texture(gaussians, base, 512, 0.0, reporter)


def test_texels_lie_where_the_uv_map_says():
    model = load_head_model()
    texels = texels_of(model, 512)
    row, column = np.divmod(texels.places, 512)
    corners = np.zeros((len(model.mean), 2), np.float32)
    corners[model.faces] = model.uvs[model.face_uvs]
    inside = model.in_regions(Region.FACE)[texels.corners].all(1)
    places = texels.interpolate(corners)[inside]
    away = np.abs(places * (512, -512) + (0, 512) - np.column_stack([column, row])[inside] - 0.5).max(axis=1)
    # A vertex on a seam has texture coordinates on either side of it, of which the test takes one.
    assert (away < 0.05).mean() > 0.99


def test_every_view_sees_the_whole_head():
    base, _ = normalized(astronaut_base())
    head = ~base.model.in_regions(Region.NECK, Region.TORSO)
    for view in VIEWS:
        camera = view.camera(base)
        pixels, depths = camera.project(base.shown[head])
        assert depths.min() > 0.3 and pixels.min() > 0 and pixels.max() < view.size
