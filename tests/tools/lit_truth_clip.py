"""Clips with known truth, lit and rendered by Blender: ``clip.mp4`` and ``truth.npz`` in a folder.

``python -m tests.tools.lit_truth_clip FOLDER [--photo PHOTO] [--performance NAME] [--setting NAME] [--hair]`` in an
environment of ``build.py`` (Blender as a module). The extension is installed as a user does it and makes everything by
its own buttons: base mesh, texture, hair, rig, and the performance as an imported recording.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.avatar.base_mesh import BaseMesh
from core.avatar.joints import HEAD
from core.avatar.recording import Recording
from core.cameras import Camera
from core.engines.base import GenerateResult
from core.engines.draft.engine import DraftEngine
from core.head.model import load_head_model
from core.head.pose import Pose
from core.photo.decode import decode, from_array
from core.progress import Reporter
from tests.helpers import addon as addon_helpers
from tests.helpers.made_head import bring_in
from tests.helpers.performances import FPS, Performance
from tests.helpers.photo import astronaut
from tests.helpers.truth import Truth, eye_turns, head_turn
from tests.tools.truth_clip import BACKDROP, DISTANCE, ELEVATION, LENS, PERFORMANCES, SIZE, camera_of, write_video

SAMPLES = 4
WINDOW = (200, 1000)
"""Columns that are rendered: the rest is backdrop."""
FIRST = 1
"""Blender's frame of the first moment."""


@dataclass(frozen=True)
class Setting:
    """How a head is lit and filmed.

    Attributes:
        lamps: For each, its place in metres against the face (to the viewer's right, to the back, up), its watts, its
            size in metres and its colour.
        world: The colour that comes from everywhere.
        noise: Standard deviation of the camera's noise, of 255.
        lens: The camera's horizontal angle of view in degrees.
        distance: Metres between face and camera.
        elevation: Degrees by which the camera stands above the face.
    """

    lamps: tuple[tuple[tuple[float, float, float], float, float, tuple[float, float, float]], ...]
    world: tuple[float, float, float]
    noise: float = 1.5
    lens: float = LENS
    distance: float = DISTANCE
    elevation: float = ELEVATION


SETTINGS = {
    "window": Setting((((-1.2, -0.9, 0.5), 28.0, 0.9, (1.0, 0.97, 0.92)),), (0.32, 0.34, 0.38)),
    "lamp": Setting(
        (((0.7, -0.5, 0.9), 9.0, 0.25, (1.0, 0.78, 0.55)), ((-0.3, -0.6, -0.1), 1.6, 0.4, (0.6, 0.75, 1.0))),
        (0.10, 0.10, 0.13),
        noise=5.0,
        lens=38.0,
        distance=0.9,
        elevation=-6.0,
    ),
}
"""A webcam beside a large window; a phone that stands low, under a warm lamp, its picture noisy."""


