"""Shows splats in the 3D View of a running Blender and writes down what a renderer needs to draw the same.

Run by a Blender with a window, in which the extension is enabled:

    blender -P tests/ui/viewport_views.py -- FOLDER

``FOLDER/head.ply`` is shown in every view of :func:`views`. When a view stands, the file
``FOLDER/shoot`` appears; whoever takes the picture of the screen removes it. ``FOLDER/views.json``
holds, for each picture, the region on the screen and the matrices of its view.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy
from mathutils import Euler, Matrix

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
SETTLE_SECONDS = 2.0
COMPILE_SECONDS = 25.0
"""Material Preview compiles its shaders first."""
STRETCHED = Matrix.Rotation(0.3, 4, "Y") @ Matrix.Diagonal((0.8, 1.1, 1.3, 1.0))


def views():
    """Yield name, shading, perspective, view angles and the head's matrix of each picture."""
    front = (1.5708, 0.0, 0.0)
    side = (1.35, 0.0, 0.7)
    yield "solid", "SOLID", "PERSP", front, Matrix()
    yield "solid_side", "SOLID", "PERSP", side, Matrix()
    yield "wireframe", "WIREFRAME", "PERSP", side, Matrix()
    yield "orthographic", "SOLID", "ORTHO", side, Matrix()
    yield "stretched", "SOLID", "PERSP", side, STRETCHED
    yield "camera", "SOLID", "CAMERA", front, Matrix()
    yield "material", "MATERIAL", "PERSP", side, Matrix()


def script():
    """Set up the views, one a picture."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    space = area.spaces[0]
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.object.select_all(action="SELECT")
        bpy.ops.object.delete()
        bpy.ops.facelift.import_splats(filepath=str(FOLDER / "head.ply"), frame="HEAD")
    head = bpy.context.view_layer.objects.active
    head.select_set(False)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    camera.data.show_passepartout = False
    camera.matrix_world = Matrix.Translation((0.05, -0.8, 0.15)) @ Euler((1.5708, 0.0, 0.06)).to_matrix().to_4x4()
    bpy.context.scene.camera = camera
    space.overlay.show_overlays = False
    space.show_gizmo = False
    space.show_region_toolbar = space.show_region_header = space.show_region_tool_header = False
    yield SETTLE_SECONDS
    described = []
    for name, shading, perspective, angles, matrix in views():
        space.shading.type = shading
        space.region_3d.view_perspective = perspective
        space.region_3d.view_rotation = Euler(angles).to_quaternion()
        space.region_3d.view_location = (0.0, 0.0, 0.12)
        space.region_3d.view_distance = 0.8
        head.matrix_world = matrix
        yield COMPILE_SECONDS if shading == "MATERIAL" else SETTLE_SECONDS
        described.append(
            {
                "name": name,
                "region": [region.x, region.y, region.width, region.height],
                "screen_height": window.height,
                "view": [list(row) for row in space.region_3d.view_matrix],
                "projection": [list(row) for row in space.region_3d.window_matrix],
                "object": [list(row) for row in head.matrix_world],
                "to_local": [list(head["facelift_placement"][row : row + 4]) for row in range(0, 16, 4)],
                "drawing": bpy.context.scene.facelift_viewport.drawing,
            }
        )
        (FOLDER / "views.json").write_text(json.dumps(described))
        (FOLDER / "shoot").touch()
        while (FOLDER / "shoot").exists():
            yield 0.5
    bpy.ops.wm.quit_blender()


running = script()
bpy.app.timers.register(lambda: next(running, None), first_interval=3.0)
