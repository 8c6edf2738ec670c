"""The second step of refining, which a background process with a graphics card does."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from ...core.errors import FaceLiftError
from ...core.processes.job import JobState
from ...core.processes.server import InvalidRequest
from ...core.progress import Progress
from ...core.refine.gradients.shapes import SHARES, words_without
from ...core.refine.types import Refined, View
from . import connection

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
        try:
            while not job.finished:
                connection.poll()
                told = job.progress
                yield told and replace(told, fraction=BEGIN + (1 - BEGIN) * told.fraction)
        finally:
            job.cancel()
        if job.state is JobState.DONE:
            return job.result.onto(refined), ""
        if job.error is not None and job.error.code == InvalidRequest.code:
            raise FaceLiftError(OLD, "Update it where it runs.")
        raise job.error or FaceLiftError("The background process was stopped.")
    except ValueError as error:
        return refined, words_without(FaceLiftError(f"The command in the preferences can't be read: {error}."))
    except FaceLiftError as error:
        return refined, words_without(error)
