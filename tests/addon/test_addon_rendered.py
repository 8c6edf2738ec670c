"""Pictures of both renderers in both colour modes against the reference rasterizer, still and in motion.

EEVEE takes most of a minute to start without a graphics card: it does so once, for all its pictures.
"""

import numpy as np
import pytest

from core.cameras import Camera
from core.rasterize import cpu
from core.rasterize.metrics import psnr
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

SIZE = 96
COUNT = 6000
LEAST = {"PHOTO": 40, "SCENE": 33}
"""Decibels by colour mode: linear light blends half covered pixels otherwise than the rasterizer."""
VIEWS = (Camera.orbit(240, 15, size=SIZE), Camera.orbit(330, -20, radius=2.2, size=SIZE))
PLACES = (((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), ((0.1, -0.1, 0.2), (0.2, 0.4, -0.3), (0.7, 1.1, 0.9)))
"""Location, angles and scale of the head in the two frames of the motion."""


class Film:
    """A head that moves before a camera that moves, in a scene of the extension's own making."""

    def __init__(self, blender, engine, folder):
        import bpy

        from tests.tools.demo import pictures

        self.blender, self.folder = blender, folder
        self.display = blender.module("facelift_addon.splats.display.display")
        self.pictures = pictures
        self.gaussians = surface_gaussians(COUNT)
        self.head = add_splats(blender, self.gaussians)
        self._studio = self.pictures.studio(self.head)
        self.scene = self._studio.__enter__()
        self.scene.render.engine = engine
        self.scene.eevee.taa_render_samples = 1
        self.scene.render.filter_size = 0.0
        self.scene.render.resolution_x = self.scene.render.resolution_y = SIZE
        self.scene.frame_start, self.scene.frame_end = 1, len(VIEWS)
        cameras = blender.module("facelift_addon.splats.scene.cameras")
        self.camera = cameras.new_camera("Film")
        anchor = bpy.data.objects.new("Anchor", None)
        for target in (self.camera, anchor):
            self.scene.collection.objects.link(target)
        self.scene.camera = self.camera
        cameras.fit(self.camera, VIEWS[0], anchor, np.eye(4))
        self.camera.parent = None
        for frame, (view, place) in enumerate(zip(VIEWS, PLACES, strict=True), start=1):
            self._keyframe(frame, view, place)

    def _keyframe(self, frame, view, place):
        from mathutils import Matrix

        location, rotation, _ = Matrix(view.blender_matrix()).decompose()
        self.camera.location, self.camera.rotation_euler = location, rotation.to_euler()
        self.head.location, self.head.rotation_euler, self.head.scale = place
        for target in (self.camera, self.head):
            for path in ("location", "rotation_euler", "scale"):
                target.keyframe_insert(path, frame=frame)

    def close(self):
        self._studio.__exit__(None, None, None)

    def shoot(self, mode):
        """Render the animation; return its pictures, values 0..1."""
        import bpy

        self.blender.module("facelift_addon.splats.scene.rendering").apply(self.scene, mode)
        self.display.set_option(self.head, self.display.PHOTO_COLORS, mode == "PHOTO")
        self.scene.render.filepath = str(self.folder / f"{mode}_")
        bpy.ops.render.render(animation=True, scene=self.scene.name)
        files = sorted(self.folder.glob(f"{mode}_*.png"))
        assert len(files) == len(VIEWS)
        return [self.pictures.load_pixels(path) / 255 for path in files]

    def expected(self):
        """Return what the reference rasterizer makes of both frames."""
        from mathutils import Euler, Matrix

        images = []
        for view, (location, angles, scale) in zip(VIEWS, PLACES, strict=True):
            matrix = Matrix.LocRotScale(location, Euler(angles), scale)
            rendering = cpu.render(self.gaussians.transform(np.array(matrix)), view)
            images.append(np.clip(rendering.image, 0, 1).astype(np.float64))
        return images


def engines():
    import bpy

    return "CYCLES", "BLENDER_EEVEE" if bpy.app.version >= (5, 0) else "BLENDER_EEVEE_NEXT"


@pytest.mark.parametrize("index", [0, 1], ids=["cycles", "eevee"])
def test_both_colour_modes_match_the_rasterizer_while_head_and_camera_move(blender, tmp_path, index):
    film = Film(blender, engines()[index], tmp_path)
    try:
        expected = film.expected()
        for mode, least in LEAST.items():
            values = [psnr(actual, wanted) for actual, wanted in zip(film.shoot(mode), expected, strict=True)]
            print(mode, values)
            assert min(values) >= least, (mode, values)
    finally:
        film.close()
