"""What the view shows while a photo is placed: the photo over everything, the head's wireframe and the pins over it.

All of it is drawn; nothing is put into the scene, so that there is nothing to take out of it again.
"""

from __future__ import annotations

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..viewport.photo_shader import photo_shader
from ..viewport.split import Frame
from . import placing as state
from .placing import Placing

BACKDROP = (0.11, 0.11, 0.11, 1.0)
WIRE_COLORS = (((0.0, 0.0, 0.0, 0.35), 2.5), ((0.35, 0.85, 1.0, 0.75), 1.0))
"""Colour and width: a light line on a dark one shows on everything."""
PIN_COLORS = (((0.0, 0.0, 0.0, 0.9), 6.5), ((1.0, 0.55, 0.1, 1.0), 5.0))
HELD_PIN = (1.0, 0.9, 0.3, 1.0)
"""Of the pin that is dragged or under the mouse."""
CORNERS = 20
_handles: list = []


def to_view(pixels: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """Return where pixels [..., 2] of the photo's picture are in the view, in pixels of its region."""
    shares = np.asarray(pixels, np.float64) / side
    return np.stack(
        [frame.left + shares[..., 0] * frame.width, frame.bottom + (1 - shares[..., 1]) * frame.height], axis=-1
    )


def to_picture(x: float, y: float, frame: Frame, side: int) -> tuple[float, float]:
    """Return the pixel of the photo's picture at a place of the view."""
    return (x - frame.left) / frame.width * side, (1 - (y - frame.bottom) / frame.height) * side


def start() -> None:
    """Draw from now on; without a window there is nothing to draw."""
    if not _handles and not bpy.app.background:
        _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def stop() -> None:
    """Draw no more."""
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")


def _draw() -> None:
    placing = state.current()
    if placing is None or placing.view is None or bpy.context.region != placing.view.region:
        return
    frame, picture = placing.view.frame, placing.picture()
    if frame is not None and picture is not None:
        draw(placing, frame, picture)


def draw(placing: Placing, frame: Frame, picture: bpy.types.Image) -> None:
    """Draw photo, wireframe and pins into the region being drawn."""
    board = placing.board
    side = board.camera.width
    corners, places = frame.part(1.0)
    flat = gpu.shader.from_builtin("UNIFORM_COLOR")
    gpu.state.blend_set("ALPHA")
    flat.uniform_float("color", BACKDROP)
    batch_for_shader(flat, "TRI_STRIP", {"pos": [(x, y, 0.0) for x, y in corners]}).draw(flat)
    gpu.state.blend_set("ALPHA_PREMULT")
    shader = photo_shader()
    shader.bind()
    shader.uniform_sampler("image", gpu.texture.from_image(picture))
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners, "texCoord": places}).draw(shader)
    gpu.state.blend_set("ALPHA")
    _draw_wires(to_view(board.seen.edges(), frame, side))
    scale = bpy.context.preferences.system.ui_scale
    for number, pin in enumerate(board.step.pins):
        _draw_pin(flat, to_view(np.array(pin.pixel), frame, side), scale, number == placing.pointed)
    gpu.state.blend_set("NONE")


def _draw_wires(edges: np.ndarray) -> None:
    """Draw lines [N, 2, 2] in pixels."""
    lines = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    ends = np.zeros((2 * len(edges), 3), np.float32)
    ends[:, :2] = edges.reshape(-1, 2)
    batch = batch_for_shader(lines, "LINES", {"pos": ends})
    for color, width in WIRE_COLORS:
        lines.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        lines.uniform_float("lineWidth", width)
        lines.uniform_float("color", color)
        batch.draw(lines)


def _draw_pin(flat: gpu.types.GPUShader, place: np.ndarray, scale: float, held: bool) -> None:
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    fan = [(0, corner, corner % CORNERS + 1) for corner in range(1, CORNERS + 1)]
    for color, radius in PIN_COLORS:
        points = np.zeros((CORNERS + 1, 3), np.float32)
        points[0, :2], points[1:, :2] = place, place + scale * radius * ring
        flat.uniform_float("color", HELD_PIN if held and radius == PIN_COLORS[-1][1] else color)
        batch_for_shader(flat, "TRIS", {"pos": points}, indices=fan).draw(flat)
