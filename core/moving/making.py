"""A clip becomes a head a frame: with models that stay warm, one seed, and files that are kept whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import formats
from ..engines.base import Engine
from ..engines.capture import Capture
from ..errors import Cancelled, FaceLiftError, PhotoError
from ..formats.axes import Unit
from ..photo.decode import Photo
from ..processes.protocol import USELESS_AFTER
from ..progress import Reporter
from ..video.clip import Clip, open_clip
from .framing import framing_of
from .manifest import Manifest, Recipe
from .pictures import aligned_frames

MOST_ALIKE = 3
"""Frames in a row that fail for one reason that is not in their pictures, after which the others would, too."""
ENDING = ("disk-full", "file-unwritable", *USELESS_AFTER)
"""Codes of errors that no further frame would be spared."""


@dataclass(frozen=True)
class MovingResult:
    """What came of a clip.

    Attributes:
        first: The first head's file, or None where there is none.
        made: Heads that were made now.
        there: Heads that were there before.
        failed: Reasons by the numbers of frames that gave no head.
        notes: Sentences for the user.
    """

    first: Path | None
    made: int
    there: int
    failed: Mapping[int, str]
    notes: tuple[str, ...]


def recipe_of(path: Path, engine: str, settings: Mapping[str, Any], **more: Any) -> Recipe:
    """Return how the heads of a clip are made; ``more`` are further fields of the recipe."""
    try:
        size = path.stat().st_size if path.is_file() else 0
    except OSError:
        size = 0
    return Recipe(path.name, size, engine, dict(settings), **more)


def make_moving(path: Path, folder: Path, recipe: Recipe, engine: Engine, reporter: Reporter) -> MovingResult:
    """Make the heads of a clip that are not there yet.

    Args:
        path: The clip.
        folder: Where the heads go, numbered from 1.
        recipe: How they are made.
        engine: Makes them; its models stay loaded.
        reporter: Progress by frames; cancelling keeps what is done.

    Raises:
        ClipError: the clip can't be read, or shows no face.
        FaceLiftError: the folder holds something else ("other-sequence"), or the work can't go on: the disk is
            full, the graphics card is lost, several frames in a row failed alike. What was made stays.
        Cancelled: cancelled through the reporter; what was made stays.
    """
    end = recipe.end if recipe.end >= 0 else np.inf
    manifest = Manifest.open(folder, recipe)
    following, making = reporter.parts(1, 20)
    with open_clip(path) as clip:
        rate = min(recipe.rate, clip.facts.frame_rate)
        framed = framing_of(clip, following, rate=rate, start=recipe.start, end=end)
        missing = [one for one in framed if not manifest.is_done(one.number)]
        making.stage("Making the heads", len(missing))
        pictures = aligned_frames(clip, missing, making, rate=rate, start=recipe.start, end=end)
        failures: list[str] = []
        for one, picture in pictures:
            if isinstance(picture, FaceLiftError):
                error: FaceLiftError | None = picture
            else:
                error = _made(manifest.path(one.number), picture, engine, recipe, making)
            if error is None:
                failures.clear()
            else:
                manifest.failed[one.number] = str(error)
                manifest.save()
                if not isinstance(error, PhotoError):
                    # A face may be hidden or turned away for a while.
                    failures.append(error.code)
                    _check(failures, error)
            making.step()
        making.finish()
        return _result(manifest, clip, len(framed), len(missing))


def _made(path: Path, picture: Photo, engine: Engine, recipe: Recipe, reporter: Reporter) -> FaceLiftError | None:
    """Make and write a head; return why there is none."""
    try:
        inner = Reporter(cancel=reporter.cancel_event)
        gaussians = engine.generate(Capture.of(picture, aligned=True), recipe.settings, inner).gaussians
        formats.save(gaussians, path, unit=Unit.HEAD)
    except Cancelled:
        raise
    except FaceLiftError as error:
        return error
    return None


def _check(failures: list[str], error: FaceLiftError) -> None:
    """Raise where there is no going on."""
    if error.code in ENDING:
        raise error
    if len(failures) >= MOST_ALIKE and len(set(failures[-MOST_ALIKE:])) == 1:
        raise FaceLiftError(
            f"{MOST_ALIKE} frames in a row gave no head: {error.message}",
            error.advice or "What was made is kept; begin again to go on.",
            code=error.code,
        )


def _result(manifest: Manifest, clip: Clip, count: int, missing: int) -> MovingResult:
    done = [number for number in range(1, count + 1) if manifest.is_done(number)]
    notes = list(clip.notes)
    if manifest.failed:
        numbers = ", ".join(map(str, list(manifest.failed)[:8]))
        notes.append(f"{len(manifest.failed)} frames gave no head ({numbers}): begin again to try them once more.")
    return MovingResult(
        first=manifest.path(done[0]) if done else None,
        made=missing - len(manifest.failed),
        there=count - missing,
        failed=dict(manifest.failed),
        notes=tuple(notes),
    )
