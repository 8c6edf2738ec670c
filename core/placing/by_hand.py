"""Photos that the user placed: how a placement is kept, and how one that was kept is seen again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..cameras import Camera
from ..errors import PhotoError
from ..head.landmark_solver import Solution
from ..head.mesh_raster import rasterize_mesh
from ..head.model import HeadModel, vertex_normals
from ..head.pose import Pose
from ..head.shape import HeadShape
from ..photo.alignment import ALIGNED_SIZE, Alignment
from ..photo.edits import Crop
from ..photo.hand_placement import HandPlacement, KeptPin
from ..photo.sides import BACK, side_of
from ..progress import Reporter
from .candidates import Candidate
from .joint_solver import Sight
from .pinned import Pinned
from .pins import SHAPE_PINS, Pin
from .sightings import CROP_METRES, Sighting, see, see_around
from .types import Shot

KEPT_CROP = 0.15
"""Shares of the crop by which the head may be off its middle or size: then it is cropped as it was placed in."""
SAME_HEAD = (0.3, 1.8)
"""Of the crop, how far what is found in a photo may lie from where the head was placed, and how much larger or smaller
it may be: what lies farther is somebody else."""
BEHIND = 120.0
"""Degrees from the front from which a camera sees the back of the head."""
FRONTAL_FRAME = Pose(np.eye(3), np.zeros(3), 1.0)
"""The head model's own frame."""


def kept(camera: Camera, pose: Pose, crop: Crop, pins: Sequence[Pin] = (), shape: bool = False) -> HandPlacement:
    """Return a placement as it travels.

    Args:
        camera: The photo's, for the square picture of ``crop``.
        pose: The head's, in the camera's world.
        crop: The part of the photo that the picture shows.
        pins: In the picture.
        shape: Whether the head's shape is to follow them.
    """
    side = camera.width
    rows = np.empty((3, 4))
    rows[:, :3] = pose.rotation.T @ camera.c2w[:3, :3]
    rows[:, 3] = pose.rotation.T @ (camera.position - pose.translation) / pose.scale
    return HandPlacement(
        crop,
        float(camera.fx / side),
        (float(camera.cx / side), float(camera.cy / side)),
        tuple(rows.ravel().tolist()),
        tuple(KeptPin(pin.vertices, pin.weights, (pin.pixel[0] / side, pin.pixel[1] / side)) for pin in pins),
        shape,
    )


def camera_of(placement: HandPlacement, pose: Pose = FRONTAL_FRAME, size: int = ALIGNED_SIZE) -> Camera:
    """Return the camera of a placement in a world in which the head has ``pose``, for the picture of its crop."""
    rows = np.array(placement.camera).reshape(3, 4)
    c2w = np.eye(4)
    c2w[:3, :3] = pose.rotation @ rows[:, :3]
    c2w[:3, 3] = pose.apply(rows[:, 3])
    focal = placement.focal * size
    return Camera(size, size, focal, focal, placement.center[0] * size, placement.center[1] * size, c2w)


def pins_of(placement: HandPlacement, model: HeadModel, size: int = ALIGNED_SIZE) -> tuple[Pin, ...]:
    """Return the pins of a placement in the picture of its crop, those that the head model has a place for."""
    return tuple(
        Pin(pin.vertices, pin.weights, (pin.place[0] * size, pin.place[1] * size))
        for pin in placement.pins
        if max(pin.vertices) < len(model.mean)
    )


def seen_again(
    placement: HandPlacement, model: HeadModel, shape: HeadShape, camera: Camera, crop: Crop
) -> HandPlacement:
    """Return a placement for another crop of its photo: pins are where the head is seen there.

    Args:
        placement: The placement, for the crop of before.
        model: The head model.
        shape: The head as it was fitted with that placement.
        camera: The photo's, for the picture of the other crop, in the shape's space.
        crop: The other crop.
    """
    pins = []
    for pin in pins_of(placement, model, camera.width):
        (pixel,) = camera.project((np.array(pin.weights) @ shape.vertices[list(pin.vertices)])[None])[0].tolist()
        pins.append(pin.moved((pixel[0], pixel[1])))
    return kept(camera, shape.pose, crop, pins, placement.shape)


def side_from(camera: Camera) -> str:
    """Return the side of a head that a camera in the head model's frame sees."""
    x, y, _ = camera.position
    # The face looks to -y, and +x is the head's own left.
    turn = float(np.degrees(np.arctan2(-x, -y)))
    return BACK if abs(turn) > BEHIND else side_of(turn)