class Studio:
    """A head of our own making in Blender's scene, ready to be filmed."""

    def __init__(
        self, extension: addon_helpers.Extension, result: GenerateResult, setting: Setting, hair: bool = False
    ) -> None:
        import bpy

        bpy.ops.wm.read_homefile(use_empty=True)
        self._extension, self._setting = extension, setting
        head = bring_in(extension, result, "head")
        bpy.context.view_layer.objects.active = head
        self._run(bpy.ops.facelift.fit_base_mesh, expression="NEUTRAL")
        objects = extension.module("facelift_addon.avatar.base_objects")
        self.mesh = objects.find(head)
        self.base = _own(objects.read(self.mesh))
        bpy.context.view_layer.objects.active = self.mesh
        if hair:
            self._run(bpy.ops.facelift.hair_to_curves)
            bpy.context.view_layer.objects.active = self.mesh
        self._run(bpy.ops.facelift.add_rig)
        self.rig = extension.module("facelift_addon.avatar.rigs").rig_of(self.mesh)
        self.scene = self._scene(setting)

    @staticmethod
    def _run(operator, **options) -> None:
        assert operator(**options) == {"FINISHED"}

    def _scene(self, setting: Setting):
        """Set Cycles, camera and lamps up; return the scene."""
        import bpy

        scene = bpy.context.scene
        scene.render.fps = FPS
        scene.render.engine = "CYCLES"
        scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, True
        scene.cycles.denoising_quality, scene.cycles.denoising_prefilter = "FAST", "FAST"
        scene.cycles.max_bounces = 3
        scene.render.use_persistent_data = True
        scene.render.film_transparent = True
        scene.view_settings.view_transform = "Standard"
        scene.render.resolution_x, scene.render.resolution_y = SIZE
        scene.render.resolution_percentage = 100
        scene.render.use_border = scene.render.use_crop_to_border = True
        # A quarter of a pixel further in, so that it is cut off to these columns whichever way it is rounded.
        scene.render.border_min_x, scene.render.border_max_x = ((column + 0.25) / SIZE[0] for column in WINDOW)
        scene.render.border_min_y, scene.render.border_max_y = 0.0, 1.0
        settings = scene.render.image_settings
        settings.file_format, settings.color_mode, settings.compression = "PNG", "RGBA", 0
        scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        scene.collection.objects.link(scene.camera)
        scene.camera.data.lens_unit, scene.camera.data.angle = "FOV", np.radians(setting.lens)
        scene.camera.data.clip_start = 0.01
        world = scene.world = bpy.data.worlds.new("world")
        if world.node_tree is None:
            world.use_nodes = True
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (*setting.world, 1)
        return scene

    def film(self, performance: Performance) -> tuple[Iterator[np.ndarray], Truth]:
        """Return the pictures [H, W, 3] uint8 of a performance, rendered as they are asked for, and its truth."""
        setting = self._setting
        performances = self._extension.module("facelift_addon.avatar.performances")
        names = self.base.model.expression_names
        turns = np.radians(performance.turns).astype(np.float32)
        recording = Recording(performance.times, names, performance.values.astype(np.float32), {"head": turns})
        options = {"start": FIRST, "keys": "RECORDED", "center": False}
        performances._add(performances._Take("take", recording), self.mesh.name, options)
        camera = self._moved_to_world(camera_of(self.base, setting.lens, setting.distance, setting.elevation))
        self._add_lamps(camera)
        seen = [self._set(frame, camera, offset) for frame, offset in enumerate(performance.sway)]
        eyes = eye_turns(self.base, performance.values)
        truth = Truth(performance.times, names, performance.values, np.array(seen), eyes, setting.lens)
        return self._pictures(performance, camera), truth

    def _pictures(self, performance: Performance, camera: Camera) -> Iterator[np.ndarray]:
        import bpy

        random = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frame.png"
            self.scene.render.filepath = str(path)
            for frame, offset in enumerate(performance.sway):
                self._set(frame, camera, offset)
                bpy.ops.render.render(write_still=True)
                with Image.open(path) as rendered:
                    face = np.asarray(rendered.convert("RGBA")).astype(np.float32) / 255
                picture = np.empty((SIZE[1], SIZE[0], 3), np.float32)
                picture[:] = BACKDROP
                window = picture[:, WINDOW[0] : WINDOW[1]]
                window += face[..., 3:] * (face[..., :3] - window)
                noise = random.normal(0, self._setting.noise, picture.shape)
                yield np.clip(255 * picture + noise, 0, 255).astype(np.uint8)

    def _set(self, frame: int, camera: Camera, offset: np.ndarray) -> np.ndarray:
        """Show a moment, from where the camera is then; return the head's turn against it [3]."""
        import bpy
        from mathutils import Matrix

        self.scene.frame_set(FIRST + frame)
        matrix = camera.blender_matrix().copy()
        matrix[:3, 3] -= offset
        self.scene.camera.matrix_world = Matrix(matrix.tolist())
        bpy.context.view_layer.update()
        bone = self.rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones[HEAD]
        turned = np.array((bone.matrix @ bone.bone.matrix_local.inverted()).to_3x3())
        to_mesh = np.array(self.mesh.matrix_world.to_quaternion().to_matrix()).T
        return head_turn(turned, self.base, to_mesh @ camera.c2w[:3, :3])

    def _moved_to_world(self, camera: Camera) -> Camera:
        matrix = np.array(self.mesh.matrix_world)
        c2w = matrix @ camera.c2w
        c2w[:3, :3] /= np.linalg.norm(c2w[:3, :3], axis=0)
        return replace(camera, c2w=c2w)

    def _add_lamps(self, camera: Camera) -> None:
        import bpy
        from mathutils import Vector

        matrix = np.array(self.mesh.matrix_world)
        face = matrix[:3, :3] @ self.base.pose.translation + matrix[:3, 3]
        for place, watts, size, color in self._setting.lamps:
            lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "AREA"))
            lamp.data.energy, lamp.data.size, lamp.data.color = watts, size, color
            lamp.location = face + place
            lamp.rotation_euler = Vector([-x for x in place]).to_track_quat("-Z", "Y").to_euler()
            self.scene.collection.objects.link(lamp)


def _own(base) -> BaseMesh:
    """Return the installed copy's base mesh as one of these modules."""
    pose = Pose(base.pose.rotation, base.pose.translation, base.pose.scale)
    return BaseMesh(load_head_model(), base.neutral, base.expressions, base.expression, pose, base.kept)


def main() -> None:
    """Make a clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photo", type=Path, help="the astronaut by default")
    parser.add_argument("--performance", choices=PERFORMANCES, default="acting")
    parser.add_argument("--setting", choices=SETTINGS, default="window")
    parser.add_argument("--hair", action="store_true", help="with hair as curves, which takes three times as long")
    parser.add_argument("--frames", type=int, help="only so many")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    photo = options.photo
    taken = from_array(astronaut(), "astronaut.png") if photo is None else decode(photo.read_bytes(), photo.name)
    result = DraftEngine().generate(taken, {}, Reporter())
    performance = PERFORMANCES[options.performance]()
    performance = Performance(performance.values[: options.frames], performance.turns[: options.frames])
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(addon_helpers.install(Path(folder)), result, SETTINGS[options.setting], options.hair)
        start = time.perf_counter()
        pictures, truth = studio.film(performance)
        truth.save(options.folder / "truth.npz")
        write_video(options.folder / "clip.mp4", pictures)
    seconds = (time.perf_counter() - start) / len(truth.times)
    print(f"{options.folder}: {len(truth.times)} frames, {seconds:.1f} s each", flush=True)


if __name__ == "__main__":
    main()
