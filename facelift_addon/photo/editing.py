"""The chosen photo in an Image Editor, where its crop is moved and its matte is mended.

The picture is an image datablock of the photo with the matte as its alpha, so that Blender's own brushes paint on
it. What was painted is the difference to what was shown.
"""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ...core.errors import FaceLiftError
from ...core.photo.edits import Crop, PhotoEdits, lasso, painted_matte
from . import editor_area

if TYPE_CHECKING:
    from ..making.session import Session
    from ..making.tasks import Task

IMAGE_NAME = "FaceLift Photo"
SHOWN_KEY = "facelift_shown"
"""Custom property of the image: id of the preparation whose picture it has."""
QUIET_SECONDS = 0.4
"""So long after the last move of a handle the photo is prepared with the new crop."""

_wanted: tuple[str, Crop, float] | None = None
"""A crop that is still being moved: id of the photo's preparation, the crop, and since when it stands still."""
_stored = ""
"""Id of the preparation whose picture is in an undo step."""
_open = False
"""Whether the picture is being shown, so that undo must not take it away."""


def image() -> bpy.types.Image | None:
    """Return the picture's image datablock, or None while there is none."""
    return next((one for one in bpy.data.images if SHOWN_KEY in one), None)


def show(photo: Task, afresh: bool = False) -> bpy.types.Image:
    """Make the image of a photo, or bring it up to date.

    Args:
        photo: The photo.
        afresh: Drop what was painted.

    Raises:
        FaceLiftError: nothing was found in the photo, or its worker sends no picture.
    """
    if photo.found is None or not photo.found.picture_png:
        raise FaceLiftError(
            "There is no picture of this photo to edit.",
            "Wait until the face was found; FaceLift of an older version on another computer can't send one.",
        )
    global _open
    _open = True
    old = image()
    if old is not None and old[SHOWN_KEY] == photo.found_id and not afresh:
        return old
    png = photo.found.picture_png
    new = bpy.data.images.new(IMAGE_NAME, 1, 1, alpha=True)
    new.pack(data=png, data_len=len(png))
    new.source = "FILE"
    # Its colours show without the matte, too: the crop is judged on the whole photo.
    new.alpha_mode = "CHANNEL_PACKED"
    new[SHOWN_KEY] = photo.found_id
    if old is not None:
        old.user_remap(new)
        bpy.data.images.remove(old)
        new.name = IMAGE_NAME
    _store(photo.found_id, afresh)
    return new


def _store(found_id: str, again: bool) -> None:
    """Make an undo step with the new image: one before the first stroke, or undoing that takes the image away.

    Only once a picture. A step that is made because undo went behind it would be in the way of undoing more.
    """
    global _stored
    if again or found_id != _stored:
        _stored = found_id
        bpy.ops.ed.undo_push(message="Photo to Edit")


def leave() -> None:
    """The image is not needed any more; it may stay."""
    global _open
    _open = False


def close() -> None:
    """Remove the image."""
    leave()
    shown = image()
    if shown is not None:
        bpy.data.images.remove(shown)


def follow(session: Session) -> None:
    """Keep the image up to date with the shown photo, and apply a crop whose handles have come to rest."""
    global _wanted
    photo, shown = session.photo, image()
    if photo is None:
        if shown is not None or _open:
            close()
    elif photo.result is not None and photo.result.picture_png:
        if shown is None and _open:
            # Undo went back to before it was made. What is chosen is not undone, and so stays in sight.
            editor_area.give_back(show(photo))
        elif shown is not None and shown[SHOWN_KEY] != photo.id:
            show(photo)
    if _wanted is None:
        return
    identifier, crop, since = _wanted
    if photo is None or photo.id != identifier:
        _wanted = None
    elif time.monotonic() - since > QUIET_SECONDS:
        _wanted = None
        change(session, crop=crop)


