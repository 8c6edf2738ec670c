"""Progress and cancellation, as engines see them.

An engine calls :meth:`Reporter.stage` when a stage begins and :meth:`Reporter.step` after
each step; both raise :class:`~core.errors.Cancelled` when the job was cancelled, which
is how cancelling within one step comes for free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
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


CROP = "crop"
"""Kind of the preview that shows the portrait as it was aligned."""


def crop_preview(number: int) -> str:
    """Return the kind of the preview that shows a photo as it was aligned; the portrait's number is 0."""
    return f"{CROP}/{number}" if number else CROP


class Reporter:
    """Collects progress of one job and carries its cancel flag.

    Args:
        on_progress: Called with every :class:`Progress`, on the engine's thread.
        on_preview: Called with (kind, PNG bytes); kinds are "crop", "matte" and "views", and those of further photos
            end in their number ("crop/1").
        cancel: Event that another thread sets to cancel; a fresh one by default.
    """

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        on_preview: Callable[[str, bytes], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._on_progress = on_progress
        self._on_preview = on_preview
        self.cancel_event = cancel or threading.Event()
        self.stage_seconds: dict[str, float] = {}
        self._stage, self._steps, self._step = "", 1, 0
        self._begin, self._end = 0.0, 0.0
        self._started = self._stage_started = time.perf_counter()

    def stage(self, name: str, steps: int = 1, share: float = 0.0) -> None:
        """Begin a stage that takes ``share`` (0..1) of the whole job's time.

        Raises:
            Cancelled: the job was cancelled.
        """
        self._close_stage()
        self._stage, self._steps, self._step = name, max(1, steps), 0
        self._begin, self._end = self._end, min(1.0, self._end + share)
        self._emit()

    def step(self, count: int = 1) -> None:
        """Count finished steps of the current stage.

        Raises:
            Cancelled: the job was cancelled.
        """
        self._step = min(self._steps, self._step + count)
        self._emit()

    def check(self) -> None:
        """Raise :class:`Cancelled` when the job was cancelled."""
        if self.cancel_event.is_set():
            raise Cancelled()

    def preview(self, kind: str, png: bytes) -> None:
        """Show an intermediate picture."""
        if self._on_preview is not None:
            self._on_preview(kind, png)

    def portion(self, start: float, end: float) -> Reporter:
        """Return a reporter for a piece of the job that has its own idea of 0..1: here it is ``start..end``.

        Cancelling this one cancels the piece.
        """
        told = self._on_progress
        if told is None:
            return Reporter(None, self._on_preview, self.cancel_event)

        def forward(progress: Progress) -> None:
            fraction = start + (end - start) * progress.fraction
            told(replace(progress, fraction=fraction, eta=self._eta(fraction)))

        return Reporter(forward, self._on_preview, self.cancel_event)

    def for_photo(self, number: int) -> Reporter:
        """Return a reporter for preparing one of several photos: only its previews are passed on, under its number.

        Cancelling this one cancels that.
        """
        show = self._on_preview
        if show is None or number == 0:
            return Reporter(None, show, self.cancel_event)
        return Reporter(None, lambda kind, png: show(f"{kind}/{number}", png), self.cancel_event)

    def finish(self) -> None:
        """End the last stage, so that its time is counted, and report the job as done."""
        self._close_stage()
        self._step, self._begin, self._end = self._steps, 1.0, 1.0
        self._emit()

    def _close_stage(self) -> None:
        now = time.perf_counter()
        if self._stage:
            self.stage_seconds[self._stage] = self.stage_seconds.get(self._stage, 0.0) + now - self._stage_started
        self._stage_started = now

    def _emit(self) -> None:
        self.check()
        if self._on_progress is None:
            return
        fraction = self._begin + (self._end - self._begin) * self._step / self._steps
        self._on_progress(Progress(self._stage, self._step, self._steps, fraction, self._eta(fraction)))

    def _eta(self, fraction: float) -> float | None:
        """Return the seconds left by the time that a share of the job took."""
        elapsed = time.perf_counter() - self._started
        return elapsed * (1 - fraction) / fraction if fraction > 0.02 else None
