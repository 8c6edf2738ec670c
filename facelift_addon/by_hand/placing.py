"""The photo that is being placed by hand: nothing of it is in the scene until it is applied."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import ClassVar

import bpy
import numpy as np

from ...core.cameras import Camera
from ...core.errors import FaceLiftError
from ...core.head.model import load_head_model
from ...core.head.shape import HeadShape
from ...core.photo.alignment import ALIGNED_SIZE
from ...core.photo.hand_placement import HandPlacement
from ...core.photo.sides import HELP, LEFT_OUT
from ...core.placing.by_hand import camera_of, kept, seen_again
from ...core.placing.pin_board import PinBoard
from ..avatar import base_objects
from ..editing.silhouettes import camera_of as camera_of_object
from ..splats.data import hand_placements, heads, recipes, shots
from ..splats.data.shots import KeptShot
from ..splats.scene import cameras, photo_cameras
from . import fitting
from .view import PlacingView

PORTRAIT_STAYS = "The portrait's camera is what all other photos are placed by."
PORTRAIT_ADVICE = "If the head does not fit it, choose another lens (Refit Lens)."
GRAB = 14.0
"""Pixels of a 512-pixel picture around a pin in which scripts mean it."""


@dataclass
class Placing:
    """A photo that is being placed.

    Attributes:
        head: Id of its head.
        name: Of the head's object, to tell duplicates apart.
        number: Of the photo; the portrait's is 0.
        photo: The photo's name.
        image: Name of the picture's datablock.
        board: Where it stands; pictures have :data:`ALIGNED_SIZE` pixels.
        view: The 3D View that shows it, or None.
        pointed: Number of the pin under the mouse, or None.
        dragged: Number of the pin that follows the mouse, or None.
        grip: How far that pin lies from the mouse, in pixels of the picture.
        stepped: Whether what is dragged is a step of its own already.
        panned: Where the mouse was that moves the view, in pixels of the window; None where it moves none.
    """

    head: str
    name: str
    number: int
    photo: str
    image: str
    board: PinBoard
    view: PlacingView | None = None
    pointed: int | None = None
    dragged: int | None = None
    grip: tuple[float, float] = (0.0, 0.0)
    stepped: bool = False
    panned: tuple[int, int] | None = None
    under_way: ClassVar[list[Placing]] = []

    def target(self) -> bpy.types.Object | None:
        """Return the head while it is there."""
        return heads.find(self.head, self.name)

    def picture(self) -> bpy.types.Image | None:
        """Return the photo's picture while it is there."""
        return bpy.data.images.get(self.image)

    def set_pin(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Move the pin at a pixel, or else what is seen of the head there, to another pixel.

        Raises:
            FaceLiftError: the head is not there ("no-surface").
        """
        number = self.board.near(start, GRAB)
        if number is not None:
            self.board.grab()
        else:
            pin = self.board.pick(start)
            if pin is None:
                raise FaceLiftError("The head is not there.", "Click on its wireframe.", code="no-surface")
            number = self.board.add(pin)
        self.board.drag(number, end)

    def remove_pin(self, place: tuple[float, float]) -> None:
        """Remove the pin at a pixel.

        Raises:
            FaceLiftError: there is none ("no-pin").
        """
        number = self.board.near(place, GRAB)
        if number is None:
            raise FaceLiftError("There is no pin.", "Point at one.", code="no-pin")
        self.board.remove(number)


def current() -> Placing | None:
    """Return what is being placed, or None."""
    return Placing.under_way[0] if Placing.under_way else None


def leave() -> None:
    """End placing; what was not applied is forgotten, and the view is what it was."""
    while Placing.under_way:
        view = Placing.under_way.pop().view
        if view is not None:
            view.leave()


def obstacle(head: bpy.types.Object | None) -> str:
    """Return why none of a head's photos can be placed, as a sentence without a full stop; "" where some can."""
    if head is None or not heads.is_head(head) or recipes.of(head) is None:
        return "Select a head that was made from photos"
    if len(shots.of(head)) < 2:
        return "This head was made from one photo, which needs no placing: add photos, and make it again"
    return ""


def wanted(head: bpy.types.Object, seen: bpy.types.Object | None) -> int:
    """Return the number of the photo that is most likely to be placed: the one seen, else one that needs it.

    Args:
        head: A head of several photos.
        seen: The camera that is looked through, or None.
    """
    own = {camera: number for number, camera in heads.photo_cameras_of(head).items()}
    if own.get(seen, 0) > 0:
        return own[seen]
    states = [shot.state for shot in shots.of(head)]
    return next((number for number, state in enumerate(states) if number and state in (HELP, LEFT_OUT)), 1)


def begin(head: bpy.types.Object, number: int, side: str = "") -> Placing:
    """Begin to place a photo; the scene stays as it is.

    Args:
        head: A head for which :func:`obstacle` has nothing to say.
        number: Of the photo.
        side: What it shows, from where placing begins if it has no place yet; "" for what was known of it then.

    Raises:
        FaceLiftError: the photo can't be placed.
    """
    of_head = shots.of(head)
    if number == 0:
        raise FaceLiftError(PORTRAIT_STAYS, PORTRAIT_ADVICE, code="portrait")
    if number >= len(of_head):
        raise FaceLiftError(f"This head has {len(of_head)} photos.", "Choose one of them.", code="no-photo")
    shape = _shape_of(head)
    camera = heads.photo_camera_of(head, number)
    image = _picture_of(camera) or shots.picture_of(head, number)
    shot = of_head[number]
    if image is None or shot.crop is None:
        raise FaceLiftError(
            "The picture of this photo is gone, or was made by an earlier version.",
            "Make the head again from its photos (Regenerate), then place it.",
            code="no-picture",
        )
    board = _board(head, number, replace(shot, side=side or shot.side), shape, camera)
    heads.identify(head)
    photo = recipes.of(head).capture.photos[number].name
    placing = Placing(head[heads.ID_KEY], head.name, number, photo, image.name, board)
    leave()
    Placing.under_way.append(placing)
    return placing


def apply(placing: Placing, scene_collection: bpy.types.Collection) -> bpy.types.Object:
    """Keep a placement with its photo, and move the photo's camera there; return the head.

    Raises:
        FaceLiftError: the head is gone ("head-gone").
    """
    head = placing.target()
    if head is None:
        raise FaceLiftError("The head is gone.", "Undo, and place its photo again.", code="head-gone")
    number, board = placing.number, placing.board
    camera = heads.photo_camera_of(head, number)
    if camera is None:
        collection = head.users_collection[0] if head.users_collection else scene_collection
        camera = photo_cameras.new(collection, head, number)
        cameras.set_background(camera, placing.picture())
    if photo_cameras.AUTOMATIC_KEY not in camera:
        shape = _shape_of(head)
        crop = shots.of(head)[number].crop
        camera[photo_cameras.AUTOMATIC_KEY] = json.dumps(kept(board.automatic, shape.pose, crop).facts())
    cameras.fit(camera, board.camera, head, np.eye(4))
    made_with = recipes.of(head).capture.shots[number].placement
    hand_placements.keep(head, number, board.kept(), made_with)
    return head


def _board(
    head: bpy.types.Object, number: int, shot: KeptShot, shape: HeadShape, camera: bpy.types.Object | None
) -> PinBoard:
    """Return where placing a photo begins."""
    made_with = recipes.of(head).capture.shots[number].placement
    given = hand_placements.of(head).get(number, made_with)
    automatic = _automatic(head, shot, shape, camera)
    if given is not None and given.crop != shot.crop:
        # The engine cropped the photo anew.
        given = seen_again(given, load_head_model(), shape, _now(head, camera) or automatic, shot.crop)
    return PinBoard(load_head_model(), shape, automatic, shot.crop, given)


def _automatic(head: bpy.types.Object, shot: KeptShot, shape: HeadShape, camera: bpy.types.Object | None) -> Camera:
    """Return the camera of a photo as it was found, in the head's local space."""
    noted = camera.get(photo_cameras.AUTOMATIC_KEY) if camera is not None else None
    if isinstance(noted, str):
        found = HandPlacement.from_facts(json.loads(noted))
        if found.crop == shot.crop:
            return camera_of(found, shape.pose, ALIGNED_SIZE)
    start = photo_cameras.start_camera(shot.side)
    return _now(head, camera) or cameras.rigidly_moved(start, heads.placement_of(head))


def _now(head: bpy.types.Object, camera: bpy.types.Object | None) -> Camera | None:
    """Return where a photo's camera stands, in the head's local space."""
    return None if camera is None else camera_of_object(head, camera, ALIGNED_SIZE, ALIGNED_SIZE)


def _shape_of(head: bpy.types.Object) -> HeadShape:
    """Return the head model as it was fitted to a head, in its local space; else that of its base mesh.

    Raises:
        FaceLiftError: there is neither ("no-fit").
    """
    shape = heads.shape_of(head)
    if shape is not None:
        return shape
    mesh = base_objects.find(head)
    if mesh is None:
        raise FaceLiftError(
            "This head has no fitted mesh to place its photos by.",
            "Press Place by Hand again: it fits one.",
            code="no-fit",
        )
    return fitting.shape_of(base_objects.read(mesh, head))


def _picture_of(camera: bpy.types.Object | None) -> bpy.types.Image | None:
    """Return the picture behind what a photo's camera sees, background and all."""
    backgrounds = camera.data.background_images if camera is not None and camera.type == "CAMERA" else ()
    images = (background.image for background in backgrounds)
    return next((image for image in images if image is not None and 0 not in image.size), None)
