"""Waiting for a background process without ever stopping Blender: a job as pieces of an errand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ...core.errors import FaceLiftError
from ...core.processes.job import Job, JobState
from ...core.progress import Progress
from ..interface.previews import previews
from . import connection
from .timers import wake


def with_picture(job: Job, kind: str, key: str) -> Callable[[Progress | None], Progress | None]:
    """Return what, told a job's progress, shows its newest preview of a kind as the icon of a key."""
    shown: list[bytes] = []

    def tell(progress: Progress | None) -> Progress | None:
        png = job.previews.get(kind)
        if png is not None and (not shown or png is not shown[0]):
            shown[:] = [png]
            previews.show(key, png)
        return progress

    return tell


def _as_it_is(progress: Progress | None) -> Progress | None:
    return progress


def waited(
    job: Job, stopped: FaceLiftError, tell: Callable[[Progress | None], Progress | None] = _as_it_is
) -> Generator[Progress | None, None, Any]:
    """Yield a job's progress while it goes on, and stop it when this is closed; return its result.

    Args:
        job: The job.
        stopped: What is raised where it was cancelled.
        tell: Called with each progress; what it returns is yielded.

    Raises:
        FaceLiftError: it failed, or was cancelled.
    """
    wake()
    try:
        while not job.finished:
            connection.poll()
            yield tell(job.progress)
    finally:
        job.cancel()
    if job.state is not JobState.DONE:
        raise job.error or stopped
    return job.result
