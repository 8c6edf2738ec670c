"""Operators that show heads off: the turntable in the scene, the contact sheet as a picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, FloatVectorProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ...core.errors import FaceLiftError
from ...core.gaussians import Gaussians
from ...core.geometry.framing import upright_bounds
from ...core.progress import Reporter
from ...core.rasterize import contact_sheet, render
from ...core.system.pictures import write_png
from .. import paths
from ..editing import targets
from ..interface.explaining import Explained
from ..making import errands
from ..making.timers import redraw
from ..reporting import reported
from ..splats.data import baking
from ..splats.display import native
from ..splats.scene import rendering, turntable

CONTACT_SHEET = "Rendering the contact sheet…"
"""Title of what makes one, for panels."""
FIT_SECONDS = 0.3
"""After which a new window has been drawn."""

ELEVATION = {
    "name": "Elevation",
    "description": "How far the camera looks down from above",
    "default": 0.0,
    "min": np.radians(-80.0),
    "max": np.radians(80.0),
    "subtype": "ANGLE",
}
"""Settings of a FloatProperty, in radians."""


class FACELIFT_OT_set_up_turntable(targets.OnSplatObjects, bpy.types.Operator):
    """Set up a film of the selected heads seen from all around: a camera on a pivot, lights, frames, output and render settings. Another button puts everything back"""  # noqa: E501

    bl_idname = "facelift.set_up_turntable"
    bl_label = "Set Up Turntable"
    bl_options = {"REGISTER", "UNDO"}

    seconds: FloatProperty(name="Duration", description="Seconds of one turn", default=5.0, min=0.1, soft_max=60.0)
    fps: IntProperty(name="Frame Rate", description="Frames a second", default=24, min=1, soft_max=120, max=240)
    size: IntProperty(
        name="Size",
        description="Width and height of the film; even numbers, as video wants them",
        default=1080,
        min=16,
        max=8192,
        step=2,
        subtype="PIXEL",
    )
    elevation: FloatProperty(**ELEVATION)
    output: EnumProperty(
        name="Output",
        description="What the film becomes",
        items=(
            (turntable.VIDEO, "Video", "One MP4 file"),
            (turntable.IMAGES, "Images", "One PNG file for each frame; a stopped render can be continued"),
        ),
    )
    use_lights: BoolProperty(
        name="Lights",
        description="Add three lights. Splats carry their own light; other objects and relit heads need some",
        default=True,
    )
    use_exact: BoolProperty(
        name="Exact",
        description="Film the splats without noise from the first sample on, instead of as Blender's own splats, "
        "which are faster to render but need many samples",
        default=True,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the options, as far as this Blender knows them."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("seconds", "fps", "size", "elevation", "output", "use_lights"):
            layout.prop(self, name)
        if native.is_available():
            layout.prop(self, "use_exact")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Build the turntable and look through its camera."""
        scene, chosen = context.scene, targets.targets_of(context)
        means = [subject.means for subject in _subjects(context, chosen)]
        film = turntable.Film(
            self.seconds,
            self.fps,
            self.size + self.size % 2,
            float(np.degrees(self.elevation)),
            self.output,
            turntable.proposed_path(scene, f"{chosen[0].name}_turntable"),
            self.use_lights,
            self.use_exact,
        )
        turntable.set_up(scene, upright_bounds(means), film)
        rendering.apply(scene, scene.facelift.color_mode)
        space = context.space_data
        if space is not None and space.type == "VIEW_3D":
            space.region_3d.view_perspective = "CAMERA"
        self.report({"INFO"}, f"Turntable of {film.frames} frames; Render > Render Animation writes {film.path}")
        return {"FINISHED"}


