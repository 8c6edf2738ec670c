"""File > Export of the avatar: the base mesh with its expressions, texture and rig, through Blender's own writers."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ...core.avatar.handoff.lods import SHARES
from ...core.avatar.handoff.seam import End
from ...core.errors import FaceLiftError
from .. import paths
from ..interface.explaining import Explained
from ..reporting import reported
from . import base_objects, faces, rigs
from .belonging import base_mesh_of
from .companions import companions_of
from .exporting_maps import shows_texture
from .exporting_meta import VrmMeta
from .exporting_stage import whole_files
from .exporting_writers import WRITERS, Wanted

MENU_TEXT = "FaceLift Avatar (.glb/.fbx/.vrm/.obj)"
SUFFIXES = {"GLB": ".glb", "OBJ": ".obj", "FBX": ".fbx", "VRM": ".vrm"}


def _without_suffix(name: str) -> str:
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in SUFFIXES.values() else name


def _on_format_chosen(self, context: bpy.types.Context) -> None:
    """Give the name in the file browser the suffix of the chosen format."""
    suffix = SUFFIXES[self.format]
    self.filepath = _without_suffix(self.filepath) + suffix
    browser = context.space_data
    if isinstance(browser, bpy.types.SpaceFileBrowser) and browser.params is not None:
        browser.params.filename = _without_suffix(browser.params.filename) + suffix


class FACELIFT_OT_export_avatar(Explained, VrmMeta, bpy.types.Operator, ExportHelper):
    """Export the base mesh of the active head: with its expressions, texture and rig for other programs and game engines, or as a plain mesh as it is shown"""  # noqa: E501

    bl_idname = "facelift.export_avatar"
    bl_label = "Export Avatar"
    bl_options = {"PRESET"}

    filter_glob: StringProperty(default="*.glb;*.fbx;*.vrm;*.obj", options={"HIDDEN"})
    format: EnumProperty(
        name="Format",
        description="Kind of file; the same as the suffix of its name",
        items=(
            ("GLB", "glTF Binary (.glb)", "One file: mesh, expressions as morph targets, texture, rig, animation"),
            ("OBJ", "Wavefront (.obj)", "The mesh as it is shown now: expression and pose are part of its shape"),
            ("FBX", "FBX (.fbx)", "As Unity and Unreal like it: centimetres, Y up; mesh, expressions, rig, animation"),
            (
                "VRM",
                "VRM 1.0 (.vrm)",
                "An avatar for VTubers' tools: at rest, with expressions and a body's bones",
            ),
        ),
        update=_on_format_chosen,
    )
    use_rig: BoolProperty(name="Rig", description="Export the bones, if there is a rig", default=True)
    use_animation: BoolProperty(
        name="Animation", description="Export the keyframes of expressions and rig", default=True
    )
    use_cards: BoolProperty(name="Hair Cards", description="Export the hair cards, if there are any", default=True)
    use_materials: BoolProperty(name="Materials", description="Export how the mesh looks", default=True)
    texture: EnumProperty(
        name="Texture",
        description="What the exported base mesh shows",
        items=(
            (
                "DELIT",
                "Delit, with Maps",
                "The texture without the smooth shading of the photo's light, how rough skin, eyes and mouth are, and "
                "pores and lines as a normal map",
            ),
            ("SHOWN", "As Shown", "The materials as they are"),
        ),
    )
    end: EnumProperty(
        name="Lower End",
        description="Where the exported base mesh ends",
        items=(
            ("SPLATS", "As the Head", "Where the head's splats end"),
            ("COLLAR", "Collar", "At a clean loop where the neck widens into the shoulders"),
            (
                "NECK",
                "MakeHuman Neck Ring",
                "At a loop in the middle of the neck that bodies of MakeHuman and MPFB have, too: the same 42 vertices",
            ),
        ),
    )
    lods: IntProperty(
        name="Levels of Detail",
        description="Further meshes with half, a quarter and a tenth of the triangles, named for LOD groups. They keep "
        "texture coordinates, weights and all expressions",
        default=0,
        min=0,
        max=len(SHARES),
    )

    @property
    def filename_ext(self) -> str:
        """The suffix that ExportHelper gives to the name it proposes."""
        return SUFFIXES[self.format]

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A base mesh must be there, outside Edit Mode."""
        if _mesh_of(context) is None:
            return "Select a head with a base mesh, its base mesh or its rig"
        return "" if context.mode in ("OBJECT", "POSE") else "Go to Object Mode or Pose Mode first"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, with the name of the mesh."""
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path()
            self.filepath = str(folder / (bpy.path.clean_name(_mesh_of(context).name) + self.filename_ext))
        return super().invoke(context, event)

    def check(self, _context: bpy.types.Context) -> bool:
        """Keep name and format in step: a typed suffix chooses the format, a missing one is added."""
        before = self.filepath, self.format
        self._settle()
        return (self.filepath, self.format) != before

    def draw(self, context: bpy.types.Context) -> None:
        """Draw what the format can hold."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "format")
        layout.prop(self, "use_materials")
        if self.format != "OBJ":
            row = layout.row()
            row.enabled = self.use_materials and shows_texture(_mesh_of(context))
            row.prop(self, "texture")
        row = layout.row()
        row.enabled = bool(companions_of(_mesh_of(context)))
        row.prop(self, "use_cards")
        row = layout.row()
        row.enabled = base_objects.is_base_mesh(_mesh_of(context))
        row.prop(self, "end")
        if self.format == "VRM":
            self.draw_meta(layout)
        elif self.format != "OBJ":
            row = layout.row()
            row.enabled = rigs.rig_of(_mesh_of(context)) is not None
            row.prop(self, "use_rig")
            layout.prop(self, "use_animation")
            layout.prop(self, "lods")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the file."""
        self._settle()
        mesh, path = _mesh_of(context), paths.absolute(self.filepath)
        rig = rigs.rig_of(mesh)
        if self.format == "VRM" and rig is None:
            raise FaceLiftError("A VRM avatar needs bones.", "Press Add Rig, then export again.", code="no-rig")
        wanted = Wanted(
            mesh=mesh,
            rig=rig if self.use_rig or self.format in ("OBJ", "VRM") else None,
            companions=companions_of(mesh) if self.use_cards else (),
            materials=self.use_materials,
            animation=self.use_animation,
            end=End(self.end),
            delit=self.texture == "DELIT" and self.format != "OBJ",
            lods=self.lods if self.format in ("GLB", "FBX") else 0,
            meta=self.meta(mesh) if self.format == "VRM" else None,
        )
        with whole_files(path) as written:
            WRITERS[self.format](context, wanted, written)
        self.report({"INFO"}, f"{mesh.name} exported to {path.name}")
        return {"FINISHED"}

    def _settle(self) -> None:
        """Bring name and format into agreement."""
        suffix = Path(self.filepath).suffix.lower()
        kind = next((kind for kind, known in SUFFIXES.items() if known == suffix), None)
        if kind is None:
            self.filepath += self.filename_ext
        elif kind != self.format:
            self.format = kind


def _mesh_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """Return the base mesh, or another mesh with ARKit's expressions, that the active object is, has or moves."""
    return base_mesh_of(context.active_object) or faces.face_of(context.active_object)


def draw_export(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Export."""
    menu.layout.operator(FACELIFT_OT_export_avatar.bl_idname, text=MENU_TEXT)


CLASSES = (FACELIFT_OT_export_avatar,)
