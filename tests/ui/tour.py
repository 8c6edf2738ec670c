"""Drives Blender's window through the extension, one step a tick, and asks for screenshots.

Runs inside Blender with its interface: ``blender -P tour.py -- SIGNAL PHOTO BAD_PHOTO GROUP_PHOTO``.
Whoever runs it takes a screenshot whenever the file SIGNAL appears, then deletes it.
"""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import window

SIGNAL, PHOTO, BAD_PHOTO, GROUP_PHOTO = sys.argv[sys.argv.index("--") + 1 :][:4]
jobs = window.module("facelift_addon.making.session")


def shoot(settle: float = 1.0) -> window.Steps:
    """Take a picture."""
    yield from window.shoot(Path(SIGNAL), settle)


def script() -> window.Steps:
    window.empty_scene()
    space = window.view()[1].spaces[0]
    yield from window.open_tab()
    yield from shoot()  # 1: empty panel

    with window.override():
        bpy.ops.facelift.choose_photo(filepath=PHOTO)
    yield from window.wait(lambda: not jobs.session.busy)
    yield from shoot(2.0)  # 2: crop and matte

    with window.override():
        bpy.ops.facelift.generate()
    yield from window.wait(
        lambda: (jobs.session.tasks[0].progress or None) and jobs.session.tasks[0].progress.fraction > 0.3
    )
    yield from shoot(0.2)  # 3: running
    yield from window.wait(lambda: not jobs.session.busy)
    yield from shoot(2.0)  # 4: Solid

    with window.override():
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_orbit(angle=math.radians(35), type="ORBITLEFT")
    yield from shoot(2.0)  # 5: Solid, turned
    space.shading.type = "MATERIAL"
    yield from shoot(40.0)  # 6: Material Preview

    with window.override():
        bpy.ops.facelift.look_through_photo()
        bpy.context.scene.facelift.color_mode = "PHOTO"
        bpy.ops.facelift.apply_render_settings()
    space.shading.type = "RENDERED"
    yield from shoot(40.0)  # 7: rendered through the photo camera

    space.shading.type = "SOLID"
    with window.override():
        bpy.ops.facelift.choose_photo(
            directory=str(Path(PHOTO).parent),
            files=[{"name": Path(name).name} for name in (BAD_PHOTO, PHOTO, PHOTO)],
        )
    yield from window.wait(lambda: not jobs.session.busy)
    yield from shoot(0.5)  # 8: several photos, one of them without a face

    with window.override():
        bpy.ops.facelift.choose_photo(filepath=GROUP_PHOTO)
    yield from window.wait(lambda: not jobs.session.busy)
    yield from shoot(2.0)  # 9: several faces
    with window.override():
        bpy.ops.facelift.choose_photo(filepath=BAD_PHOTO)
    yield from window.wait(lambda: not jobs.session.busy)
    yield from shoot(1.0)  # 10: a photo without a face


window.start(script())
