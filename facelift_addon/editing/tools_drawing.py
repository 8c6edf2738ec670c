"""Lines over a 3D View while a tool is at work."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

CIRCLE_CORNERS = 64
LINES = (((0.0, 0.0, 0.0, 0.6), 3.0), ((1.0, 1.0, 1.0, 0.9), 1.0))
"""Colour and width: a light line on a dark one shows on everything."""


def circle(center: np.ndarray, radius: float) -> np.ndarray:
    """Return a closed line [K, 2] around a centre [2], in pixels."""
    angles = np.linspace(0, 2 * np.pi, CIRCLE_CORNERS + 1)
    return np.asarray(center) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw(lines: Sequence[np.ndarray]) -> None:
    """Draw lines [K, 2] in pixels of the region being drawn."""
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    gpu.state.blend_set("ALPHA")
    for color, width in LINES:
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        shader.uniform_float("lineWidth", width)
        shader.uniform_float("color", color)
        for line in lines:
            corners = [(x, y, 0.0) for x, y in line.tolist()]
            batch_for_shader(shader, "LINE_STRIP", {"pos": corners}).draw(shader)
    gpu.state.blend_set("NONE")


class Picture:
    """Lines in all 3D Views that show the region in which the tool was called, until they are removed."""

    def __init__(self) -> None:
        self.lines: Sequence[np.ndarray] = ()
        self._region = bpy.context.region
        self._handle = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")

    def remove(self) -> None:
        """Draw them no more."""
        bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")

    def _draw(self) -> None:
        if bpy.context.region == self._region:
            draw(self.lines)
