"""The viewport's shaders against the reference rasterizer, on whatever graphics this machine has."""

import numpy as np
import pytest

from core.cameras import Camera
from core.colors import to_encoded, to_linear
from core.gaussians import concatenate
from core.rasterize import cpu
from core.rasterize.metrics import psnr
from core.splats.spherical_harmonics import C0
from core.viewing import irradiance
from tests.helpers.addon import needs_blender, surface_gaussians
from tests.helpers.gaussian import random_gaussians, random_rotation
from tests.helpers.projections import FAR, NEAR, perspective

pytestmark = needs_blender

SIZE = 160
BLACK = (0, 0, 0)


class Stage:
    """Draws Gaussians into a framebuffer like that of a 3D View."""

    def __init__(self, graphics, extension):
        self.gpu = graphics
        self.canvas = extension.module("facelift_addon.viewport.canvas")
        self.batches = extension.module("facelift_addon.viewport.batches")
        self.clouds = extension.module("facelift_addon.viewport.clouds")
        self.pipeline = self.canvas.Pipeline()
        self.texels = extension.module("core.viewing.texels")

    def cloud(self, gaussians, selected=None, normals=None):
        base = np.concatenate([gaussians.sh[:, 0], gaussians.opacities[:, None]], axis=1)
        return self.clouds.Cloud(
            self.texels.splat_texels(gaussians.means, gaussians.scales, gaussians.rotations, base, selected, normals),
            gaussians.sh[:, 1:],
            np.ascontiguousarray(gaussians.means),
            float(np.linalg.norm(gaussians.means, axis=1).max()),
        )

    def draw(
        self,
        clouds,
        camera,
        objects=None,
        projection=None,
        depth=1.0,
        xray=False,
        marks=None,
        canvas=None,
        shading=None,
    ):
        """Return the blended picture [H, W, 4] and the view's overlay [H, W, 4] uint8."""
        types = self.gpu.types
        size = (camera.width, camera.height)
        depth_texture = types.GPUTexture(size, format="DEPTH_COMPONENT32F")
        color_texture = types.GPUTexture(size, format="SRGB8_A8")
        framebuffer = types.GPUFrameBuffer(depth_slot=depth_texture, color_slots=(color_texture,))
        world_to_view = np.linalg.inv(camera.blender_matrix())
        canvas = canvas or self.canvas.Canvas()
        view = self.canvas.View(
            matrices=np.stack([world_to_view @ matrix for matrix in objects or [np.eye(4)] * len(clouds)]),
            projection=perspective(camera) if projection is None else projection,
            marks=np.zeros((len(clouds), 2)) if marks is None else marks,
            xray=xray,
            chosen_color=(1.0, 0.0, 1.0),
            selected_color=(0.0, 1.0, 0.0),
            active_color=(0.0, 0.0, 1.0),
            shading=shading,
        )
        with framebuffer.bind():
            framebuffer.clear(color=(0, 0, 0, 0), depth=depth)
            canvas.draw(self.pipeline, self.batches.Batch(clouds), view)
            overlay = np.array(framebuffer.read_color(0, 0, *size, 4, 0, "UBYTE").to_list(), np.uint8)
        picture = np.array(canvas._picture.read().to_list(), np.float64).reshape(*size[::-1], 4)
        return picture[::-1], overlay.reshape(*size[::-1], 4)[::-1]


@pytest.fixture(scope="module")
def stage(graphics, installed):
    return Stage(graphics, installed)


def orthographic(half_width):
    return np.diag([1 / half_width, 1 / half_width, -2 / (FAR - NEAR), 1.0]) + np.array(
        [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, -(FAR + NEAR) / (FAR - NEAR)], [0, 0, 0, 0]]
    )


def fidelity(picture, reference):
    return psnr(picture[..., :3], reference.image.astype(np.float64)), psnr(picture[..., 3], reference.alpha)


