"""File > Export of the avatar: the base mesh with its expressions, texture and rig, through Blender's own writers."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import addon_utils
import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ...core.errors import FaceLiftError
from .. import paths
from ..interface.explaining import Explained
from ..reporting import reported
from . import faces, rigs
from .belonging import base_mesh_of

MENU_TEXT = "FaceLift Avatar (.glb/.obj)"
SUFFIXES = {"GLB": ".glb", "OBJ": ".obj"}
GLTF_ADDON = "io_scene_gltf2"


def _without_suffix(name: str) -> str:
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in SUFFIXES.values() else name


def _on_format_chosen(self, context: bpy.types.Context) -> None:
    """Give the name in the file browser the suffix of the chosen format."""
    suffix = SUFFIXES[self.format]
    self.filepath = _without_suffix(self.filepath) + suffix
    browser = context.space_data
    if isinstance(browser, bpy.types.SpaceFileBrowser) and browser.params is not None:
        browser.params.filename = _without_suffix(browser.params.filename) + suffix


class FACELIFT_OT_export_avatar(Explained, bpy.types.Operator, ExportHelper):
    """Export the base mesh of the active head: with its expressions, texture and rig for other programs and game engines, or as a plain mesh as it is shown"""  # noqa: E501

    bl_idname = "facelift.export_avatar"
    bl_label = "Export Avatar"
    bl_options = {"PRESET"}

    filter_glob: StringProperty(default="*.glb;*.obj", options={"HIDDEN"})
    format: EnumProperty(
        name="Format",
        description="Kind of file; the same as the suffix of its name",
        items=(
            ("GLB", "glTF Binary (.glb)", "One file: mesh, expressions as morph targets, texture, rig, animation"),
            ("OBJ", "Wavefront (.obj)", "The mesh as it is shown now: expression and pose are part of its shape"),
        ),
        update=_on_format_chosen,
    )
    use_rig: BoolProperty(name="Rig", description="Export the bones, if there is a rig", default=True)
    use_animation: BoolProperty(
        name="Animation", description="Export the keyframes of expressions and rig", default=True
    )
    use_materials: BoolProperty(name="Materials and Texture", description="Export how the mesh looks", default=True)

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
        if self.format == "GLB":
            row = layout.row()
            row.enabled = rigs.rig_of(_mesh_of(context)) is not None
            row.prop(self, "use_rig")
            layout.prop(self, "use_animation")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the file."""
        self._settle()
        mesh, path = _mesh_of(context), paths.absolute(self.filepath)
        rig = rigs.rig_of(mesh)
        with_rig = rig is not None and (self.use_rig or self.format == "OBJ")
        with _alone(context, [mesh, rig] if with_rig else [mesh]) as scene, _whole_files(path) as written:
            if self.format == "GLB":
                self._write_glb(scene, mesh, written, with_rig)
            else:
                self._write_obj(mesh, written)
        self.report({"INFO"}, f"{mesh.name} exported to {path.name}")
        return {"FINISHED"}

    def _write_glb(self, scene: bpy.types.Scene, mesh: bpy.types.Object, path: Path, with_rig: bool) -> None:
        with _gltf_writer() as write:
            write(
                filepath=str(path),
                check_existing=False,
                export_format="GLB",
                use_selection=True,
                use_active_scene=True,
                export_morph=True,
                export_morph_normal=True,
                export_skins=with_rig,
                export_def_bones=True,
                export_animations=self.use_animation and _is_animated(mesh, rigs.rig_of(mesh) if with_rig else None),
                export_materials="EXPORT" if self.use_materials else "NONE",
            )

    def _write_obj(self, mesh: bpy.types.Object, path: Path) -> None:
        bpy.ops.wm.obj_export(
            filepath=str(path),
            check_existing=False,
            export_selected_objects=True,
            apply_modifiers=True,
            export_materials=self.use_materials,
            path_mode="COPY",
        )
        if self.use_materials:
            _add_packed_textures(path.with_suffix(".mtl"), mesh)

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


def _add_packed_textures(library: Path, mesh: bpy.types.Object) -> None:
    """Write colour textures that live in the .blend beside a material library: Blender's writer leaves them out."""
    blocks = library.read_text(encoding="utf-8").split("newmtl ")
    for material in filter(None, mesh.data.materials):
        image = _color_image(material)
        if image is None or image.packed_file is None:
            continue
        name = bpy.path.clean_name(Path(image.name).stem) + ".png"
        image.save(filepath=str(library.parent / name), save_copy=True)
        for index, block in enumerate(blocks):
            if block.partition("\n")[0].strip() == material.name.replace(" ", "_") and "map_Kd" not in block:
                # Readers multiply both.
                block = re.sub(r"(?m)^Kd .*$", "Kd 1.0 1.0 1.0", block)
                blocks[index] = f"{block.rstrip()}\nmap_Kd {name}\n\n"
    library.write_text("newmtl ".join(blocks), encoding="utf-8")


