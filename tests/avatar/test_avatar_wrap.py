"""The wrap mesh: closed and manifold, in the splats' silhouette, with their colours, whatever the splats are like."""

import numpy as np
import pytest

from core.avatar.wrap.charts import unfold
from core.avatar.wrap.decimation import decimate
from core.avatar.wrap.wrap import wrap
from core.cameras import Camera, turntable
from core.errors import Cancelled, FaceLiftError
from core.gaussians import concatenate
from core.head.mesh_raster import rasterize_mesh
from core.progress import Reporter
from core.rasterize.cpu import render
from core.rasterize.metrics import silhouette_iou
from core.surface.manifold import well_composed
from core.surface.mesh import surface_net
from tests.helpers.addon import surface_gaussians
from tests.helpers.draft import astronaut_head
from tests.helpers.mesh_checks import manifold_faults, volume

RADII = np.array([0.5, 0.55, 0.65])
"""Of the ellipsoid of the tests' splats."""
ELLIPSOID = 4 / 3 * np.pi * RADII.prod()


def ellipsoid(count):
    splats = surface_gaussians(count)
    return splats.replace(opacities=np.full(count, 0.95))


def silhouettes(splats, made, views):
    return [
        silhouette_iou(render(splats, camera).alpha, rasterize_mesh(camera, made.vertices, made.triangles).mask)
        for camera in turntable(views, 512)
    ]


@pytest.fixture(scope="module")
def astronaut():
    """The astronaut's splats and their wrap."""
    splats = astronaut_head()[0].gaussians
    return splats, wrap(splats, 12_000, "LOW", 1024, Reporter())


def test_a_portrait_is_wrapped_whole(astronaut):
    splats, made = astronaut
    assert len(made.triangles) == 12_000
    assert manifold_faults(made.triangles) == 0
    assert volume(made.vertices, made.triangles) > 0
    assert min(silhouettes(splats, made, 4)) > 0.975


def test_its_texture_and_colors_are_the_splats(astronaut):
    """Seen from the front, mesh and splats are alike; nothing of the texture is used twice."""
    splats, made = astronaut
    camera = Camera.orbit(270, size=256)
    maps = rasterize_mesh(camera, made.vertices, made.triangles)
    picture = render(splats, camera)
    places = maps.mask & (picture.alpha > 0.99)
    uvs = made.unfolding.uvs[made.unfolding.triangles]
    seen = np.einsum("pk,pkc->pc", maps.barycentrics[places], uvs[maps.triangles[places]])
    size = len(made.texture)
    columns, rows = (seen * [1, -1] * size + [0, size]).astype(int).T
    textured = made.texture[rows, columns] / 255
    painted = maps.interpolate(made.triangles, made.colors)[places]
    expected = np.clip(picture.image[places], 0, 1)
    assert np.abs(textured - expected).mean() < 0.035
    assert np.abs(painted - expected).mean() < 0.06
    areas = np.linalg.det(uvs[:, 1:] - uvs[:, :1]) / 2
    assert (areas > 0).all() and uvs.min() >= 0 and uvs.max() <= 1
    flat = np.stack([made.unfolding.uvs[:, 0], 1 - made.unfolding.uvs[:, 1], np.ones(len(made.unfolding.uvs))], axis=1)
    covered = rasterize_mesh(Camera(1024, 1024, 1024, 1024, 0, 0, np.eye(4)), flat, made.unfolding.triangles).mask
    assert areas.sum() - covered.mean() < 1e-3


def test_a_thousand_splats_anywhere_are_enough_and_far_floaters_change_nothing():
    """In the space that they came in, with as many faces as wanted."""
    splats = ellipsoid(1000)
    # At their usual size a thousand leave gaps.
    splats = splats.replace(scales=splats.scales * 2)
    floater = splats.select(np.arange(1))
    splats = concatenate([splats, floater.replace(means=floater.means + np.array([600, 0, 20]))])
    matrix = np.diag([0.2, 0.2, 0.2, 1.0])
    matrix[:3, 3] = (30, -4, 1)
    made = wrap(splats.transform(matrix), 1500, "LOW", 0, Reporter())
    vertices = (made.vertices - matrix[:3, 3]) / 0.2
    assert made.texture is None and len(made.triangles) == 1500
    assert manifold_faults(made.triangles) == 0
    heights = np.linalg.norm(vertices / RADII, axis=1)
    assert 0.93 < heights.min() and heights.max() < 1.15
    assert volume(vertices, made.triangles) == pytest.approx(ELLIPSOID, rel=0.25)


def test_a_flat_sheet_becomes_a_thin_body():
    splats = ellipsoid(2000)
    made = wrap(splats.replace(means=splats.means * [1, 0, 1]), 1000, "LOW", 0, Reporter())
    assert manifold_faults(made.triangles) == 0
    assert 0 < volume(made.vertices, made.triangles) < 0.1 * ELLIPSOID


def test_what_can_not_be_wrapped_says_so():
    splats = ellipsoid(2000)
    for few, code in ((splats.select(np.arange(0)), "no-splats"), (splats.select(np.arange(20)), "no-surface")):
        with pytest.raises(FaceLiftError) as caught:
            wrap(few, 1000, "LOW", 0, Reporter())
        assert caught.value.code == code and caught.value.advice
    reporter = Reporter()
    reporter.cancel_event.set()
    with pytest.raises(Cancelled):
        wrap(splats, 1000, "LOW", 0, reporter)


def test_any_voxels_have_a_manifold_surface():
    """Noise has every possible neighbourhood; triangles along diagonals must not spoil it."""
    for seed in range(5):
        field = np.random.default_rng(seed).normal(size=(14, 15, 16)).astype(np.float32)
        field[[0, -1]] = field[:, [0, -1]] = field[:, :, [0, -1]] = 1
        net = surface_net(well_composed(field), 0)
        assert manifold_faults(net.faces) == 0
        assert manifold_faults(net.triangles()) == 0


def test_decimation_keeps_shape_and_manifold():
    steps = np.linspace(-1.2, 1.2, 40)
    x, y, z = np.meshgrid(steps, steps, steps, indexing="ij")
    ring = np.hypot(np.hypot(x, y) - 0.8, z) - 0.25
    net = surface_net(well_composed(ring.astype(np.float32)), 0)
    vertices, triangles = net.vertices * (steps[1] - steps[0]) - 1.2, net.triangles()
    fewer, kept = decimate(vertices, triangles, 600)
    assert len(kept) == 600 and manifold_faults(kept) == 0
    assert volume(fewer, kept) == pytest.approx(volume(vertices, triangles), rel=0.02)
    away = np.abs(np.hypot(np.hypot(fewer[:, 0], fewer[:, 1]) - 0.8, fewer[:, 2]) - 0.25)
    assert away.max() < 0.02
    _, last = decimate(vertices, triangles, 0)
    assert manifold_faults(last) == 0 and len(last) >= 14, "a torus can't lose its hole"
    assert len(unfold(fewer, kept).triangles) == 600