def candidate_by_hand(
    model: HeadModel, shot: Shot, first: Solution, thickness: np.ndarray, reporter: Reporter
) -> Candidate:
    """Return a photo that the user placed.

    Args:
        model: The head model.
        shot: The photo, with its placement.
        first: The portrait's head.
        thickness: [V] metres by which hair stands off it.
        reporter: For cancelling.

    Raises:
        PhotoError: nothing of the photo lies where the head was placed.
        Cancelled: cancelled through the reporter.
    """
    placement = shot.placement
    assert placement is not None
    size = (shot.photo.rgba.shape[1], shot.photo.rgba.shape[0])
    in_photo = _in_photo(camera_of(placement), placement.crop, size)
    vertices = model.vertices(first.identity, first.expression)
    vertices = vertices + thickness[:, None] * vertex_normals(vertices, model.triangles)

    def head(alignment: Alignment) -> np.ndarray:
        return np.isfinite(rasterize_mesh(_cropped(in_photo, alignment), vertices, model.triangles).depth)

    sighting = _sighting(shot, in_photo, placement.crop, head, reporter)
    camera = _scaled(_cropped(in_photo, sighting.alignment), first.pose.scale)
    start = replace(first, pose=Pose(np.eye(3), np.zeros(3), first.pose.scale))
    pins = pins_of(placement, model)
    pinned = None
    if placement.shape and len(pins) >= SHAPE_PINS:
        to_crop = sighting.alignment
        left, top, side = placement.crop.square(size)
        places = np.array([pin.pixel for pin in pins]) * side / ALIGNED_SIZE + [left, top]
        pinned = Pinned.of(pins, places * to_crop.scale + to_crop.offset)
    return Candidate(sighting, Sight(camera, start, np.eye(3), pinned=pinned), side_from(camera), by_hand=True)


def _in_photo(camera: Camera, crop: Crop, size: tuple[int, int]) -> Camera:
    """Return the camera of a crop's picture for the whole photo of (width, height)."""
    left, top, side = crop.square(size)
    larger = camera.resized(1)
    fx, fy = larger.fx * side, larger.fy * side
    return Camera(*size, fx, fy, left + larger.cx * side, top + larger.cy * side, camera.c2w)


def _cropped(camera: Camera, alignment: Alignment) -> Camera:
    """Return the camera of a whole photo for its aligned picture."""
    (across, down), (x, y) = alignment.scale, alignment.offset
    intrinsics = (camera.fx * across, camera.fy * down, camera.cx * across + x, camera.cy * down + y)
    return Camera(alignment.size, alignment.size, *intrinsics, camera.c2w)


def _scaled(camera: Camera, scale: float) -> Camera:
    """Return the camera in a world whose unit is so many times smaller."""
    c2w = camera.c2w.copy()
    c2w[:3, 3] *= scale
    return replace(camera, c2w=c2w)


def _sighting(
    shot: Shot, camera: Camera, crop: Crop, head: Callable[[Alignment], np.ndarray], reporter: Reporter
) -> Sighting:
    """Return what a photo shows where the head was placed.

    Args:
        shot: The photo.
        camera: The whole photo's, in the head model's frame.
        crop: In which it was placed.
        head: As for :func:`~.sightings.see_around`.
        reporter: For cancelling.

    Raises:
        PhotoError: nothing of it lies there.
    """
    (center,), (depth,) = camera.project(np.zeros((1, 3)))
    side = float(CROP_METRES * camera.fx / depth)
    left, top, length = (shot.edits.crop or crop).square((camera.width, camera.height))
    middle = np.array([left, top]) + length / 2
    off = max(abs(length / side - 1), *np.abs(middle - center) / side)
    if shot.edits.crop is not None or off < KEPT_CROP:
        center, side = middle, length
    try:
        found = see(shot, reporter)
    except PhotoError:
        found = None
    if found is None or not _is_there(found, center, side):
        return see_around(shot, center, side, head)
    return found.recropped(center * found.alignment.scale + found.alignment.offset, side * found.alignment.mean_scale)


def _is_there(found: Sighting, center: np.ndarray, side: float) -> bool:
    """Whether what was found in a photo is the head in the square around ``center``, in the photo's pixels."""
    alignment = found.alignment
    seen, length = center * alignment.scale + alignment.offset, side * alignment.mean_scale
    off = np.abs(seen / alignment.size - 0.5).max()
    return bool(off < SAME_HEAD[0] and 1 / SAME_HEAD[1] < length / alignment.size < SAME_HEAD[1])
