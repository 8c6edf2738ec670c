"""A turntable in the scene: a camera that goes once around objects, lights, and the settings of its film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from ....core.errors import FaceLiftError
from ....core.geometry.framing import Bounds
from ... import compat
from ..display import native
from . import cameras, scene_settings

COLLECTION_KEY = "facelift_turntable"
"""Custom property that tells the turntable's collection from others."""
SAVED_KEY = "facelift_saved_turntable_settings"
CAMERA_KEY = "facelift_saved_turntable_camera"
"""Custom properties of the scene: its settings and its camera before the turntable."""

LENS = 85.0
"""Millimetres of a 36 mm sensor: what portraits are taken with."""

LIGHTS = (("Key", -40.0, 35.0, 1.0), ("Fill", 50.0, 10.0, 0.35), ("Rim", 150.0, 40.0, 1.2))
"""Names, degrees around from the front (positive to the subject's left), degrees up, and relative powers."""
LIGHT_DISTANCE = 4.0
LIGHT_SIZE = 1.5
"""In radii or half heights of the subject, whichever is more."""
LIGHT_POWER = 25.0
"""Watts of the key light at a metre."""

VIDEO, IMAGES = "VIDEO", "IMAGES"
"""What the film becomes: an MP4 file, or numbered PNG files."""


@dataclass(frozen=True)
class Film:
    """What is to be filmed how.

    Attributes:
        seconds: Of one turn.
        fps: Frames a second.
        size: Width and height in pixels.
        elevation: Degrees of the camera above the horizon, -90 < elevation < 90.
        output: :data:`VIDEO` or :data:`IMAGES`.
        path: Where to, without suffix.
        lights: Whether to add lights.
        exact: Whether splats are filmed as quads where Blender has splats of its own (5.3+).
    """

    seconds: float
    fps: int
    size: int
    elevation: float
    output: str
    path: str
    lights: bool
    exact: bool

    @property
    def frames(self) -> int:
        """Number of frames in one turn."""
        return max(2, round(self.seconds * self.fps))


def set_up(scene: bpy.types.Scene, bounds: Bounds, film: Film) -> bpy.types.Object:
    """Put a turntable into a scene, in place of an earlier one; return its camera.

    Raises:
        FaceLiftError: Blender can't write that kind of film ("unknown-setting"); nothing was changed then.
    """
    earlier = find(scene)
    try:
        scene_settings.change(scene, SAVED_KEY, _settings(scene, film))
    except FaceLiftError:
        if earlier is None:
            scene_settings.restore(scene, SAVED_KEY)
        raise
    if earlier is not None:
        _delete(earlier)
    elif CAMERA_KEY not in scene and scene.camera is not None:
        scene[CAMERA_KEY] = scene.camera
    collection = bpy.data.collections.new("Turntable")
    collection[COLLECTION_KEY] = True
    scene.collection.children.link(collection)
    camera = _add_camera(collection, bounds, film, scene.frame_start)
    if film.lights:
        for light in LIGHTS:
            _add_light(collection, bounds, *light)
    scene.camera = camera
    scene.frame_set(scene.frame_start)
    return camera