def crop_of(session: Session) -> Crop | None:
    """Return the crop of the shown photo as its handles stand; None where nothing is known of it."""
    photo = session.photo
    if photo is None:
        return None
    if _wanted is not None and _wanted[0] == photo.id:
        return _wanted[1]
    return photo.order.edits.crop or (photo.found.crop if photo.found is not None else None)


def move_crop(session: Session, crop: Crop) -> None:
    """Move the crop's handles; the photo is prepared once they rest."""
    global _wanted
    _wanted = (session.photo.id, Crop.read(crop.values()), time.monotonic())


def is_moving() -> bool:
    """Whether a crop's handles were moved and the photo was not prepared yet."""
    return _wanted is not None


def reset_matte(session: Session) -> None:
    """Forget what was painted."""
    if image() is not None and session.photo.found is not None:
        show(session.photo, afresh=True)
    change(session, matte=b"")


def change(session: Session, **fields: object) -> None:
    """Prepare the shown photo with another crop or matte; painting that was not taken yet is."""
    edits = replace(painted_edits(session), **fields)
    if edits != session.photo.order.edits:
        session.change_photo(session.photo.order.with_edits(edits))


def painted_edits(session: Session) -> PhotoEdits:
    """Return the shown photo's edits with what was painted into its image since."""
    edits, shown = session.photo.order.edits, image()
    if _wanted is not None and _wanted[0] == session.photo.id:
        edits = replace(edits, crop=_wanted[1])
    if shown is None or not shown.is_dirty or not _shows(shown, session.photo):
        return edits
    before, after = _alpha_of(session.photo.found.picture_png), _alpha_in(shown)
    return edits if before.shape != after.shape else replace(edits, matte=painted_matte(before, after, edits.matte))


def take_painted(session: Session) -> None:
    """Take what was painted, and a crop that is still being moved, into the shown photo's order."""
    global _wanted
    if session.photo is not None:
        edits = painted_edits(session)
        _wanted = None
        if edits != session.photo.order.edits:
            session.change_photo(session.photo.order.with_edits(edits))


def add_lasso(session: Session, path: np.ndarray, keep: bool) -> None:
    """Take everything inside an outline into the person, or out.

    Args:
        session: Its shown photo is changed.
        path: [N, 2] corners in the image's coordinates: 0..1 from its lower left corner.
        keep: Whether to keep or to remove.
    """
    edits = painted_edits(session)
    before = _alpha_of(session.photo.found.picture_png)
    shown = image()
    painted = shown is not None and shown.is_dirty and _shows(shown, session.photo)
    current = _alpha_in(shown) if painted else before
    corners = path * [1, -1] + [0, 1]
    after = lasso(current, corners * before.shape[::-1], keep)
    matte = _force(painted_matte(before, after, edits.matte), after, corners, keep)
    change(session, matte=matte)


def _force(matte: bytes, after: np.ndarray, corners: np.ndarray, keep: bool) -> bytes:
    """Return a painted matte in which the whole inside of an outline counts, where it changed nothing visible, too."""
    inside = lasso(np.zeros_like(after), corners * after.shape[::-1], True)
    pretended = np.where(inside > 127, np.where(after > 127, 0, 255), after).astype(np.uint8)
    return painted_matte(pretended, after, matte)


def _shows(shown: bpy.types.Image, photo: Task) -> bool:
    """Whether an image has the picture that a photo's preparation found last."""
    return photo.found is not None and bool(photo.found.picture_png) and shown[SHOWN_KEY] == photo.found_id


def _alpha_of(png: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGBA"))[..., 3]


def _alpha_in(shown: bpy.types.Image) -> np.ndarray:
    """Return an image's alpha [H, W] uint8, first row on top."""
    width, height = shown.size
    pixels = np.empty(width * height * 4, np.float32)
    shown.pixels.foreach_get(pixels)
    alpha = pixels.reshape(height, width, 4)[::-1, :, 3]
    return np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint8)
