"""Drives Blender's window through the extension, one step a tick, and asks for screenshots.

Runs inside Blender with its interface: ``blender -P tour.py -- SIGNAL PHOTO BAD_PHOTO GROUP_PHOTO``.
Whoever runs it takes a screenshot whenever the file SIGNAL appears, then deletes it.
"""

import importlib
import math
import pathlib
import sys

import bpy

SIGNAL, PHOTO, BAD_PHOTO, GROUP_PHOTO = sys.argv[sys.argv.index("--") + 1 :][:4]
jobs = importlib.import_module("bl_ext.user_default.facelift.facelift_addon.jobs")


def view():
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return window, area, {region.type: region for region in area.regions}


def shoot(settle=1.0):
    """Let Blender redraw, ask for a screenshot and wait until it was taken."""
    _, area, _ = view()
    area.tag_redraw()
    yield settle
    pathlib.Path(SIGNAL).touch()
    while pathlib.Path(SIGNAL).exists():
        yield 0.2


def wait(condition, seconds=180.0):
    """Let the extension's own timer do the work."""
    while not condition() and seconds > 0:
        seconds -= 0.1
        yield 0.1


def override():
    window, area, regions = view()
    return bpy.context.temp_override(window=window, area=area, region=regions["WINDOW"])


def script():
    _window, area, regions = view()
    space = area.spaces[0]
    space.show_region_ui = True
    bpy.context.preferences.view.smooth_view = 0
    for name in ("Cube", "Light"):
        bpy.data.objects.remove(bpy.data.objects[name])
    yield 1.0
    regions["UI"].active_panel_category = "FaceLift"
    yield from shoot()  # 1: empty panel

    with override():
        bpy.ops.facelift.choose_photo(filepath=PHOTO)
    yield from wait(lambda: not jobs.session.busy)
    yield from shoot(2.0)  # 2: crop and matte

    with override():
        bpy.ops.facelift.generate()
    yield from wait(lambda: (jobs.session.tasks[0].progress or None) and jobs.session.tasks[0].progress.fraction > 0.3)
    yield from shoot(0.2)  # 3: running
    yield from wait(lambda: not jobs.session.busy)
    yield from shoot(2.0)  # 4: Solid

    with override():
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_orbit(angle=math.radians(35), type="ORBITLEFT")
    yield from shoot(2.0)  # 5: Solid, turned
    space.shading.type = "MATERIAL"
    yield from shoot(40.0)  # 6: Material Preview

    with override():
        bpy.ops.facelift.look_through_photo()
        bpy.context.scene.facelift.color_mode = "PHOTO"
        bpy.ops.facelift.apply_render_settings()
    space.shading.type = "RENDERED"
    yield from shoot(40.0)  # 7: rendered through the photo camera

    space.shading.type = "SOLID"
    with override():
        bpy.ops.facelift.choose_photo(
            directory=str(pathlib.Path(PHOTO).parent),
            files=[{"name": pathlib.Path(name).name} for name in (BAD_PHOTO, PHOTO, PHOTO)],
        )
    yield from wait(lambda: any(task.error for task in jobs.session.tasks))
    yield 1.0
    yield from shoot(0.5)  # 8: queue with an error

    with override():
        bpy.ops.facelift.choose_photo(filepath=GROUP_PHOTO)
    yield from wait(lambda: not jobs.session.busy)
    yield from shoot(2.0)  # 9: several faces
    with override():
        bpy.ops.facelift.choose_photo(filepath=BAD_PHOTO)
    yield from wait(lambda: not jobs.session.busy)
    yield from shoot(1.0)  # 10: a photo without a face
    bpy.ops.wm.quit_blender()


running = script()
bpy.app.timers.register(lambda: next(running, None), first_interval=3.0)
