"""Makes the README's picture of lit heads: ``python -m tests.tools.lit_picture OUT.png [SIZE SAMPLES]``.

The astronaut's head, a ring around it and a room, under one lamp at the left and at the right, in Cycles. In an
environment of ``build.py`` (Blender as a module); the extension is installed as a user does it.
"""

from __future__ import annotations

import sys
import tempfile
from math import radians
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from core.engines.draft.engine import DraftEngine
from core.photo.decode import from_array
from core.progress import Reporter
from tests.helpers import addon as addon_helpers

SIZE, SAMPLES = 320, 32
WALL = 2.2
LAMP = (2.6, -2.6, 1.9)
ORANGE, GREY = (0.8, 0.16, 0.04, 1), (0.45, 0.47, 0.5, 1)


def main() -> None:
    """Render both pictures and put them side by side."""
    import bpy

    out, *numbers = sys.argv[1:]
    size, samples = map(int, numbers or (SIZE, SAMPLES))
    head = DraftEngine().generate(from_array(data.astronaut(), "astronaut.png"), {}, Reporter()).gaussians
    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        bpy.ops.wm.read_homefile(use_empty=True)
        addon_helpers.add_splats(extension, head)
        scene = bpy.context.scene
        scene.facelift.color_mode = "LIT"
        extension.module("facelift_addon.splats.scene.rendering").apply(scene, "LIT")
        _add_room(scene, float(np.percentile(head.means[:, 2], 0.5)))
        lamp = _add_lamp(scene)
        scene.render.engine = "CYCLES"
        scene.cycles.samples, scene.cycles.use_denoising = samples, False
        scene.render.resolution_x, scene.render.resolution_y = size, round(0.9 * size)
        sheet = Image.new("RGB", (2 * size, round(0.9 * size)))
        for place, side in enumerate((-1, 1)):
            lamp.location.x = side * LAMP[0]
            scene.render.filepath = str(Path(folder) / f"{place}.png")
            bpy.ops.render.render(write_still=True)
            with Image.open(scene.render.filepath) as picture:
                sheet.paste(picture.convert("RGB"), (place * size, 0))
    sheet.save(out, optimize=True)


def _add_room(scene, floor: float) -> None:
    """Add a floor at a height, wall, ring, camera and a little light from everywhere."""
    import bpy

    bpy.ops.mesh.primitive_plane_add(size=14, location=(0, 0, floor))
    _paint(bpy.context.object, GREY)
    bpy.ops.mesh.primitive_plane_add(size=14, location=(0, WALL, 0), rotation=(radians(90), 0, 0))
    _paint(bpy.context.object, GREY)
    turn = (radians(68), 0, radians(-12))
    bpy.ops.mesh.primitive_torus_add(
        location=(0.05, 0, -0.25), rotation=turn, major_radius=0.86, minor_radius=0.05, major_segments=96
    )
    bpy.ops.object.shade_smooth()
    _paint(bpy.context.object, ORANGE)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (1.4, -4.2, 0.05), (radians(88), 0, radians(18.5))
    camera.data.lens = 46
    scene.camera = camera
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.12, 0.12, 0.13)


def _add_lamp(scene):
    """Add the one lamp."""
    import bpy

    lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "AREA"))
    lamp.data.energy, lamp.data.size = 260, 0.7
    lamp.location = LAMP
    scene.collection.objects.link(lamp)
    aim = lamp.constraints.new("TRACK_TO")
    aim.target = next(target for target in scene.objects if target.type == "POINTCLOUD")
    return lamp


def _paint(target, color) -> None:
    """Give an object a matt material."""
    import bpy

    material = bpy.data.materials.new(target.name)
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = color
    material.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.7
    target.data.materials.append(material)


if __name__ == "__main__":
    main()
