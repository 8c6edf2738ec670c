"""A recorded face: coefficients and turns over time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ...errors import FormatError
from ..turns import from_turns, to_turns
from .angles import DEGREES, RADIANS

DEFAULT_FPS = 60.0
"""ARKit's own rate, where a table says nothing of the time."""


class RecordingError(FormatError):
    """A table is damaged, or holds no recording of a face."""

    code = "bad-recording"


@dataclass(frozen=True, eq=False)
class Recording:
    """A face over time.

    Attributes:
        times: [T] float64 seconds since the first moment, strictly ascending.
        names: K names in ARKit's spelling (``eyeBlinkLeft``), in ARKit's order.
        values: [T, K] float32 coefficients 0..1.
        rotations: "head", "leftEye" and "rightEye", those that the table has, each [T, 3] float32
            yaw, pitch and roll in radians: to the person's left, down, and to the right shoulder
            are positive (about ARKit's axes y, x and z).
        notes: What was left out or assumed, one sentence each.
        unit: In which the table's angles were taken to be, :data:`~.angles.RADIANS` or :data:`~.angles.DEGREES`.
        unit_note: The one of the notes that tells it; "" where it is certain.
    """

    times: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    rotations: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()
    unit: str = RADIANS
    unit_note: str = ""

    @property
    def fps(self) -> float:
        """Moments a second, by the typical distance of two; the default rate for a single one."""
        return 1 / float(np.median(np.diff(self.times))) if len(self.times) > 1 else DEFAULT_FPS

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.times[-1])

    def resampled(self, fps: float) -> Recording:
        """Return the recording at every whole frame of a rate, interpolated linearly."""
        count = int(np.floor(self.seconds * fps + 1e-6)) + 1
        times = np.arange(count) / fps
        return replace(
            self,
            times=times,
            values=_interpolated(times, self.times, self.values),
            rotations={
                part: _interpolated(times, self.times, np.unwrap(angles, axis=0))
                for part, angles in self.rotations.items()
            },
        )

    def smoothed(self, seconds: float) -> Recording:
        """Return the recording under a Gaussian of that standard deviation; 0 changes nothing."""
        width = seconds * self.fps
        if width <= 0:
            return self
        return replace(
            self,
            values=gaussian_filter1d(self.values, width, axis=0, mode="nearest"),
            rotations={
                part: gaussian_filter1d(np.unwrap(angles, axis=0), width, axis=0, mode="nearest")
                for part, angles in self.rotations.items()
            },
        )

    def in_unit(self, unit: str) -> Recording:
        """Return the recording with the table's angles taken in this unit, whatever they were taken for."""
        factor = 1.0 if unit == self.unit else np.pi / 180 if unit == DEGREES else 180 / np.pi
        return replace(
            self,
            rotations={part: (factor * angles).astype(np.float32) for part, angles in self.rotations.items()},
            notes=tuple(note for note in self.notes if note != self.unit_note),
            unit=unit,
            unit_note="",
        )

    def centered(self) -> Recording:
        """Return the recording with the head's average direction as straight ahead; a phone rarely stands there."""
        if "head" not in self.rotations:
            return self
        turns = to_turns(self.rotations["head"])
        return replace(self, rotations={**self.rotations, "head": from_turns(turns.mean().inv() * turns)})


def _interpolated(times: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(times, known, column) for column in values.T], axis=1).astype(np.float32)
