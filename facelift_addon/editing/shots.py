"""The photos of splats with their cameras: a head's own, or those that the user gave cameras as background pictures."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...core.cameras import Camera
from ...core.colors import to_encoded
from ...core.errors import FaceLiftError
from ..splats.data import heads
from .silhouettes import camera_of

OPAQUE = 0.1
"""Alpha of the aligned photo from which a pixel may show the person; soft hair has little."""
SHAPE_TOLERANCE = 0.01
"""Share by which a picture's width over height may differ from the render's."""


@dataclass(frozen=True, eq=False)
class Shot:
    """A photo of splats.

    Attributes:
        rgba: [H, W, 4] float32, 0..1, sRGB-encoded, straight alpha; upright.
        camera: Which took it, in the splats' local space.
        matted: Whether alpha is the person's outline.
        number: Which of the head's photos it is, 0 for the portrait; None for a picture that the user gave a camera.
    """

    rgba: np.ndarray
    camera: Camera
    matted: bool
    number: int | None = None


def shots_of(head: bpy.types.Object) -> list[Shot]:
    """Return the photos that a head was made from, with the cameras that took them; none where there are none."""
    # The cut-out comes after the photo; heads of older files have it alone.
    found = {number: (camera, _pictures_of(camera)) for number, camera in heads.photo_cameras_of(head).items()}
    return [
        _shot(head, camera, pictures[-1], number) for number, (camera, pictures) in sorted(found.items()) if pictures
    ]


def has_shots(head: bpy.types.Object) -> bool:
    """Whether :func:`shots_of` returns any; cheap, for panels."""
    return any(_pictures_of(camera) for camera in heads.photo_cameras_of(head).values())


def silhouette_of(head: bpy.types.Object) -> tuple[Camera, np.ndarray]:
    """Return the camera of a head's portrait and where that shows the person, [H, W] bool.

    Raises:
        FaceLiftError: the object has no photo camera, or its photo is gone ("no-silhouette").
    """
    camera = heads.photo_camera_of(head)
    pictures = _pictures_of(camera)
    if not pictures or pictures[-1].channels != 4:
        raise FaceLiftError(
            f"{head.name!r} has no photo with a silhouette.",
            "Switch that rule off, or use it on a head made from a photo.",
            code="no-silhouette",
        )
    portrait = _shot(head, camera, pictures[-1], 0)
    return portrait.camera, portrait.rgba[..., 3] > OPAQUE


def shot_through(target: bpy.types.Object, camera: bpy.types.Object, scene: bpy.types.Scene) -> Shot:
    """Return the picture behind what a camera of the user's sees.

    Args:
        target: The splats.
        camera: A perspective camera with a background picture, which fills its frame.
        scene: Whose render the picture has the shape of.

    Raises:
        FaceLiftError: it has no picture ("no-background"), one of another shape ("other-shape"), or is no perspective
            camera ("no-perspective").
    """
    pictures = _pictures_of(camera)
    if not pictures:
        raise FaceLiftError(
            f"{camera.name!r} has no background picture.",
            "Add the photo in the camera's properties, under Background Images.",
            code="no-background",
        )
    width, height = pictures[0].size
    render = scene.render
    across, up = render.resolution_x * render.pixel_aspect_x, render.resolution_y * render.pixel_aspect_y
    if heads.PHOTO_CAMERA_KEY not in camera and abs(across / up * height / width - 1) > SHAPE_TOLERANCE:
        raise FaceLiftError(
            f"The picture of {camera.name!r} has another shape than renders.",
            f"Set the render's resolution to the picture's, {width} × {height}, and place the camera again.",
            code="other-shape",
        )
    return _shot(target, camera, pictures[0], None)


def cameras_with_pictures() -> list[bpy.types.Object]:
    """Return the user's cameras that have a background picture: those of heads' photos are none of them."""
    cameras = (target for target in bpy.data.objects if target.type == "CAMERA")
    return [camera for camera in cameras if heads.PHOTO_CAMERA_KEY not in camera and _pictures_of(camera)]


def _pictures_of(camera: bpy.types.Object | None) -> list[bpy.types.Image]:
    backgrounds = camera.data.background_images if camera is not None and camera.type == "CAMERA" else ()
    images = (background.image for background in backgrounds)
    return [image for image in images if image is not None and 0 not in image.size]


def _shot(target: bpy.types.Object, camera: bpy.types.Object, image: bpy.types.Image, number: int | None) -> Shot:
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    # Blender's rows begin at the bottom.
    pixels = pixels.reshape(height, width, image.channels)[::-1]
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels[..., :3] if image.channels >= 3 else pixels[..., :1]
    if image.channels == 4:
        rgba[..., 3] = pixels[..., 3]
    if image.is_float:
        rgba[..., :3] = to_encoded(rgba[..., :3])
    matted = bool((rgba[..., 3] < 1).any())
    return Shot(np.clip(rgba, 0, 1), camera_of(target, camera, width, height), matted, number)
