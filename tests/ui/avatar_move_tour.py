"""Moves the base mesh of a head in Blender's window: sliders, rig, a recording, the export dialog.

Runs inside Blender with its interface: ``blender -P avatar_move_tour.py -- FOLDER PHOTO RECORDING``.
Whenever a picture of the screen is wanted, the file ``FOLDER/shoot`` appears; whoever takes it
removes that.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import window
from mathutils import Euler

FOLDER, PHOTO, RECORDING = (Path(word) for word in sys.argv[sys.argv.index("--") + 1 :])
VIEW_ANGLES = (1.5, 0.0, 0.3)
facelift = bpy.ops.facelift


def shoot(settle: float = 1.0) -> window.Steps:
    yield from window.shoot(FOLDER / "shoot", settle)


def make_mesh() -> window.Steps:
    """Make the head and its base mesh, and bind the splats."""
    window.empty_scene()
    jobs, errands = (window.module(f"facelift_addon.making.{name}") for name in ("session", "errands"))
    with window.override():
        facelift.choose_photo(filepath=str(PHOTO))
        facelift.generate()
    yield from window.wait(lambda: not jobs.session.busy)
    yield 1.0
    bpy.context.preferences.view.ui_scale = 0.8
    with window.override():
        facelift.clear_photo()
        facelift.fit_base_mesh(expression="NEUTRAL")
    yield from window.wait(lambda: not errands._errands)
    with window.override():
        facelift.bind_to_mesh()
    yield from window.wait(lambda: not errands._errands)
    space = window.view()[1].spaces[0]
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.overlay.show_cursor = space.overlay.show_outline_selected = space.overlay.show_relationship_lines = False
    space.overlay.show_text = False
    space.shading.color_type = "MATERIAL"
    view = space.region_3d
    view.view_perspective, view.view_rotation = "PERSP", Euler(VIEW_ANGLES).to_quaternion()
    view.view_location, view.view_distance = (0.03, 0.0, 0.12), 0.6
    for camera in bpy.data.cameras:
        camera.display_size = 1e-4


def import_in_background(mesh: bpy.types.Object) -> window.Steps:
    """Import as the dialog does when it is confirmed: read in a thread, added by Blender's timer."""
    performances = window.module("facelift_addon.avatar.performances")
    errands = window.module("facelift_addon.making.errands")
    name = mesh.name
    errands.start(
        "Reading…",
        lambda _reporter: performances.load_recording(RECORDING),
        lambda read: performances.add_take(performances.Take(RECORDING.stem, read), name, {}),
        belongs_to_file=True,
    )
    yield from window.wait(lambda: not errands._errands)
    action = bpy.data.objects[name].data.shape_keys.animation_data.action
    assert action.name.startswith(RECORDING.stem), action


def tour() -> window.Steps:
    """One picture after another."""
    yield from make_mesh()
    yield from window.open_tab()
    area = window.view()[1]
    with window.override():
        facelift.set_expression("EXEC_DEFAULT", True, preset="Surprise")
    yield from shoot(8.0)  # 1: sliders
    head = bpy.context.active_object
    mesh = window.module("facelift_addon.avatar.base_objects").find(head)
    with window.override():
        facelift.show_only("EXEC_DEFAULT", True, kind="BASE_MESH")
    bpy.context.scene.facelift_expressions.search = "smile"
    yield from shoot()  # 2: searched for
    bpy.context.scene.facelift_expressions.search = ""
    bpy.context.scene.facelift_expressions.link_sides = True
    area.tag_redraw()
    yield 1.0
    mesh.data.shape_keys.key_blocks["eyeBlinkLeft"].value = 0.8
    yield from shoot()  # 3: the right eye blinks too, by the message bus
    with window.override():
        facelift.reset_expressions("EXEC_DEFAULT", True)
        facelift.add_rig("EXEC_DEFAULT", True)
        facelift.pose_rig("EXEC_DEFAULT", True)
    rig = bpy.context.active_object
    yield from shoot()  # 4: the rig
    rig.pose.bones["head"].rotation_euler = (0.1, 0.5, 0.0)
    rig.pose.bones["neck"].rotation_euler = (0.0, 0.2, 0.0)
    rig.pose.bones["jaw"].rotation_euler = (0.25, 0.0, 0.0)
    rig.pose.bones["look_at"].location.x = -0.12
    yield from shoot()  # 5: posed
    with window.override():
        facelift.show_only("EXEC_DEFAULT", True, kind="SPLATS")
        facelift.set_expression("EXEC_DEFAULT", True, preset="Smile", strength=0.6)
    rig.pose.bones["jaw"].rotation_euler = (0.1, 0.0, 0.0)
    rig.pose.bones["head"].rotation_euler = (0.0, -0.25, -0.1)
    rig.pose.bones["neck"].rotation_euler = (0.0, -0.1, 0.0)
    yield from shoot(8.0)  # 6: the splats in a pose
    with window.override():
        facelift.pose_rig("EXEC_DEFAULT", True)
    yield from import_in_background(mesh)
    with window.override():
        facelift.import_recording("INVOKE_DEFAULT", filepath=str(RECORDING))
    yield from shoot()  # 7: the options of a dropped recording


window.start(tour())
