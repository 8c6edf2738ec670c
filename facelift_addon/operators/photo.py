"""Operators that choose the photo."""

from __future__ import annotations

from dataclasses import replace

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

from .. import paths
from ..interface.explaining import Explained
from ..making.orders import order_for
from ..making.session import session
from ..making.timers import wake
from ..photo import editing as photo_editing
from ..photo.photos import PhotoSource
from ..reporting import reported

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif")
"""Offered in the file browser."""


def choose(context: bpy.types.Context, sources: list[PhotoSource]) -> None:
    """Photos are shown before anything is made of them, one or several."""
    session.choose(*(order_for(context, source) for source in sources))
    wake()


class FACELIFT_OT_choose_photo(bpy.types.Operator):
    """Choose one or several portrait photos. Generate then makes a head of each"""

    bl_idname = "facelift.choose_photo"
    # What the chooser of file handlers shows when a picture is dropped, beside Blender's own ways to use it.
    bl_label = "3D Head from Photo"
    bl_options = {"INTERNAL"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
    # Photos are chosen by what they show. The file browser takes these from an operator that has them.
    display_type: EnumProperty(
        items=(
            ("DEFAULT", "Default", ""),
            ("LIST_VERTICAL", "Short List", ""),
            ("LIST_HORIZONTAL", "Long List", ""),
            ("THUMBNAIL", "Thumbnails", ""),
        ),
        default="THUMBNAIL",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{suffix}" for suffix in PHOTO_SUFFIXES), options={"HIDDEN"})
    # There is nothing to set: the room is for pictures.
    hide_props_region: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Open the file browser, unless a file was dropped."""
        if self.filepath or self.files:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take the files."""
        files = paths.chosen(self)
        if not files:
            self.report({"ERROR"}, "No photo was chosen.")
            return {"CANCELLED"}
        choose(context, [PhotoSource.from_file(str(path)) for path in files])
        return {"FINISHED"}


class FACELIFT_OT_use_image(bpy.types.Operator):
    """Use an image of this file as the photo"""

    bl_idname = "facelift.use_image"
    bl_label = "Use Image"
    bl_options = {"INTERNAL"}

    image: StringProperty(name="Image", options={"SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take the image."""
        image = bpy.data.images.get(self.image)
        if image is None:
            self.report({"ERROR"}, f"There is no image named {self.image!r}.")
            return {"CANCELLED"}
        choose(context, [PhotoSource.from_image(image)])
        return {"FINISHED"}


class FACELIFT_OT_choose_face(Explained, bpy.types.Operator):
    """Use this face; faces are numbered from the largest to the smallest"""

    bl_idname = "facelift.choose_face"
    bl_label = "Choose Face"
    bl_options = {"INTERNAL"}

    face: IntProperty(name="Face", min=0, options={"SKIP_SAVE"})

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """A photo is needed."""
        return "" if session.photo is not None else "Choose a photo first"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Prepare the photo again with the other face."""
        photo_editing.take_painted(session)
        order = session.photo.order
        # A crop is about one face; what was painted is about the photo.
        edits = replace(order.edits, crop=None)
        session.change_photo(order_for(context, order.source, face=self.face, edits=edits))
        wake()
        return {"FINISHED"}


class FACELIFT_OT_show_photo(bpy.types.Operator):
    """Look at what was found in this photo"""

    bl_idname = "facelift.show_photo"
    bl_label = "Show Photo"
    bl_options = {"INTERNAL"}

    photo: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Show it."""
        shown = session.find_photo(self.photo)
        if shown is None:
            return {"CANCELLED"}
        session.photo = shown
        return {"FINISHED"}


class FACELIFT_OT_clear_photo(Explained, bpy.types.Operator):
    """Put the photo away"""

    bl_idname = "facelift.clear_photo"
    bl_label = "Clear Photo"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """A photo is needed."""
        return "" if session.photo is not None else "No photo is chosen"

    photo: StringProperty(description="Of several photos, the one", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget the photo."""
        session.put_away(session.find_photo(self.photo) or session.photo)
        context.scene.facelift.image = None
        return {"FINISHED"}


class FACELIFT_FH_photo(bpy.types.FileHandler):
    """Photos dropped into the 3D View."""

    bl_idname = "FACELIFT_FH_photo"
    bl_label = "3D head from photo (FaceLift)"
    bl_import_operator = "facelift.choose_photo"
    bl_file_extensions = ";".join(PHOTO_SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Only in the 3D View."""
        return context.area is not None and context.area.type == "VIEW_3D"


def draw_add(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to the 3D View's Add menu, which runs operators without asking unless told otherwise."""
    column = menu.layout.column()
    column.operator_context = "INVOKE_DEFAULT"
    column.separator()
    column.operator(FACELIFT_OT_choose_photo.bl_idname, text="3D Head from Photo…", icon="USER")


CLASSES = (
    FACELIFT_OT_choose_photo,
    FACELIFT_OT_use_image,
    FACELIFT_OT_choose_face,
    FACELIFT_OT_show_photo,
    FACELIFT_OT_clear_photo,
    FACELIFT_FH_photo,
)
