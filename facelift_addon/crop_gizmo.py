"""Handles of the crop on the photo, in the Image Editor that shows it."""

from __future__ import annotations

import bpy
from mathutils import Matrix

from ..core.photo.edits import LARGEST_CROP, SMALLEST_CROP, Crop
from . import photo_editing
from .jobs import session
from .timers import wake


def shows_photo(context: bpy.types.Context) -> bool:
    """Whether the context's Image Editor shows the chosen photo."""
    space = context.space_data
    shown = getattr(space, "image", None)
    return shown is not None and photo_editing.SHOWN_KEY in shown and session.photo is not None


class FACELIFT_GGT_crop(bpy.types.GizmoGroup):
    """A square to move and to scale."""

    bl_idname = "FACELIFT_GGT_crop"
    bl_label = "Crop of the Photo"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "WINDOW"
    bl_options = {"PERSISTENT", "SCALE"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while painting: handles would be in the way."""
        return (
            shows_photo(context) and context.space_data.ui_mode == "VIEW" and photo_editing.crop_of(session) is not None
        )

    def setup(self, _context: bpy.types.Context) -> None:
        """Make the square."""
        cage = self.gizmos.new("GIZMO_GT_cage_2d")
        cage.draw_style = "BOX"
        cage.transform = {"TRANSLATE", "SCALE", "SCALE_UNIFORM"}
        cage.color, cage.alpha = (1.0, 0.6, 0.1), 0.9
        cage.color_highlight, cage.alpha_highlight = (1.0, 0.8, 0.4), 1.0
        cage.line_width = 2
        cage.use_draw_modal = True
        cage.target_set_handler("matrix", get=_values, set=_moved)
        self.cage = cage

    def draw_prepare(self, context: bpy.types.Context) -> None:
        """Follow the view: the square's unit is the photo's width."""
        to_region = context.region.view2d.view_to_region
        left, bottom = to_region(0, 0, clip=False)
        right, _ = to_region(1, 0, clip=False)
        scale = max(right - left, 1)
        self.cage.matrix_basis = Matrix.Translation((left, bottom, 0)) @ Matrix.Scale(scale, 4)


def _aspect() -> float:
    """Return the photo's height in widths."""
    width, height = photo_editing.image().size
    return height / width


def _values() -> tuple[float, ...]:
    crop = photo_editing.crop_of(session)
    if crop is None or photo_editing.image() is None:
        return tuple(value for row in Matrix.Identity(4) for value in row)
    place = Matrix.Translation((crop.x, (1 - crop.y) * _aspect(), 0)) @ Matrix.Diagonal((crop.size, crop.size, 1, 1))
    return tuple(value for column in place.transposed() for value in column)


def _moved(values: tuple[float, ...]) -> None:
    if session.photo is None or photo_editing.image() is None:
        return
    x, y, size = values[12], 1 - values[13] / _aspect(), max(abs(values[0]), abs(values[5]))
    size = min(max(size, SMALLEST_CROP), LARGEST_CROP)
    photo_editing.move_crop(session, Crop(min(max(x, -1.0), 2.0), min(max(y, -1.0), 2.0), size))
    wake()


CLASSES = (FACELIFT_GGT_crop,)
