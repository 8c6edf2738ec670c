"""Frames as an engine takes them: aligned to parts of a pixel, cut out, and steady from one to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ..errors import PhotoError
from ..photo.alignment import ALIGNED_SIZE
from ..photo.decode import Photo, from_array
from ..photo.edits import Crop
from ..photo.foreground import estimate_foreground
from ..photo.landmarks import Landmarks
from ..photo.matting import estimate_matte, estimate_matte_around
from ..photo.prepare import judge_size
from ..photo.sampling import sample_perspective
from ..progress import Reporter
from ..video.clip import Clip
from .framing import Framed, wanted_frames

STILL = 10.0
"""Difference of a pixel from the frame before, of 255, up to which it did not move: its matte is that of before."""
MEMORY = 0.75
"""Share of the matte before, where nothing moved."""
LEAST_PERSON = 0.02
"""Share of the aligned picture that the person takes at least; a small face with its neck takes a tenth."""
RUN_UP = 8
"""Frames before one that is wanted from which its matte is steadied: what came earlier has a tenth of a say."""


def aligned_frames(
    clip: Clip,
    framed: Sequence[Framed],
    wanted: Collection[int],
    reporter: Reporter,
    *,
    rate: float,
    start: float,
    end: float,
) -> Iterator[tuple[Framed, Photo | PhotoError]]:
    """Yield frames as aligned pictures with their mattes as alpha, or the errors of those that can't be taken.

    Args:
        clip: The clip.
        framed: Its frames, as :func:`~.framing.framing_of` has them.
        wanted: Numbers of those that are asked for.
        reporter: For cancelling.
        rate: As they were framed, like the next two.
        start: Second at which they begin.
        end: Second at which they end.
    """
    places = [place for place, one in enumerate(framed) if one.number in wanted]
    looked_at = {place - back for place in places for back in range(RUN_UP + 1)}
    before: tuple[int, np.ndarray, np.ndarray] | None = None
    frames = wanted_frames(clip, rate, start, end)
    for place, (one, (_, frame)) in enumerate(zip(framed, frames, strict=False)):
        if place not in looked_at:
            continue
        reporter.check()
        try:
            colors, alpha = _cut_out(frame.rgb, one)
        except PhotoError as error:
            if one.number in wanted:
                yield one, error
            continue
        if before is not None and before[0] == place - 1:
            alpha = _steadied(alpha, colors, *before[1:])
        before = place, alpha, colors
        if one.number in wanted:
            # Of the steady matte, not of the frame's own: colours tremble with it.
            foreground = estimate_foreground(colors, alpha / 255.0)
            yield one, from_array(np.dstack([foreground, alpha]), f"frame {one.number}")


def _cut_out(rgb: np.ndarray, framed: Framed) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame's aligned colours [512, 512, 3] and its matte [512, 512], uint8.

    Raises:
        PhotoError: the face is too small ("face-too-small"), or nobody is there ("nobody").
    """
    judge_size(framed.crop.box((rgb.shape[1], rgb.shape[0])))
    alpha = _aligned(_matte(rgb, framed.crop, framed.landmarks), framed.crop, 0)
    if alpha.mean() < 255 * LEAST_PERSON:
        raise PhotoError("Nobody is seen in this frame.", code="nobody")
    return _aligned(rgb, framed.crop, 255), alpha


def _aligned(image: np.ndarray, crop: Crop, fill: int) -> np.ndarray:
    """Return the part of a frame that a crop takes, to the fraction of a pixel.

    The alignment of photos goes by whole pixels, as the reference does: heads would jump by one where a crop drifts.
    """
    left, top, side = crop.square((image.shape[1], image.shape[0]))
    scale = side / ALIGNED_SIZE
    to_frame = np.array([[scale, 0, left], [0, scale, top], [0, 0, 1]])
    return sample_perspective(image, to_frame, ALIGNED_SIZE, fill)


def _matte(rgb: np.ndarray, crop: Crop, landmarks: Landmarks | None) -> np.ndarray:
    """Return a frame's matte [H, W] uint8; where no face was seen, that of who is where the face should be."""
    if landmarks is not None:
        alpha = estimate_matte(rgb, landmarks)
    else:
        box = crop.box((rgb.shape[1], rgb.shape[0]))
        alpha = estimate_matte_around(rgb, np.array(box.center), box.size)
    return np.rint(alpha * 255).astype(np.uint8)


def _steadied(alpha: np.ndarray, colors: np.ndarray, before: np.ndarray, colors_before: np.ndarray) -> np.ndarray:
    """Return a matte [H, W] uint8 that is that of the frame before where nothing moved."""
    moved = np.abs(colors.astype(np.float32) - colors_before).mean(axis=2)
    share = MEMORY * np.exp(-((moved / STILL) ** 2))
    return np.rint(alpha + share * (before.astype(np.float32) - alpha)).astype(np.uint8)