def test_lights_shade_splats_by_their_normals(stage):
    """Against the rasterizer, given the colours that a matt surface has in the light; turned and scaled objects too."""
    gaussians, camera = surface_gaussians(4000), Camera.orbit(240, 15, size=SIZE)
    normals = gaussians.means / np.array([0.5, 0.55, 0.65]) ** 2
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    turn = np.linalg.inv(camera.blender_matrix())[:3, :3]
    towards = np.array([[0.6, 0.0, 0.8], [-0.8, 0.6, 0.0]])
    shading = irradiance.polynomial(towards @ turn.T, [[3, 2, 1], [0.2, 0.5, 2]], np.full(3, 0.1))
    sight = camera.position - gaussians.means
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    away = np.maximum(0.1 - (normals * sight).sum(axis=1, keepdims=True), 0)
    facing = normals + sight * away
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    light = np.maximum(irradiance.terms(facing @ turn.T) @ shading, 0)
    lit = to_encoded(to_linear(np.maximum(gaussians.colors, 0)) * light)
    expected = cpu.render(gaussians.replace(sh=((lit - 0.5) / C0)[:, None]), camera, BLACK)
    picture, _ = stage.draw([stage.cloud(gaussians, normals=normals)], camera, shading=shading[None])
    assert min(fidelity(picture, expected)) > 42
    spin = np.diag([0.5, 0.5, 0.5, 1.0])
    spin[:3, :3] = spin[:3, :3] @ random_rotation(3)
    inverse = np.linalg.inv(spin)
    local = stage.cloud(gaussians.transform(inverse), normals=normals @ inverse[:3, :3].T / 2)
    placed, _ = stage.draw([local], camera, objects=[spin], shading=shading[None])
    assert min(fidelity(placed, expected)) > 42


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_every_degree_of_harmonics_matches_the_rasterizer(stage, degree):
    gaussians, camera = surface_gaussians(4000, degree), Camera.orbit(240, 15, size=SIZE)
    picture, _ = stage.draw([stage.cloud(gaussians)], camera)
    assert min(fidelity(picture, cpu.render(gaussians, camera, BLACK))) > 50


def test_transformed_objects_are_blended_in_depth_with_each_other(stage):
    camera = Camera.orbit(250, 10, size=SIZE)
    sources = [surface_gaussians(3000, seed=seed) for seed in (0, 1)]
    stretched, mirrored = np.eye(4), np.diag([-0.9, 0.8, 1.0, 1.0])
    stretched[:3, :3] = random_rotation(2) * (0.5, 1.2, 0.8)
    stretched[:3, 3] = (0.2, -0.1, 0.1)
    world = concatenate([g.transform(m) for g, m in zip(sources, (stretched, mirrored), strict=True)])
    picture, _ = stage.draw([stage.cloud(g) for g in sources], camera, [stretched, mirrored])
    assert min(fidelity(picture, cpu.render(world, camera, BLACK))) > 45


def test_orthographic_view_matches_a_camera_far_away(stage):
    gaussians, near = surface_gaussians(4000), Camera.orbit(240, 15, radius=5.0, size=SIZE)
    distance = 500.0
    away = Camera.orbit(240, 15, radius=distance, fov=np.degrees(2 * np.arctan(1 / distance)), size=SIZE)
    picture, _ = stage.draw([stage.cloud(gaussians)], near, projection=orthographic(1.0))
    assert min(fidelity(picture, cpu.render(gaussians, away, BLACK))) > 40


def depth_of(camera, distance):
    clip = perspective(camera) @ (0, 0, -distance, 1)
    return float(clip[2] / clip[3] * 0.5 + 0.5)


def test_only_what_is_in_front_of_the_scene_is_drawn(stage):
    camera = Camera.orbit(270, size=SIZE)
    gaussians = random_gaussians(3000, size=0.03, spread=0.3)
    wall = 2.7
    picture, _ = stage.draw([stage.cloud(gaussians)], camera, depth=depth_of(camera, wall))
    front = gaussians.select(camera.project(gaussians.means)[1] < wall)
    assert 0 < len(front) < len(gaussians)
    assert min(fidelity(picture, cpu.render(front, camera, BLACK))) > 45