def _color_image(material: bpy.types.Material) -> bpy.types.Image | None:
    """Return the image that is a material's colour, if that is all that there is to it."""
    tree = material.node_tree
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None) if tree is not None else None
    links = shader.inputs["Base Color"].links if shader is not None else ()
    return links[0].from_node.image if links and links[0].from_node.type == "TEX_IMAGE" else None


def _is_animated(*targets: bpy.types.Object | None) -> bool:
    owners = [owner for target in targets if target is not None for owner in (target, target.data)]
    owners += [owner.shape_keys for owner in owners if isinstance(owner, bpy.types.Mesh)]
    data = [owner.animation_data for owner in owners if owner is not None]
    return any(item is not None and (item.action is not None or len(item.nla_tracks)) for item in data)


@contextlib.contextmanager
def _alone(context: bpy.types.Context, targets: Sequence[bpy.types.Object]) -> Iterator[bpy.types.Scene]:
    """Make a scene for a moment in which nothing but some objects is selected; the user's stays as it is."""
    origin = context.scene
    scene = bpy.data.scenes.new("Export")
    layer = scene.view_layers[0]
    for name in ("frame_start", "frame_end", "frame_current"):
        setattr(scene, name, getattr(origin, name))
    scene.render.fps, scene.render.fps_base = origin.render.fps, origin.render.fps_base
    hidden = [target for target in targets if target.hide_viewport]
    try:
        # Writers look for the objects among their parents' children; splats are not worked out while hidden.
        for parent in {parent for target in targets for parent in _parents(target)} - set(targets):
            scene.collection.objects.link(parent)
            parent.hide_set(True, view_layer=layer)
        for target in targets:
            scene.collection.objects.link(target)
            target.hide_viewport = False
            target.select_set(True, view_layer=layer)
        layer.objects.active = targets[0]
        with context.temp_override(
            scene=scene, view_layer=layer, active_object=targets[0], object=targets[0], selected_objects=list(targets)
        ):
            yield scene
    finally:
        for target in hidden:
            target.hide_viewport = True
        bpy.data.scenes.remove(scene)


def _parents(target: bpy.types.Object) -> Iterator[bpy.types.Object]:
    while target.parent is not None:
        target = target.parent
        yield target


@contextlib.contextmanager
def _whole_files(path: Path) -> Iterator[Path]:
    """Let a file, and what belongs to it, be written elsewhere and then put in place: whole or not at all.

    Raises:
        FaceLiftError: it could not be written ("not-written"); files that were there stay.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".avatar-") as folder:
            yield Path(folder) / path.name
            written = [file for file in Path(folder).rglob("*") if file.is_file()]
            if not any(file.name == path.name for file in written):
                raise FaceLiftError(
                    f"{path.name} could not be written.", "Details are in Blender's console.", code="not-written"
                )
            for file in written:
                target = path.parent / file.relative_to(folder)
                target.parent.mkdir(exist_ok=True)
                shutil.move(file, target)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[-1]
        raise FaceLiftError(
            f"{path.name} could not be written: {reason}.", "Choose another folder.", code="not-written"
        ) from error


@contextlib.contextmanager
def _gltf_writer() -> Iterator[bpy.types.Operator]:
    """Give Blender's glTF exporter, switched on for a moment where the user switched it off.

    Raises:
        FaceLiftError: this Blender has none ("no-gltf").
    """
    _, enabled = addon_utils.check(GLTF_ADDON)
    if not enabled and addon_utils.enable(GLTF_ADDON, default_set=False) is None:
        raise FaceLiftError(
            "This Blender has no glTF exporter.", "Install Blender's own glTF add-on, or export OBJ.", code="no-gltf"
        )
    try:
        yield bpy.ops.export_scene.gltf
    finally:
        if not enabled:
            addon_utils.disable(GLTF_ADDON, default_set=False)


def draw_export(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Export."""
    menu.layout.operator(FACELIFT_OT_export_avatar.bl_idname, text=MENU_TEXT)


CLASSES = (FACELIFT_OT_export_avatar,)
