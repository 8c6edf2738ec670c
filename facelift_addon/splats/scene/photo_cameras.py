"""A head's photos in the scene: a camera for each, with the photo behind what it sees, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ....core.cameras import VIEW_AZIMUTHS, VIEW_NAMES, Camera, front_camera
from ....core.engines.outcomes import ShotOutcome
from ....core.photo import sides
from ....core.photo.lens import TYPICAL
from ....core.photo.sides import LEFT_OUT
from ..data import heads
from ..data import shots as kept
from . import belongings, cameras

_VIEWS = dict(zip(VIEW_NAMES, VIEW_AZIMUTHS, strict=True))
START_AZIMUTHS = {
    sides.FRONT: _VIEWS["front"],
    sides.THREE_QUARTER: _VIEWS["front_left"],
    sides.LEFT: _VIEWS["left"],
    sides.RIGHT: _VIEWS["right"],
    sides.BACK: _VIEWS["back"],
}
"""Where the camera of a photo stands, in degrees, until somebody places it."""
AUTOMATIC_KEY = "facelift_found_placement"
"""Custom property of the camera of a photo that was placed by hand: where it was before, as JSON."""


@dataclass(frozen=True, eq=False)
class ArrivingShot:
    """A photo on its way into the scene, with its head.

    Attributes:
        outcome: What became of it; its picture is a PNG, and its camera is in the engine's frame.
        photo_png: The photo as the camera sees it, background and all; None where only the picture is known.
        placed_by_hand: Whether the user placed it.
    """

    outcome: ShotOutcome[bytes]
    photo_png: bytes | None = None
    placed_by_hand: bool = False


def keep(
    scene: bpy.types.Scene,
    collection: bpy.types.Collection,
    head: bpy.types.Object,
    shots: Sequence[ArrivingShot],
    to_local: np.ndarray,
) -> None:
    """Make the cameras of a head's photos, or fit those it has to new photos; note what became of each photo.

    A photo whose camera was not found gets one by the side that it shows, from where the user can place it. One that
    was left out gets none.

    Args:
        scene: Its camera becomes the portrait's where it has none.
        collection: Where new cameras go.
        head: Cameras are its children.
        shots: The portrait first; empty for imported splats.
        to_local: [4, 4] matrix from the engine's frame to the head's local space.
    """
    kept.keep(head, [shot.outcome for shot in shots])
    for number, shot in enumerate(shots):
        camera = heads.photo_camera_of(head, number)
        if shot.outcome.state == LEFT_OUT or shot.outcome.picture is None:
            _remove(camera)
            png = shot.photo_png or shot.outcome.picture
            kept.keep_picture(head, number, None if png is None else heads.packed_image(f"{head.name} photo", png))
            continue
        kept.keep_picture(head, number, None)
        if camera is None:
            camera = new(collection, head, number)
        elif not shot.placed_by_hand and AUTOMATIC_KEY in camera:
            del camera[AUTOMATIC_KEY]
        cameras.fit(camera, shot.outcome.camera or start_camera(shot.outcome.side), head, to_local)
        matte = heads.packed_image(f"{head.name} matte", shot.outcome.picture)
        photo = heads.packed_image(f"{head.name} photo", shot.photo_png or shot.outcome.picture)
        cameras.set_background(camera, photo, matte)
    for number, camera in heads.photo_cameras_of(head).items():
        if number >= len(shots) > 0:
            _remove(camera)
    portrait = heads.photo_camera_of(head)
    if scene.camera is None and portrait is not None:
        scene.camera = portrait


def start_camera(side: str) -> Camera:
    """Return where a photo's camera may stand, in the engine's frame, when nothing is known but the side it shows."""
    turn = np.radians(START_AZIMUTHS[side] - START_AZIMUTHS[sides.FRONT])
    about_z = np.eye(4)
    about_z[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return front_camera(fov=TYPICAL).moved(about_z)


def new(collection: bpy.types.Collection, head: bpy.types.Object, number: int) -> bpy.types.Object:
    """Return a new camera of one of a head's photos, which has no place yet."""
    camera = cameras.new_camera(f"{head.name} photo camera" + (f" {number + 1}" if number else ""))
    camera[heads.PHOTO_CAMERA_KEY] = True
    if number:
        camera[heads.SHOT_KEY] = number
    belongings.mark(camera, head[heads.ID_KEY])
    collection.objects.link(camera)
    return camera


def _remove(camera: bpy.types.Object | None) -> None:
    """Remove a camera whose photo is no longer one of the head's; one that the user animated stays as an own camera."""
    if camera is None:
        return
    if camera.animation_data is not None or camera.data.animation_data is not None:
        del camera[heads.PHOTO_CAMERA_KEY]
        return
    data = camera.data
    bpy.data.objects.remove(camera)
    if data.users == 0:
        bpy.data.cameras.remove(data)
