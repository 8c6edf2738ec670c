"""The second step of refining, which a background process with a graphics card does."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from ...core.errors import FaceLiftError
from ...core.processes.server import InvalidRequest
from ...core.progress import Progress
from ...core.refine.gradients.shapes import SHARES, words_without
from ...core.refine.types import Refined, View
from . import connection
from .waiting import waited

NEEDED = (
    "Changing them needs an NVIDIA graphics card, and PyTorch with gsplat in the background process: see the manual."
)
OLD = "The background process is older than this extension, and can't change them."
BEGIN = SHARES[0] / sum(SHARES)
"""Share of the time that the first step took."""


def obstacle() -> str:
    """Return why no background process could do it, as far as that is known before one is asked; "" if one might."""
    return NEEDED if connection.strongest_seat() is connection.Seat.BLENDER else ""


def shaped(refined: Refined, views: Sequence[View]) -> Generator[Progress | None, None, tuple[Refined, str]]:
    """Have splats moved, turned and resized; yields its progress while that goes on, and stops it when it is closed.

    Args:
        refined: What the first step made.
        views: The photos that it was made for.

    Returns:
        Both steps' result; or the first one's, and what to tell.
    """
    if reason := obstacle():
        return refined, words_without(FaceLiftError(reason))
    try:
        job = connection.request_shapes(refined, views)
        shapes = yield from waited(job, FaceLiftError("The background process was stopped."), _second)
        return shapes.onto(refined), ""
    except ValueError as error:
        return refined, words_without(FaceLiftError(f"The command in the preferences can't be read: {error}."))
    except FaceLiftError as error:
        if error.code == InvalidRequest.code:
            error = FaceLiftError(OLD, "Update it where it runs.")
        return refined, words_without(error)


def _second(progress: Progress | None) -> Progress | None:
    """Return the second step's progress as that of both."""
    return progress and replace(progress, fraction=BEGIN + (1 - BEGIN) * progress.fraction)
