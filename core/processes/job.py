"""A request to another process as its asker holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import FaceLiftError
from ..progress import Progress
from .codec import Attachment
from .protocol import Method


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(eq=False)
class Job:
    """One request. Changes only inside :meth:`.Client.poll` and ``cancel``.

    Attributes:
        method: What is asked for.
        params: The request's parameters.
        attachments: What goes with it; dropped when the job ends.
        state: Where it stands.
        progress: The latest progress, or None before the first.
        previews: PNGs by kind ("crop", "matte", "views").
        result: When done: the result's dictionary, or what :meth:`.Client.unpack` made of it.
        error: When failed: what to show; ``details`` has the traceback or the log's last lines.
        cancelling: Whether it was asked to stop and has not stopped yet.
    """

    method: Method
    params: Mapping[str, Any]
    attachments: Mapping[str, Attachment]
    _cancel: Callable[[Job], None] = field(repr=False)
    state: JobState = JobState.QUEUED
    progress: Progress | None = None
    previews: dict[str, bytes] = field(default_factory=dict)
    result: Any = None
    error: FaceLiftError | None = None
    cancelling: bool = False

    @property
    def finished(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

    def cancel(self) -> None:
        """Ask the job to stop. A queued job stops at once, a running one within one step."""
        self._cancel(self)
