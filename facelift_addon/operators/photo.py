"""Operators that choose the photo."""

from __future__ import annotations

from dataclasses import replace

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

from ...core.engines.capture import PORTRAIT
from ...core.errors import FaceLiftError
from .. import paths
from ..editing import targets
from ..interface.dropping import is_over_view
from ..interface.explaining import Explained
from ..making import together
from ..making.orders import order_for, order_of_shot
from ..making.session import session
from ..making.tasks import Order
from ..making.timers import wake
from ..photo import editing as photo_editing
from ..photo import lenses
from ..photo.photos import PhotoSource
from ..reporting import reported
from ..splats.data import recipes

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif")
"""Offered in the file browser."""


def choose(context: bpy.types.Context, sources: list[PhotoSource]) -> None:
    """Photos are shown before anything is made of them, one or several."""
    session.choose(*(order_for(context, source) for source in sources))
    wake()


def add(context: bpy.types.Context, sources: list[PhotoSource]) -> None:
    """Put photos to those that are chosen; :mod:`..making.together` says what becomes of them."""
    settings = context.scene.facelift
    photo_editing.take_painted(session)
    if len(session.photos) == 1 and together.takes(settings.engine).shots > 1:
        together.join(settings)
    orders = (order_for(context, source) for source in sources)
    # How near the camera stood says nothing about another photo.
    session.add(*(without_lens(order) for order in orders) if session.together else orders)
    wake()


def without_lens(order: Order) -> Order:
    """Return an order that leaves the lens of its photo to be found out."""
    return replace(order, capture=order.capture.with_portrait(options=lenses.leave_out(order.options)))


class _TakesFiles:
    """Mix-in of operators that are given photos as files."""

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

    def take(self, context: bpy.types.Context, adding: bool) -> set[str]:
        """Take the files, in place of what was chosen or to it."""
        files = paths.chosen(self)
        if not files:
            self.report({"ERROR"}, "No photo was chosen.")
            return {"CANCELLED"}
        sources = [PhotoSource.from_file(str(path)) for path in files]
        (add if adding and session.photos else choose)(context, sources)
        return {"FINISHED"}


class FACELIFT_OT_choose_photo(_TakesFiles, bpy.types.Operator):
    """Choose one or several photos: of one person for one head, or of several for a head of each"""

    bl_idname = "facelift.choose_photo"
    bl_label = "Choose Photo"
    bl_options = {"INTERNAL"}

    add: BoolProperty(
        name="Add", description="Put the photos to those that are chosen", options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Open the file browser, unless a file was named."""
        if self.filepath or self.files:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take the files."""
        return self.take(context, self.add)


class FACELIFT_OT_find_photo(Explained, _TakesFiles, bpy.types.Operator):
    """Choose where the shown photo is now: its side, crop, matte and placement stay. One that Blender found again, or that was put back, is taken at once"""  # noqa: E501

    bl_idname = "facelift.find_photo"
    bl_label = "Find Photo…"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """It must be gone."""
        return "" if session.photo is not None and session.photo.is_gone else "The photo is where it was"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask, unless it is there again."""
        path = session.photo.order.source.found_again().path
        if path is not None and not path.is_file():
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return self.execute(context)

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Look at it again, where it is now."""
        order, files = session.photo.order, paths.chosen(self)
        found = PhotoSource.from_file(str(files[0])) if files else order.source.found_again()
        session.change_photo(replace(order, capture=order.capture.with_photos((found,))))
        wake()
        return {"FINISHED"}


class FACELIFT_OT_drop_photo(_TakesFiles, bpy.types.Operator):
    """Take dropped photos: to those in the list where that is one person's, else in place of what was chosen"""

    bl_idname = "facelift.drop_photo"
    # What the chooser of file handlers shows when a picture is dropped, beside Blender's own ways to use it.
    bl_label = "3D Head from Photo"
    bl_options = {"INTERNAL"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take them. Whoever drops photos while some of one person are listed goes on collecting."""
        return self.take(context, session.together)


class FACELIFT_OT_choose_head_photos(targets.OnMadeHead, bpy.types.Operator):
    """Put the photos of the active head into the panel again with their crops, mattes and sides, for example to add another one"""  # noqa: E501

    bl_idname = "facelift.choose_head_photos"
    bl_label = "Choose Its Photos Again"
    bl_options = {"INTERNAL"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Choose those that are where they were, and tell of the others."""
        head = targets.active_splats(context)
        recorded, shots = recipes.of(head).capture.photos, recipes.shots_of(head)
        gone = [photo.name for photo, shot in zip(recorded, shots, strict=True) if shot.photo is None]
        found = [shot for shot in shots if shot.photo is not None]
        if not found:
            raise FaceLiftError(
                f"Not where they were: {', '.join(gone)}.", "Choose the photos from where they are now."
            )
        photo_editing.take_painted(session)
        orders = (order_of_shot(context, replace(shot, role=PORTRAIT)) for shot in found)
        session.choose(*orders, together=len(found) > 1)
        lenses.take(context.scene.facelift, found[0].options)
        wake()
        if gone:
            self.report({"WARNING"}, f"Not where they were, and left away: {', '.join(gone)}")
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
        order = order.with_edits(replace(order.edits, crop=None)).with_options(face=self.face)
        session.change_photo(order_of_shot(context, order.capture.portrait))
        wake()
        return {"FINISHED"}


class FACELIFT_OT_move_photo(Explained, bpy.types.Operator):
    """Move the photo in the list. The first that shows the face is the portrait, whose expression and look the head takes"""  # noqa: E501

    bl_idname = "facelift.move_photo"
    bl_label = "Move Photo"
    bl_options = {"INTERNAL"}

    direction: EnumProperty(
        items=(("UP", "Up", "Towards the portrait"), ("DOWN", "Down", "Away from the portrait")),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """There must be an order."""
        return "" if len(session.photos) > 1 else "Add another photo first"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Move the shown one."""
        session.move_photo(session.photo, -1 if self.direction == "UP" else 1)
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
        settings, of_one_person = context.scene.facelift, session.together
        session.put_away(session.find_photo(self.photo) or session.photo)
        if of_one_person and not session.together:
            together.separate(settings)
        settings.image = None
        wake()
        return {"FINISHED"}


class FACELIFT_FH_photo(bpy.types.FileHandler):
    """Photos dropped into the 3D View."""

    bl_idname = "FACELIFT_FH_photo"
    bl_label = "3D head from photo (FaceLift)"
    bl_import_operator = "facelift.drop_photo"
    bl_file_extensions = ";".join(PHOTO_SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Only in the 3D View."""
        return is_over_view(context)


def draw_add(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to the 3D View's Add menu, which runs operators without asking unless told otherwise."""
    column = menu.layout.column()
    column.operator_context = "INVOKE_DEFAULT"
    column.separator()
    column.operator(FACELIFT_OT_choose_photo.bl_idname, text="3D Head from Photo…", icon="USER")


CLASSES = (
    FACELIFT_OT_choose_photo,
    FACELIFT_OT_find_photo,
    FACELIFT_OT_drop_photo,
    FACELIFT_OT_choose_head_photos,
    FACELIFT_OT_use_image,
    FACELIFT_OT_choose_face,
    FACELIFT_OT_move_photo,
    FACELIFT_OT_clear_photo,
    FACELIFT_FH_photo,
)
