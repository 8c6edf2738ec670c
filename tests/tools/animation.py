"""Makes the README's animation: the astronaut's head looks, speaks, smiles and turns, splats and all.

``python -m tests.tools.animation OUT.webp`` in an environment of ``build.py`` (Blender as a module). The
extension is installed as a user does it; keyframes are on the expressions' sliders and the rig's
bones, the splats are what Blender's modifiers make of them, drawn by the reference rasterizer.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from core.cameras import Camera
from core.rasterize import cpu
from tests.helpers import addon as addon_helpers
from tests.helpers.avatar import add_head_with_mesh

FPS = 12
SECONDS = 6.0
SIZE = 400
BACKGROUND = (0.93, 0.93, 0.94)

FACE = {
    "eyeBlinkLeft": [(0.3, 0), (0.4, 1), (0.55, 0), (2.4, 0), (2.5, 1), (2.65, 0), (4.7, 0), (4.8, 1), (4.95, 0)],
    "jawOpen": [(2.6, 0), (2.75, 0.35), (2.95, 0.1), (3.1, 0.4), (3.35, 0.15), (3.6, 0)],
    "mouthFunnel": [(3.1, 0), (3.35, 0.25), (3.6, 0)],
    "mouthPucker": [(3.1, 0), (3.35, 0.3), (3.6, 0)],
    "browInnerUp": [(2.5, 0), (2.8, 0.6), (3.4, 0.1), (3.8, 0), (4.9, 0), (5.2, 0.4), (5.7, 0)],
}
"""(second, value) of expressions; the right eye blinks with the left."""
SMILE = [(0.0, 1), (0.6, 1), (1.2, 0), (3.5, 0), (4.1, 1), (6.0, 1)]
"""How far the photo's own expression is shown."""
LOOK = [(0.6, 0), (0.75, 0.16), (1.5, 0.16), (1.65, -0.14), (2.3, -0.14), (2.5, 0), (6.0, 0)]
"""Metres by which the target stands to the head's left."""
TURN = [(0.6, 0), (1.1, 18), (1.6, 18), (2.2, -16), (2.8, -4), (3.6, 0), (4.2, 14), (4.9, -12), (5.6, 0)]
NOD = [(2.6, 0), (2.9, 6), (3.3, -3), (3.8, 0)]
"""Degrees to the left and down, a third of it in the neck."""


def curve(keys: list[tuple[float, float]], second: float) -> float:
    """Return a value between keys, eased in and out."""
    times, values = np.array(keys, float).T
    place = np.clip(np.searchsorted(times, second) - 1, 0, len(times) - 2)
    share = np.clip((second - times[place]) / (times[place + 1] - times[place]), 0, 1)
    return float(values[place] + (values[place + 1] - values[place]) * share * share * (3 - 2 * share))


def key_frames(mesh, rig) -> None:
    """Insert the keyframes, one a frame."""
    blocks, bones = mesh.data.shape_keys.key_blocks, rig.pose.bones
    photo = {key.name: value for key, value in zip(blocks[1:], mesh["facelift_expression"], strict=True)}
    for frame in range(int(SECONDS * FPS)):
        second = frame / FPS
        smile = curve(SMILE, second)
        for name, value in photo.items():
            keys = FACE.get(name.replace("Right", "Left") if name.startswith("eyeBlink") else name)
            moved = curve(keys, second) if keys else 0.0
            blocks[name].value = min(1.0, smile * value + moved)
            blocks[name].keyframe_insert("value", frame=frame)
        yaw, pitch = np.radians([curve(TURN, second), curve(NOD, second)])
        for name, share in (("neck", 1 / 3), ("head", 2 / 3)):
            bones[name].rotation_euler = (share * pitch, share * yaw, 0.0)
            bones[name].keyframe_insert("rotation_euler", frame=frame)
        bones["look_at"].location.x = curve(LOOK, second)
        bones["look_at"].keyframe_insert("location", index=0, frame=frame)


def draw(extension, head) -> list[Image.Image]:
    """Return a picture of each frame."""
    import bpy

    baking = extension.module("facelift_addon.splats.data.baking")
    middle = np.array([0.0, -0.01, 0.125])
    camera = Camera.orbit(277.0, 3.0, radius=0.75, fov=31.0, size=SIZE)
    placed = np.eye(4)
    placed[:3, 3] = middle
    camera = camera.moved(placed)
    pictures = []
    for frame in range(int(SECONDS * FPS)):
        bpy.context.scene.frame_set(frame)
        picture = cpu.render(baking.evaluated(bpy.context, head), camera, background=BACKGROUND)
        pictures.append(Image.fromarray(picture.to_uint8()))
        print(f"frame {frame}", flush=True)
    return pictures


def main() -> None:
    """Make the animation."""
    import bpy

    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        bpy.ops.wm.read_homefile(use_empty=True)
        head, mesh = add_head_with_mesh(extension, few=False)
        bpy.ops.facelift.bind_to_mesh()
        bpy.context.view_layer.objects.active = mesh
        bpy.ops.facelift.add_rig()
        bpy.context.scene.render.fps = FPS
        key_frames(mesh, bpy.context.active_object)
        pictures = draw(extension, head)
    pictures[0].save(
        target, save_all=True, append_images=pictures[1:], duration=1000 // FPS, loop=0, quality=75, method=6
    )
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB, {len(pictures)} frames", flush=True)


if __name__ == "__main__":
    main()
