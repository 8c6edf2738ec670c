"""Contact sheets: views once around, side by side in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import cameras
from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..geometry.framing import upright_bounds
from ..progress import Reporter
from .choice import Renderer
from .rendering import WHITE, to_uint8


@dataclass(frozen=True)
class Layout:
    """How a contact sheet looks.

    Attributes:
        views: Number of views in one turn; the first is the front.
        columns: Pictures in a row.
        size: Width and height of one picture in pixels.
        elevation: Degrees of the camera above the horizon, -90 < elevation < 90.
        background: r, g, b behind everything, sRGB-encoded, 0..1; None leaves it transparent.
    """

    views: int = 8
    columns: int = 4
    size: int = 512
    elevation: float = 0.0
    background: tuple[float, float, float] | None = WHITE


def contact_sheet(
    subjects: Sequence[Gaussians], layout: Layout, renderer: Renderer, reporter: Reporter | None = None
) -> np.ndarray:
    """Return the sheet, [H, W, 3] uint8, or [H, W, 4] with straight alpha where it is transparent.

    Args:
        subjects: World +Z up, front at -Y. Each begins a new row and fills its pictures.
        layout: How the sheet looks.
        renderer: What makes the pictures.
        reporter: Progress in pictures, and cancelling.

    Raises:
        FaceLiftError: a subject is empty ("no-splats").
        Cancelled: cancelled through the reporter.
    """
    reporter = reporter or Reporter()
    framed = [_framed(subject, layout.elevation) for subject in subjects]
    reporter.stage("Rendering the contact sheet", steps=layout.views * len(framed))
    rows = []
    for subject in framed:
        pictures = []
        for camera in cameras.turntable(layout.views, layout.size, layout.elevation):
            pictures.append(_picture(subject, camera, layout.background, renderer))
            reporter.step()
        rows += _rows(pictures, layout)
    return np.concatenate(rows, axis=0)


def _framed(gaussians: Gaussians, elevation: float) -> Gaussians:
    """Move splats into the middle of the turntable and scale them to fill its pictures."""
    if len(gaussians) == 0:
        raise FaceLiftError("There are no splats to show.", "Choose an object that has some.", code="no-splats")
    bounds = upright_bounds([gaussians.means])
    scale = cameras.RIG_RADIUS / bounds.distance(np.tan(np.radians(cameras.RIG_FOV / 2)), elevation)
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = -scale * bounds.center
    return gaussians.transform(matrix)


def _picture(
    gaussians: Gaussians, camera: cameras.Camera, background: Sequence[float] | None, renderer: Renderer
) -> np.ndarray:
    if background is not None:
        return renderer(gaussians, camera, background).to_uint8()
    rendering = renderer(gaussians, camera, (0.0, 0.0, 0.0))
    alpha = rendering.alpha[..., None]
    straight = np.divide(rendering.image, alpha, out=np.zeros_like(rendering.image), where=alpha > 0)
    return to_uint8(np.concatenate([straight, alpha], axis=2))


def _rows(pictures: list[np.ndarray], layout: Layout) -> list[np.ndarray]:
    """Lay one subject's pictures out in rows; places left in the last one stay empty."""
    if layout.background is None:
        empty = np.zeros_like(pictures[0])
    else:
        empty = np.broadcast_to(to_uint8(np.asarray(layout.background)), pictures[0].shape)
    places = -len(pictures) % layout.columns
    filled = [*pictures, *[empty] * places]
    return [
        np.concatenate(filled[start : start + layout.columns], axis=1)
        for start in range(0, len(filled), layout.columns)
    ]
