"""The skin's maps: light that goes, relief that is where the texture is dark, and roughness by place."""

from functools import lru_cache

import numpy as np

from core.avatar.base_mesh import BaseMesh
from core.avatar.handoff.maps import skin_maps
from core.avatar.texture.texels import texels_of
from core.colors import to_encoded
from core.head.model import Region, load_head_model, vertex_normals
from core.head.pose import Pose

SIZE = 1024
SKIN = np.array([0.5, 0.32, 0.24])
"""Linear."""


@lru_cache(maxsize=1)
def head():
    """The average head, twice as large as life and turned."""
    model = load_head_model()
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    pose = Pose(turn, np.array([1.0, 2.0, 3.0]), 2.0)
    neutral = pose.apply(model.mean).astype(np.float32)
    moves = (pose.scale * model.expressions @ turn.T).astype(np.float32)
    return BaseMesh(model, neutral, moves, np.zeros(len(moves), np.float32), pose)


def painted(values):
    """A texture [S, S, 3] uint8 of linear colours [N, 3] at its texels."""
    picture, _ = texels_of(head().model, SIZE).picture(to_encoded(np.asarray(values, np.float32)))
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def at_texels(picture):
    texels = texels_of(head().model, SIZE)
    return picture.reshape(SIZE * SIZE, -1)[texels.places].astype(float)


def test_light_from_the_side_is_taken_off_the_skin():
    base = head()
    texels = texels_of(base.model, SIZE)
    normals = texels.interpolate(vertex_normals(base.model.mean, base.model.triangles))
    light = 0.75 + 0.35 * normals[:, :1]
    image = painted(SKIN * light)
    maps = skin_maps(image, base)
    face = texels.interpolate(base.model.in_regions(Region.FACE)) > 0.99
    before, after = at_texels(image)[face].std(axis=0), at_texels(maps.albedo)[face].std(axis=0)
    assert (after < 0.35 * before).all()
    clothes = texels.interpolate(base.model.in_regions(Region.TORSO)) > 0.99
    np.testing.assert_allclose(at_texels(maps.albedo)[clothes], at_texels(image)[clothes], atol=1)


def test_a_dark_line_is_a_groove_and_rougher():
    base = head()
    texels = texels_of(base.model, SIZE)
    places = texels.interpolate(base.model.mean)
    # Up the forehead's middle, two millimetres wide.
    forehead = (places[:, 2] > 0.035) & (places[:, 2] < 0.055) & (places[:, 1] < -0.05)
    line = forehead & (np.abs(places[:, 0]) < 0.001)
    colors = np.tile(SKIN, (len(places), 1))
    colors[line] *= 0.75
    plain, lined = skin_maps(painted(np.tile(SKIN, (len(places), 1))), base), skin_maps(painted(colors), base)
    near = forehead & (np.abs(places[:, 0]) < 0.003)
    change = np.linalg.norm(at_texels(lined.normal) - at_texels(plain.normal), axis=1)
    away = np.abs(places[:, 0]) > 0.02
    assert change[near].mean() > 5 and change[away].mean() < 0.5
    rougher = at_texels(lined.roughness)[:, 0] - at_texels(plain.roughness)[:, 0]
    assert rougher[line].mean() > 2
    # The groove's two sides lean against each other: in the UV map's frame, towards its middle.
    pieces = [near & (places[:, 0] > 0.0006), near & (places[:, 0] < -0.0006)]
    leans = [(at_texels(lined.normal) - at_texels(plain.normal))[piece, :2].mean(axis=0) for piece in pieces]
    assert leans[0] @ leans[1] < 0


def test_roughness_goes_by_place():
    base = head()
    texels = texels_of(base.model, SIZE)
    maps = skin_maps(painted(np.tile(SKIN, (len(texels), 1))), base)
    rough = at_texels(maps.roughness)[:, 0] / 255

    def mean(*regions):
        return rough[texels.interpolate(base.model.in_regions(*regions)) > 0.99].mean()

    nose = np.linalg.norm(texels.interpolate(base.model.mean) - base.model.landmarks(base.model.mean)[1], axis=1) < 0.01
    assert mean(Region.EYES) < 0.2 < mean(Region.LIPS) < mean(Region.EARS)
    assert rough[nose].mean() < mean(Region.FACE) - 0.04
    normals = at_texels(maps.normal) / 127.5 - 1
    assert normals[:, 2].min() > 0.5
    eyes = texels.interpolate(base.model.in_regions(Region.EYES, Region.TEETH)) > 0.99
    np.testing.assert_allclose(normals[eyes, :2], 0, atol=0.01)
