"""File > Import and File > Export of splats."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ...core import formats
from ...core.gaussians import Gaussians, concatenate
from ..splats import baking, columns, geometry, heads, placement
from .reporting import reported

FILE_GLOB = ";".join(f"*{suffix}" for suffix in formats.suffixes())

AXES = (
    ("Z_UP", "Z up", "Blender's axes, and those of FaceLift's heads"),
    ("Y_DOWN", "Y down", "The axes of 3D Gaussian splatting: most scans and viewers"),
    ("Y_UP", "Y up", "The axes of glTF and many game engines"),
)


class FACELIFT_OT_import_splats(bpy.types.Operator, ImportHelper):
    """Import Gaussian splats as point clouds that can be edited and rendered"""

    bl_idname = "facelift.import_splats"
    bl_label = "Import Splats"
    bl_options = {"REGISTER", "UNDO", "PRESET"}

    filename_ext = ".ply"
    filter_glob: StringProperty(default=FILE_GLOB, options={"HIDDEN"})
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
    frame: EnumProperty(
        name="File is",
        description="What the file's coordinates mean",
        items=(
            ("AUTO", "Detect", "A head when it fills the box of FaceLift's heads, otherwise a scan with Y down"),
            ("HEAD", "FaceLift head", "Scale to the scene's head height, with the origin at the base of the neck"),
            *AXES,
        ),
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, or ask for the options of dropped files."""
        return self.invoke_popup(context)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read the files and add an object for each."""
        paths = [Path(self.directory) / entry.name for entry in self.files if entry.name] or [Path(self.filepath)]
        # All are read before the first is added: an error leaves the scene as it was.
        for name, gaussians in [(path.name, formats.load(path)) for path in paths]:
            heads.add(
                context.scene,
                self._arrival(name, gaussians, context.scene.facelift.head_height),
                heads.view_layer_of(context, context.scene),
            )
        return {"FINISHED"}

    def _arrival(self, name: str, gaussians: Gaussians, head_height: float) -> heads.Arrival:
        frame = self.frame
        if frame == "AUTO":
            frame = "HEAD" if placement.looks_like_head(gaussians.means) else "Y_DOWN"
        to_local = placement.reference_to_local(head_height) if frame == "HEAD" else placement.AXES[frame]
        local = gaussians if np.array_equal(to_local, np.eye(4)) else gaussians.transform(to_local)
        return heads.Arrival(
            heads.name_of(name), columns.from_gaussians(local, geometry.has_float4()), to_local, local.sh_degree
        )


class FACELIFT_OT_export_splats(bpy.types.Operator, ExportHelper):
    """Export splats with their edits and transforms to a file that other splat tools open"""

    bl_idname = "facelift.export_splats"
    bl_label = "Export Splats"
    bl_options = {"PRESET"}

    filename_ext = ".ply"
    filter_glob: StringProperty(default=FILE_GLOB, options={"HIDDEN"})
    frame: EnumProperty(
        name="Axes",
        description="What the file's coordinates shall mean",
        items=(
            *AXES,
            (
                "HEAD",
                "FaceLift head",
                "As the engine made it: its unit and origin; the object's own transform is left out",
            ),
        ),
    )
    use_modifiers: BoolProperty(
        name="Apply Modifiers",
        description="Export what the object's other modifiers make of the splats",
        default=True,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Splats must be selected."""
        cls.poll_message_set("Select a head or imported splats")
        return bool(_chosen(context))

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the selected splats into one file."""
        gaussians = [self._baked(context, target) for target in _chosen(context)]
        formats.save(concatenate(gaussians), self.filepath)
        self.report({"INFO"}, f"{sum(map(len, gaussians))} splats exported")
        return {"FINISHED"}

    def _baked(self, context: bpy.types.Context, target: bpy.types.Object) -> Gaussians:
        local = baking.evaluated(context, target) if self.use_modifiers else baking.stored(target)
        if self.frame == "HEAD":
            return local.transform(np.linalg.inv(heads.placement_of(target)))
        world = np.array(target.matrix_world, np.float64)
        return local.transform(np.linalg.inv(placement.AXES[self.frame]) @ world)


def _chosen(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the selected splat objects, or the active one."""
    candidates = [*context.selected_objects, context.active_object]
    found = [target for target in candidates if target is not None and target.type == "POINTCLOUD"]
    return list(dict.fromkeys(target for target in found if geometry.is_splats(target.data)))


class FACELIFT_FH_splats(bpy.types.FileHandler):
    """Splat files dropped into the 3D View or the outliner."""

    bl_idname = "FACELIFT_FH_splats"
    bl_label = "Gaussian splats (FaceLift)"
    bl_import_operator = "facelift.import_splats"
    bl_export_operator = "facelift.export_splats"
    bl_file_extensions = ";".join(formats.suffixes())

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Where objects can be dropped."""
        return context.area is not None and context.area.type in ("VIEW_3D", "OUTLINER")


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Import."""
    menu.layout.operator(FACELIFT_OT_import_splats.bl_idname, text="Gaussian Splats (.ply)")


def draw_export(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Export."""
    menu.layout.operator(FACELIFT_OT_export_splats.bl_idname, text="Gaussian Splats (.ply)")


CLASSES = (FACELIFT_OT_import_splats, FACELIFT_OT_export_splats, FACELIFT_FH_splats)
