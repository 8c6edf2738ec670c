"""The chosen photos as Blender's lists want them, and what is chosen about each alone.

A list in Blender shows a collection of properties. This one holds ids and names; whatever else a row shows or changes
is read from the session, and stored there.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import CollectionProperty, IntProperty, StringProperty

from ...core.engines.settings import Setting, describe
from ...core.engines.shot_options import SIDE_OPTIONS, ShotOptions
from .. import engine_properties
from ..making.session import session
from ..making.tasks import Task
from ..making.timers import redraw, wake
from . import editing, lenses

SIDES = tuple(option for option in describe(ShotOptions) if option.name in SIDE_OPTIONS)
"""What can be chosen of a photo's side."""


def _access(setting: Setting) -> dict[str, Any]:
    """Return the functions that read and store a setting of a row's photo."""
    ids = [option.id for option in setting.options]

    def get(row: PhotoRow) -> Any:
        photo = session.find_photo(row.photo)
        value = setting.default if photo is None else getattr(photo.order.options, setting.name)
        return ids.index(value) if ids else value

    def store(row: PhotoRow, value: Any) -> None:
        photo = session.find_photo(row.photo)
        if photo is not None:
            choose(photo, setting.name, ids[value] if ids else value)

    return {"get": get, "set": store}


def choose(photo: Task, name: str, value: Any) -> None:
    """Choose something about a photo. One whose side is another is looked at again."""
    if getattr(photo.order.options, name) == value:
        return
    if name in SIDE_OPTIONS:
        show(photo)
        session.change_photo(session.photo.order.with_options(**{name: value}))
        wake()
    else:
        photo.order = photo.order.with_options(**{name: value})
    redraw()


def show(photo: Task) -> None:
    """Show a photo; what was painted on the one that was shown is kept."""
    if photo is not session.photo:
        editing.take_painted(session)
        session.photo = photo
        wake()


OwnChoices = engine_properties.with_properties("OwnChoices", (*SIDES, *lenses.OPTIONS), _access)
"""Mix-in with what is chosen about a row's photo."""


class PhotoRow(OwnChoices, bpy.types.PropertyGroup):
    """A chosen photo; its name is the file's."""

    photo: StringProperty(options={"HIDDEN"})


def row_of(context: bpy.types.Context, photo: Task) -> PhotoRow | None:
    """Return the row of a photo."""
    rows = context.window_manager.facelift_photos
    return next((row for row in rows if row.photo == photo.id), None)


def mirror() -> None:
    """Bring the rows up to date with the session."""
    rows = bpy.context.window_manager.facelift_photos
    while len(rows) > len(session.photos):
        rows.remove(len(rows) - 1)
    for place, photo in enumerate(session.photos):
        row = rows[place] if place < len(rows) else rows.add()
        row.photo, row.name = photo.id, photo.order.source.name


def _shown(_manager: bpy.types.WindowManager) -> int:
    return session.photos.index(session.photo) if session.photo in session.photos else -1


def _show(_manager: bpy.types.WindowManager, place: int) -> None:
    if 0 <= place < len(session.photos):
        show(session.photos[place])


def register_properties() -> None:
    """Attach the rows to Blender's windows: they are of this session, not of a file."""
    manager = bpy.types.WindowManager
    manager.facelift_photos = CollectionProperty(type=PhotoRow, options={"SKIP_SAVE"})
    manager.facelift_photo_shown = IntProperty(name="Photo", get=_shown, set=_show, options={"SKIP_SAVE"})
    session.listeners.append(mirror)


def unregister_properties() -> None:
    """Detach them."""
    session.listeners.remove(mirror)
    del bpy.types.WindowManager.facelift_photos, bpy.types.WindowManager.facelift_photo_shown


CLASSES = (PhotoRow,)