def test_xray_draws_over_everything_and_an_empty_depth_hides_nothing(stage):
    camera, gaussians = Camera.orbit(270, size=SIZE), surface_gaussians(500)
    cloud = stage.cloud(gaussians)
    whole, _ = stage.draw([cloud], camera)
    hidden, _ = stage.draw([cloud], camera, depth=depth_of(camera, 0.2))
    xray, _ = stage.draw([cloud], camera, depth=depth_of(camera, 0.2), xray=True)
    unfilled, _ = stage.draw([cloud], camera, depth=0.0)
    assert not hidden.any() and whole.any()
    np.testing.assert_array_equal(xray, whole)
    np.testing.assert_array_equal(unfilled, whole)


def test_overlay_shows_the_photos_own_values(stage):
    """Blender shows an overlay's linear value v as v^(1/2.2)."""
    camera = Camera.orbit(270, size=SIZE)
    one = random_gaussians(1, size=2.0, spread=0.0, opacities=np.ones(1), sh=np.full((1, 1, 3), 0.4))
    picture, overlay = stage.draw([stage.cloud(one)], camera)
    stored = overlay[SIZE // 2, SIZE // 2, :3] / 255
    linear = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
    alpha = picture[SIZE // 2, SIZE // 2, 3]
    np.testing.assert_allclose((linear / alpha) ** (1 / 2.2), one.colors[0], atol=0.005)


def test_selected_splats_are_tinted_and_others_are_not(stage):
    camera, gaussians = Camera.orbit(270, size=SIZE), surface_gaussians(3000)
    upper = gaussians.means[:, 2] > 0
    plain, _ = stage.draw([stage.cloud(gaussians)], camera)
    tinted, _ = stage.draw([stage.cloud(gaussians, upper)], camera)
    change = np.abs(tinted - plain)[..., :3].sum(axis=2)
    assert change[: SIZE // 2 - 20].max() > 0.3
    assert change[SIZE // 2 + 20 :].max() < 0.01


def test_selected_objects_have_an_outline_around_them_only(stage):
    camera, cloud = Camera.orbit(270, size=SIZE), stage.cloud(surface_gaussians(3000))
    picture, plain = stage.draw([cloud], camera)
    _, outlined = stage.draw([cloud], camera, marks=[[1.0, 0.0]])
    changed = (plain != outlined).any(axis=2)
    inside = picture[..., 3] > 0.9
    assert changed.sum() > 100
    assert not (changed & inside).any()
    assert (outlined[changed][:, 1] == 255).all()


def test_a_canvas_follows_the_view(stage):
    gaussians = surface_gaussians(3000)
    cloud, canvas = stage.cloud(gaussians), stage.canvas.Canvas()
    for azimuth, size in ((270, SIZE), (90, SIZE), (90, SIZE // 2)):
        camera = Camera.orbit(azimuth, size=size)
        picture, _ = stage.draw([cloud], camera, canvas=canvas)
        assert min(fidelity(picture, cpu.render(gaussians, camera, BLACK))) > 45


def test_lines_of_the_scene_hide_splats_but_dots_do_not(stage, monkeypatch):
    """Points stand in for splats in the scene; where one of them lies before the splats, it must not show."""
    camera = Camera.orbit(270, size=SIZE)
    depth = np.ones((SIZE, SIZE), np.float32)
    depth[70, 60], depth[90, 60:62], depth[80, 70:90] = 0, 0, 0
    texture = stage.gpu.types.GPUTexture(
        (SIZE, SIZE), format="R32F", data=stage.gpu.types.Buffer("FLOAT", depth.size, depth.ravel())
    )
    monkeypatch.setattr(stage.canvas, "_scene_depth", lambda *_: texture)
    picture, _ = stage.draw([stage.cloud(surface_gaussians(4000))], camera)
    alpha = picture[::-1, :, 3]
    assert alpha[80, 71:89].max() == 0
    assert alpha[70, 60] > 0.9 and alpha[90, 60:62].min() > 0.9
