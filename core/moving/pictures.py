"""Frames as an engine takes them: aligned, cut out, and steady from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import PhotoError
from ..photo.decode import Photo, from_array
from ..photo.edits import PhotoEdits
from ..photo.prepare import FoundFaces, prepare_photo
from ..progress import Reporter
from ..video.clip import Clip
from .framing import Framed, wanted_frames

STILL = 10.0
"""Difference of a pixel from the frame before, of 255, up to which it did not move: its matte is that of before."""
MEMORY = 0.75
"""Share of the matte before, where nothing moved."""


def aligned_frames(
    clip: Clip, framed: Sequence[Framed], reporter: Reporter, *, rate: float, start: float, end: float
) -> Iterator[tuple[Framed, Photo | PhotoError]]:
    """Yield each frame as an aligned picture with its matte as alpha, or the error of one that can't be taken.

    Args:
        clip: The clip.
        framed: Its frames, as :func:`~.framing.framing_of` has them, from some number on.
        reporter: For cancelling.
        rate: As they were framed, like the next two.
        start: Second at which they begin.
        end: Second at which they end.
    """
    waiting = {round(one.time * 1e6): one for one in framed}
    before: np.ndarray | None = None
    for frame in wanted_frames(clip, rate, start, end):
        one = waiting.get(round(frame.time * 1e6))
        if one is None:
            continue
        reporter.check()
        faces: FoundFaces | None = None
        if one.landmarks is not None:
            size = (frame.rgb.shape[1], frame.rgb.shape[0])
            faces = [(one.crop.box(size), one.landmarks)]
        try:
            photo = from_array(frame.rgb, f"frame {one.number}")
            prepared = prepare_photo(
                photo, None, Reporter(cancel=reporter.cancel_event), edits=PhotoEdits(one.crop), faces=faces
            )
        except PhotoError as error:
            before = None
            yield one, error
            continue
        aligned = prepared.aligned if before is None else _steadied(prepared.aligned, before)
        before = aligned
        yield one, from_array(aligned, photo.name)


def _steadied(aligned: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return an aligned picture [H, W, 4] whose matte is that of the one before where nothing moved."""
    moved = np.abs(aligned[..., :3].astype(np.float32) - before[..., :3]).mean(axis=2)
    share = MEMORY * np.exp(-((moved / STILL) ** 2))
    alpha = aligned[..., 3] + share * (before[..., 3].astype(np.float32) - aligned[..., 3])
    return np.dstack([aligned[..., :3], np.rint(alpha).astype(np.uint8)])
