"""The part of each frame that becomes the aligned picture: it follows the face, and does not tremble."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..performance.tracker import FaceTracker, start_of
from ..photo.alignment import reference_box
from ..photo.edits import Crop
from ..photo.landmarks import Landmarks
from ..photo.types import FaceBox
from ..progress import Reporter
from ..video.clip import Clip
from ..video.cuts import CutDetector
from ..video.types import ClipError, Frame, NoFace
from .at_rest import at_rest

SMOOTH_SECONDS = 0.3
"""Width of the average over the crops' places and sizes, to both sides: nothing comes late."""
LONGEST_SIDE = 1920
EARLY = 0.25
"""Share of a frame's time by which one may come before it is due: files note times in milliseconds, or worse."""
SAME_RATE = 2e-3
"""Share by which rates may differ that are the same: 30 and 29.97 frames a second."""


@dataclass(frozen=True, eq=False)
class Framed:
    """A frame that becomes a head.

    Attributes:
        number: Of the head, from 1: it shows so many steps of the heads' rate after the beginning.
        time: Seconds in the clip.
        crop: The part of the frame that is taken.
        landmarks: The face's, in pixels of the frame at :data:`LONGEST_SIDE`; None where it wasn't found.
        lasts: How many numbers pass until the next frame: where a clip stands still, its head stays.
    """

    number: int
    time: float
    crop: Crop
    landmarks: Landmarks | None
    lasts: int = 1


def framing_of(
    clip: Clip,
    reporter: Reporter,
    *,
    rate: float,
    start: float = 0.0,
    end: float = np.inf,
    whom: FaceBox | None = None,
) -> tuple[Framed, ...]:
    """Return a clip's frames with their smoothed crops.

    Args:
        clip: The clip.
        reporter: Progress by frames.
        rate: Heads a second; frames between are left out.
        start: Second of the clip at which to begin.
        end: Second at which to end.
        whom: Whom to follow: the face where it is first seen in that part, in pixels of the clip; None follows the
            largest.

    Raises:
        ClipError: no face was found ("no-face-in-clip"), or the part holds no frame ("empty-part").
        Cancelled: cancelled through the reporter.
    """
    seconds = max(0.0, min(end, clip.facts.seconds) - start)
    reporter.stage("Following the face", max(1, round(seconds * min(rate, clip.facts.frame_rate))))
    tracker = FaceTracker(start_of(whom, clip.facts.size, LONGEST_SIDE))
    cuts, begins = CutDetector(), [0]
    found: list[Landmarks | None] = []
    numbers: list[int] = []
    times: list[float] = []
    for number, frame in wanted_frames(clip, rate, start, end):
        if cuts.is_cut(frame.rgb):
            tracker.forget()
            begins.append(len(times))
        seen = tracker.track(frame)
        found.append(None if seen is None else seen.landmarks)
        numbers.append(number)
        times.append(frame.time)
        reporter.step()
    if not times:
        raise ClipError(
            f"{clip.facts.path.name} has no frame from {start:.1f} s on.",
            "Choose another part of the video.",
            code="empty-part",
        )
    if all(landmarks is None for landmarks in found):
        raise NoFace(clip.facts.path)
    size = frame.rgb.shape[1::-1]
    crops = np.full((len(found), 3), np.nan)
    for place, landmarks in enumerate(at_rest(found)):
        if landmarks is not None:
            crops[place] = Crop.of_box(size, reference_box(landmarks)).values()
    ends = [*begins[1:], len(times)]
    for first, last in zip(begins, ends, strict=True):
        crops[first:last] = _smoothed(crops[first:last], np.array(times[first:last]), crops)
    lasting = [after - number for number, after in pairwise([*numbers, numbers[-1] + 1])]
    return tuple(
        Framed(number, time, Crop(*crop.tolist()), landmarks, lasts)
        for number, time, crop, landmarks, lasts in zip(numbers, times, crops, found, lasting, strict=True)
    )


def wanted_frames(clip: Clip, rate: float, start: float, end: float) -> Iterator[tuple[int, Frame]]:
    """Yield the frames of a clip that become heads, with their numbers from 1: so many a second, by the clip's clock.

    However unevenly frames come, none shows more than one step of the rate from its time: heads keep up with the sound.
    """
    early, last = EARLY / clip.facts.frame_rate, 0
    has_more = clip.facts.frame_rate > rate * (1 + SAME_RATE)
    for frame in clip.frames(start, end, LONGEST_SIDE):
        steps = (frame.time - start) * rate
        number = math.floor(steps + early * rate + 1e-6) + 1
        if number == last and not has_more and number - steps <= 1:
            # It came early. Where all do, there are more of them than steps.
            number += 1
        if number > last:
            last = number
            yield number, frame


def _smoothed(crops: np.ndarray, times: np.ndarray, everywhere: np.ndarray) -> np.ndarray:
    """Return crops [T, 3] of one shot without gaps and trembling; those of the whole clip stand in for none."""
    known = np.isfinite(crops[:, 0])
    if not known.any():
        return np.broadcast_to(np.nanmedian(everywhere, axis=0), crops.shape)
    filled = np.stack([np.interp(times, times[known], column[known]) for column in crops.T], axis=1)
    if len(times) < 2:
        return filled
    width = SMOOTH_SECONDS / float(np.median(np.diff(times)))
    # Sizes by their logarithms: nearer and farther are the same step.
    filled[:, 2] = np.log(filled[:, 2])
    smooth = gaussian_filter1d(filled, width, axis=0, mode="nearest")
    smooth[:, 2] = np.exp(smooth[:, 2])
    return np.asarray(smooth)
