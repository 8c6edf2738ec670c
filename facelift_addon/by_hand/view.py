"""The 3D View in which a photo is placed: through its camera while that lasts, then as it was."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np

from ..viewport import split
from ..viewport.split import Frame

FILLED = 0.92
"""Share of the view that the photo fills at first."""
SQUARE = (1, 1)
"""Width over height of the photo."""
ZOOM_RANGE = (-30.0, 600.0)
"""Of Blender's camera views."""


@dataclass(frozen=True)
class _Before:
    """What a view was."""

    perspective: str
    camera: bpy.types.Object | None
    use_local_camera: bool
    lock_camera: bool
    zoom: float
    offset: tuple[float, float]
    rotation: tuple[float, ...]
    location: tuple[float, ...]
    distance: float


class PlacingView:
    """A 3D View that looks through a camera, of which nothing in the scene knows.

    Args:
        area: A 3D View.
        camera: Which it looks through. Only what it frames counts: it may be another photo's.
    """

    def __init__(self, area: bpy.types.Area, camera: bpy.types.Object) -> None:
        self._area, self.space = area, area.spaces.active
        self.region = next(region for region in area.regions if region.type == "WINDOW")
        self._camera = camera.name
        view, space = self.space.region_3d, self.space
        self._before = _Before(
            view.view_perspective,
            space.camera,
            space.use_local_camera,
            space.lock_camera,
            view.view_camera_zoom,
            tuple(view.view_camera_offset),
            tuple(view.view_rotation),
            tuple(view.view_location),
            view.view_distance,
        )
        space.use_local_camera, space.camera, space.lock_camera = True, camera, False
        view.view_perspective = "CAMERA"
        # Without a window a view has no matrices, and Blender ends where they are asked for.
        if not bpy.app.background:
            self.fill()

    def fill(self) -> None:
        """Show the photo as large as the view has room for."""
        view = self.space.region_3d
        view.view_camera_zoom, view.view_camera_offset = 0.0, (0.0, 0.0)
        view.update()
        frame = self.frame
        if frame is None or frame.width <= 0 or not math.isfinite(frame.width):
            return
        # What overlaps the view at its sides leaves less of it.
        left, right = (self._overlapped(side) for side in ("TOOLS", "UI"))
        room = max(self.region.width - left - right, 1)
        # Blender's zoom is no factor: this is.
        wanted = FILLED * min(room / frame.width, self.region.height / frame.height)
        zoom = 50 * (math.sqrt(2 * max(wanted, 1e-3)) - math.sqrt(2))
        view.view_camera_zoom = min(max(zoom, ZOOM_RANGE[0]), ZOOM_RANGE[1])
        self.pan((left - right) / 2, 0)
        view.update()

    def _overlapped(self, kind: str) -> int:
        """Return how many pixels of the view a region at its side covers."""
        covering = (region for region in self._area.regions if region.type == kind and region.width > 1)
        region = next(covering, None)
        if region is None:
            return 0
        low, high = self.region.x, self.region.x + self.region.width
        return max(0, min(region.x + region.width, high) - max(region.x, low))

    @property
    def frame(self) -> Frame | None:
        """Where the view shows the photo; None where it looks through no camera any more."""
        camera = bpy.data.objects.get(self._camera)
        view = self.space.region_3d
        if camera is None or camera.type != "CAMERA" or view.view_perspective != "CAMERA":
            return None
        matrix = np.array(view.perspective_matrix)
        return split.frame_in(camera, SQUARE, matrix, (self.region.width, self.region.height))

    def redraw(self) -> None:
        """Draw the view anew, and its sidebar."""
        self._area.tag_redraw()

    def look(self) -> None:
        """Look through the camera again where the user turned away."""
        if self.space.region_3d.view_perspective != "CAMERA":
            self.space.region_3d.view_perspective = "CAMERA"

    def pan(self, across: float, up: float) -> None:
        """Move the picture by pixels."""
        view = self.space.region_3d
        side = max(self.region.width, self.region.height) * (math.sqrt(2) + view.view_camera_zoom / 50) ** 2 / 2
        x, y = view.view_camera_offset
        view.view_camera_offset = (x - across / side, y - up / side)

    def holds(self, x: int, y: int) -> bool:
        """Whether a place of the window, in pixels, lies in the view and not in what overlaps it."""

        def within(region: bpy.types.Region) -> bool:
            inside = region.x <= x < region.x + region.width and region.y <= y < region.y + region.height
            return inside and min(region.width, region.height) > 1

        others = (region for region in self._area.regions if region.type not in ("WINDOW", "XR"))
        return within(self.region) and not any(within(region) for region in others)

    def leave(self) -> None:
        """Make the view what it was; one that is gone stays so."""
        try:
            space, view, before = self.space, self.space.region_3d, self._before
            space.camera, space.use_local_camera = before.camera, before.use_local_camera
            space.lock_camera = before.lock_camera
            view.view_camera_zoom, view.view_camera_offset = before.zoom, before.offset
            view.view_perspective = before.perspective
            # Looking through a camera turned the view as the camera is.
            view.view_rotation, view.view_location = before.rotation, before.location
            view.view_distance = before.distance
            self._area.tag_redraw()
        except (ReferenceError, AttributeError):
            pass