class FACELIFT_OT_remove_turntable(Explained, bpy.types.Operator):
    """Remove the turntable and put the scene's camera, frames, size and output back to what they were"""

    bl_idname = "facelift.remove_turntable"
    bl_label = "Remove Turntable"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """There must be one."""
        if not turntable.exists(context.scene):
            return "This scene has no turntable: set one up first"
        return "" if context.mode == "OBJECT" else "Go to Object Mode first"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it."""
        turntable.remove(context.scene)
        return {"FINISHED"}


class FACELIFT_OT_save_contact_sheet(targets.OnSplats, bpy.types.Operator, ExportHelper):
    """Save one picture of the selected heads seen from all around, in their own colors and without a render"""

    bl_idname = "facelift.save_contact_sheet"
    bl_label = "Save Contact Sheet"
    bl_options = {"PRESET"}
    filename_ext = ".png"

    filter_glob: StringProperty(default="*.png", options={"HIDDEN"})
    views: IntProperty(name="Views", description="Pictures of each head, once around", default=8, min=1, max=36)
    columns: IntProperty(name="Columns", description="Pictures in a row", default=4, min=1, max=36)
    size: IntProperty(
        name="Size",
        description="Width and height of one picture",
        default=512,
        min=16,
        max=2048,
        subtype="PIXEL",
    )
    elevation: FloatProperty(**ELEVATION)
    transparent: BoolProperty(name="Transparent", description="Leave out the background")
    background: FloatVectorProperty(
        name="Background",
        description="Color behind the heads",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        default=(1.0, 1.0, 1.0),
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser with a name beside the .blend file."""
        if not self.filepath:
            name = f"{targets.active_splats(context).name}_contact_sheet"
            self.filepath = bpy.path.abspath(turntable.proposed_path(context.scene, name)) + self.filename_ext
        return super().invoke(context, event)

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the options; a color only where there is a background."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("views", "columns", "size", "elevation", "transparent"):
            layout.prop(self, name)
        row = layout.row()
        row.active = not self.transparent
        row.prop(self, "background")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Render and write; from the interface in the background."""
        subjects = _subjects(context, targets.targets_of(context))
        path = paths.absolute(bpy.path.ensure_ext(self.filepath, self.filename_ext))
        layout = contact_sheet.Layout(
            self.views,
            self.columns,
            self.size,
            float(np.degrees(self.elevation)),
            None if self.transparent else tuple(self.background),
        )

        def work(reporter: Reporter) -> Path:
            return write_png(contact_sheet.contact_sheet(subjects, layout, render, reporter), path)

        if self.options.is_invoke:
            errands.start(CONTACT_SHEET, work, _show, belongs_to_file=False, heavy=True)
        else:
            self.report({"INFO"}, f"Contact sheet saved to {work(Reporter())}")
        return {"FINISHED"}


class FACELIFT_OT_cancel_errands(bpy.types.Operator):
    """Stop this. What was there before stays as it is"""

    bl_idname = "facelift.cancel_errands"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    title: StringProperty(description="Of what to stop; everything if empty", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask it to stop."""
        errands.cancel(self.title)
        redraw()
        return {"FINISHED"}


def _subjects(context: bpy.types.Context, chosen: list[bpy.types.Object]) -> list[Gaussians]:
    """Return what objects show of their splats, in the world.

    Raises:
        FaceLiftError: an object shows none ("no-splats").
    """
    subjects = []
    for target in chosen:
        local = baking.evaluated(context, target)
        if len(local) == 0:
            raise FaceLiftError(
                f"{target.name!r} has no splats to show.", "Deselect it, or reset its adjustments.", code="no-splats"
            )
        subjects.append(local.transform(np.array(target.matrix_world, np.float64)))
    return subjects


def _show(path: Path) -> str:
    """Open a finished picture in a window of its own."""
    image = bpy.data.images.load(str(path), check_existing=True)
    image.reload()
    windows = bpy.context.window_manager.windows
    if not bpy.app.background and windows:
        # Timers run without a window.
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.wm.window_new()
        area = bpy.context.window_manager.windows[-1].screen.areas[0]
        area.type = "IMAGE_EDITOR"
        area.spaces.active.image = image
        # Only a window that was drawn knows its size.
        bpy.app.timers.register(partial(_fit, image.name), first_interval=FIT_SECONDS)
    return f"Contact sheet saved to {path}"


def _fit(name: str) -> None:
    """Show a picture whole in the window that was opened last, if that still shows it."""
    window = bpy.context.window_manager.windows[-1]
    area = window.screen.areas[0]
    image = area.spaces.active.image if area.type == "IMAGE_EDITOR" else None
    if image is not None and image.name == name:
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region):
            bpy.ops.image.view_all(fit_view=True)


CLASSES = (
    FACELIFT_OT_set_up_turntable,
    FACELIFT_OT_remove_turntable,
    FACELIFT_OT_save_contact_sheet,
    FACELIFT_OT_cancel_errands,
)