def find(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """Return a scene's turntable, None when it has none."""
    return next((child for child in scene.collection.children_recursive if COLLECTION_KEY in child), None)


def exists(scene: bpy.types.Scene) -> bool:
    """Whether a scene has a turntable, or settings of one that the user deleted by hand."""
    return find(scene) is not None or scene_settings.can_restore(scene, SAVED_KEY)


def remove(scene: bpy.types.Scene) -> None:
    """Delete a scene's turntable and put its settings and its camera back."""
    collection = find(scene)
    if collection is not None:
        _delete(collection)
    scene_settings.restore(scene, SAVED_KEY)
    camera = scene.get(CAMERA_KEY)
    if CAMERA_KEY in scene:
        del scene[CAMERA_KEY]
    if camera is not None and camera.name in scene.objects:
        scene.camera = camera
    scene.frame_set(scene.frame_current)


def _delete(collection: bpy.types.Collection) -> None:
    # Other objects may have been moved into it; they are not ours to delete.
    for target in list(collection.objects):
        if COLLECTION_KEY in target:
            data = target.data
            bpy.data.objects.remove(target)
            if data is not None and data.users == 0:
                bpy.data.batch_remove([data])
    if not collection.objects and not collection.children:
        bpy.data.collections.remove(collection)
    else:
        del collection[COLLECTION_KEY]


def _settings(scene: bpy.types.Scene, film: Film) -> list[tuple[str, Any]]:
    """Return paths and values of what a film needs, in the order in which Blender takes them."""
    video = film.output == VIDEO
    wanted = [
        ("render.resolution_x", film.size),
        ("render.resolution_y", film.size),
        ("render.resolution_percentage", 100),
        ("render.fps", film.fps),
        ("render.fps_base", 1.0),
        ("frame_start", 1),
        ("frame_end", film.frames),
        ("frame_step", 1),
        ("frame_current", 1),
        ("render.filepath", film.path + ("" if video else "_")),
        ("render.use_file_extension", True),
    ]
    if native.is_available():
        # Without noise from the first sample on, and what is chosen for other renders comes back.
        wanted.append(("facelift.exact_renders", film.exact))
    if compat.sorts_file_formats_by_media_5_0(scene.render.image_settings):
        wanted.append(("render.image_settings.media_type", "VIDEO" if video else "IMAGE"))
    wanted.append(("render.image_settings.file_format", "FFMPEG" if video else "PNG"))
    wanted.append(("render.image_settings.color_mode", "RGB"))
    if video:
        wanted += [
            ("render.ffmpeg.format", "MPEG4"),
            ("render.ffmpeg.codec", "H264"),
            ("render.ffmpeg.constant_rate_factor", "HIGH"),
        ]
    return wanted


def _add_camera(collection: bpy.types.Collection, bounds: Bounds, film: Film, first: int) -> bpy.types.Object:
    """Add the pivot, keyed to turn once, and the camera on its arm."""
    pivot = bpy.data.objects.new("Turntable pivot", None)
    pivot[COLLECTION_KEY] = True
    pivot.empty_display_type = "PLAIN_AXES"
    pivot.empty_display_size = bounds.radius / 4
    pivot.rotation_mode = "XYZ"
    pivot.location = bounds.center
    collection.objects.link(pivot)
    for turns, frame in ((0.0, first), (1.0, first + film.frames)):
        pivot.rotation_euler.z = 2 * np.pi * turns
        pivot.keyframe_insert("rotation_euler", index=2, frame=frame)
    for curve in _curves(pivot):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"
        curve.extrapolation = "LINEAR"

    camera = cameras.new_camera("Turntable camera")
    camera[COLLECTION_KEY] = True
    camera.data.lens, camera.data.sensor_width = LENS, cameras.SENSOR_WIDTH
    angle = np.radians(film.elevation)
    distance = bounds.distance(cameras.SENSOR_WIDTH / 2 / LENS, film.elevation)
    camera.data.clip_end = max(100.0, 10 * distance)
    camera.parent = pivot
    camera.location = (0.0, -distance * np.cos(angle), distance * np.sin(angle))
    camera.rotation_euler = (np.pi / 2 - angle, 0.0, 0.0)
    collection.objects.link(camera)
    return camera


def _curves(target: bpy.types.Object):
    """Return the animation curves of an object with one action of one layer."""
    animation = target.animation_data
    return animation.action.layers[0].strips[0].channelbag(animation.action_slot).fcurves


def _add_light(
    collection: bpy.types.Collection, bounds: Bounds, name: str, around: float, up: float, power: float
) -> None:
    data = bpy.data.lights.new(f"Turntable {name.lower()} light", "AREA")
    light = bpy.data.objects.new(data.name, data)
    light[COLLECTION_KEY] = True
    a, e = np.radians(around), np.radians(up)
    toward = Vector((np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)))
    distance = LIGHT_DISTANCE * max(bounds.radius, bounds.height)
    data.size = LIGHT_SIZE * max(bounds.radius, bounds.height)
    # What reaches the subject falls with the square of the distance.
    data.energy = LIGHT_POWER * power * distance**2
    light.location = Vector(bounds.center) + toward * distance
    light.rotation_euler = toward.to_track_quat("Z", "Y").to_euler()
    collection.objects.link(light)


def proposed_path(scene: bpy.types.Scene, name: str) -> str:
    """Return where a picture or film goes: beside the .blend file, or where Blender's own renders go."""
    name = bpy.path.clean_name(name)
    if bpy.data.filepath:
        return f"//{name}"
    # Not by pathlib, to which "/tmp/" is a file in "/".
    folder = scene.render.filepath.replace("\\", "/").rpartition("/")[0]
    if not folder.strip("/") or folder.startswith("//"):
        folder = bpy.app.tempdir.rstrip("/\\")
    return f"{folder}/{name}"
