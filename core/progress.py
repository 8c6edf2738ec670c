"""Progress and cancellation, as engines see them.

An engine plans its stages with :meth:`Reporter.parts`, calls :meth:`Reporter.stage` when a stage
begins and :meth:`Reporter.step` after each step; these two raise :class:`~core.errors.Cancelled`
when the job was cancelled, which is how cancelling within one step comes for free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from typing import Any

from .errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """One progress notification.

    Attributes:
        stage: What is being done, as shown to the user ("Fitting the head").
        step: Steps done in this stage, 0..steps.
        steps: Number of steps of this stage, at least 1.
        fraction: Share of the whole job done, 0..1.
        eta: Estimated seconds left for the whole job, or None while unknown.
    """

    stage: str
    step: int
    steps: int
    fraction: float
    eta: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the notification's JSON form."""
        return asdict(self)


LEAST_FOR_ETA = 0.02
"""Share of a job that must be done before its time is estimated."""
CROP = "crop"
"""Kind of the preview that shows the portrait as it was aligned."""
PHOTO = "photo"
"""Kind of the preview that shows a photo as it is, whatever will be found in it."""


def crop_preview(number: int) -> str:
    """Return the kind of the preview that shows a photo as it was aligned; the portrait's number is 0."""
    return f"{CROP}/{number}" if number else CROP


class _Job:
    """What all reporters of a job share: where it tells, whether it was cancelled, the stage that it is in."""

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None,
        on_preview: Callable[[str, bytes], None] | None,
        cancel_event: threading.Event,
    ) -> None:
        self.on_progress, self.on_preview, self.cancel_event = on_progress, on_preview, cancel_event
        self.stage_seconds: dict[str, float] = {}
        self._stage, self._steps, self._step = "", 1, 0
        self._begin, self._end, self._told = 0.0, 0.0, 0.0
        self._started = self._stage_started = time.perf_counter()

    def enter(self, stage: str, steps: int, begin: float, end: float) -> None:
        """Count the time of the stage that ends, and begin another, which is ``begin..end`` of the job."""
        self.close()
        self._stage, self._steps, self._step, self._begin, self._end = stage, max(1, steps), 0, begin, end
        self.tell()

    def step(self, count: int) -> None:
        """Count steps of the stage."""
        self._step = min(self._steps, self._step + count)
        self.tell()

    def end(self, fraction: float) -> None:
        """End the stage, and with it so much of the job."""
        self.close()
        self._step, self._begin, self._end = self._steps, fraction, fraction
        self.tell()

    def close(self) -> None:
        """Count the time of the stage that ends."""
        now = time.perf_counter()
        if self._stage:
            self.stage_seconds[self._stage] = self.stage_seconds.get(self._stage, 0.0) + now - self._stage_started
        self._stage_started = now

    def tell(self) -> None:
        """Notify of the progress, which never goes back: work that must be done again was done, too."""
        if self.cancel_event.is_set():
            raise Cancelled()
        if self.on_progress is None:
            return
        fraction = max(self._told, self._begin + (self._end - self._begin) * self._step / self._steps)
        elapsed = time.perf_counter() - self._started
        left = elapsed * (1 - fraction) / fraction if fraction > LEAST_FOR_ETA else None
        self._told = fraction
        self.on_progress(Progress(self._stage, self._step, self._steps, fraction, left))


class Reporter:
    """Collects progress of one job, or of a part of it, and carries its cancel flag.

    A job that has several stages plans them before it begins: :meth:`parts` gives each a reporter of its own for its
    share of the time. A stage takes the whole of its reporter. So shares add up, whoever does the work, and whatever
    of it turns out not to be needed.

    Args:
        on_progress: Called with every :class:`Progress`, on the engine's thread.
        on_preview: Called with (kind, PNG bytes); kinds are "photo", "crop", "matte" and "views", and those of further
            photos end in their number ("crop/1").
        cancel: Event that another thread sets to cancel; a fresh one by default.
    """

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        on_preview: Callable[[str, bytes], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._job = _Job(on_progress, on_preview, cancel or threading.Event())
        self._begin, self._end = 0.0, 1.0

    @property
    def cancel_event(self) -> threading.Event:
        """Event that is set to cancel the job."""
        return self._job.cancel_event

    @property
    def stage_seconds(self) -> dict[str, float]:
        """Seconds by name of the job's stages that have ended."""
        return self._job.stage_seconds

    def parts(self, *weights: float) -> tuple[Reporter, ...]:
        """Return a reporter for each part of this one's work, in the order in which it is done.

        Args:
            weights: What time each part takes, in any unit: how they relate to each other is what counts.
        """
        bounds = [0.0, *accumulate(weights)]
        length, found = (self._end - self._begin) / (bounds[-1] or 1.0), []
        for start, end in pairwise(bounds):
            part = copy(self)
            part._begin, part._end = self._begin + start * length, self._begin + end * length
            found.append(part)
        return tuple(found)

    def stage(self, name: str, steps: int = 1) -> None:
        """Begin a stage, which takes all of this reporter's share.

        Raises:
            Cancelled: the job was cancelled.
        """
        self._job.enter(name, steps, self._begin, self._end)

    def step(self, count: int = 1) -> None:
        """Count finished steps of the stage that the job is in.

        Raises:
            Cancelled: the job was cancelled.
        """
        self._job.step(count)

    def check(self) -> None:
        """Raise :class:`Cancelled` when the job was cancelled."""
        if self.cancel_event.is_set():
            raise Cancelled()

    def preview(self, kind: str, png: bytes) -> None:
        """Show an intermediate picture."""
        if self._job.on_preview is not None:
            self._job.on_preview(kind, png)

    def finish(self) -> None:
        """End the last stage, so that its time is counted, and report this reporter's share as done."""
        self._job.end(self._end)
