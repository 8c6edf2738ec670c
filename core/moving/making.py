"""A clip becomes a head a frame: with models that stay warm, one seed, and files that are kept whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
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
from ..system import failures
from ..system.files import replacing
from ..system.pictures import png_bytes, reduced
from ..video.clip import Clip, open_clip
from .framing import Framed, framing_of
from .manifest import Manifest, Recipe
from .pictures import aligned_frames

logger = logging.getLogger(__name__)

MOST_ALIKE = 3
"""Frames in a row that fail for one reason which is not in the frame, after which the others would, too."""
ENDING = ("disk-full", "file-unwritable", *USELESS_AFTER)
"""Codes of errors that no further frame would be spared."""
KEPT = "What was made is kept; begin again to go on."
FRAME, PREVIEW_SIDE = "frame", 256
"""Kind of the preview that shows the frame at work, cut out, and its pixels."""
MOST_TOLD = 8
"""Frames without a head that are named one by one."""


@dataclass(frozen=True)
class MovingResult:
    """What came of a clip.

    Attributes:
        first: The first head's file.
        number: Its number: above 1 where the frames before gave none.
        made: Heads that were made now.
        there: Heads that were there before.
        failed: Reasons by the numbers of frames that gave no head.
        frame_rate: Heads a second.
        has_sound: Whether the clip has a sound track.
        notes: Sentences for the user.
    """

    first: Path
    number: int
    made: int
    there: int
    failed: Mapping[int, str]
    frame_rate: float
    has_sound: bool
    notes: tuple[str, ...]


def make_moving(
    path: Path, folder: Path, recipe: Recipe, engine: Engine, settings: Mapping[str, Any], reporter: Reporter
) -> MovingResult:
    """Make the heads of a clip that are not there yet.

    Args:
        path: The clip.
        folder: Where the heads go, numbered from 1.
        recipe: How they are made.
        engine: Makes them; its models stay loaded.
        settings: The engine's, as the recipe was made from; those that say where it runs count here only.
        reporter: Progress by frames; cancelling keeps what is done.

    Raises:
        ClipError: the clip can't be read, or shows no face.
        FaceLiftError: the folder holds something else ("other-sequence"), no frame gave a head, or the work can't go
            on: the disk is full, the graphics card is lost, several frames in a row failed alike for a reason that is
            not in them. What was made stays.
        Cancelled: cancelled through the reporter; what was made stays.
    """
    end = recipe.end if recipe.end >= 0 else np.inf
    manifest = Manifest.open(folder, recipe)
    following, looking, making = reporter.parts(2, 1, 40)
    with open_clip(path) as clip:
        rate = manifest.frame_rate = min(recipe.rate, clip.facts.frame_rate)
        framed = framing_of(clip, following, rate=rate, start=recipe.start, end=end, whom=recipe.face)
        manifest.heads = framed[-1].number
        whole = manifest.done(looking)
        there = {one.number for one in framed if one.number in whole}
        for one in framed:
            if one.number in there:
                _hold(manifest, one, whole)
        missing = [one.number for one in framed if one.number not in there]
        making.stage("Making the heads", len(missing))
        pictures = aligned_frames(clip, framed, missing, making, rate=rate, start=recipe.start, end=end)
        done, errors = set(there), list[FaceLiftError]()
        for one, picture in pictures:
            if isinstance(picture, PhotoError):
                error: FaceLiftError | None = picture
            else:
                making.preview(FRAME, png_bytes(reduced(picture.rgba, PREVIEW_SIDE)))
                error = _made(manifest.path(one.number), picture, engine, settings, making)
            if error is None:
                _hold(manifest, one, whole)
                done.add(one.number)
                errors.clear()
            elif error.code in ENDING:
                raise FaceLiftError(error.message, f"{error.advice} {KEPT}".strip(), code=error.code)
            else:
                manifest.failed[one.number] = str(error)
                manifest.save()
                errors.append(error)
                _check(errors)
            making.step()
        making.finish()
        if not done:
            raise FaceLiftError(f"No frame gave a head. {errors[-1].message}", errors[-1].advice, code=errors[-1].code)
        manifest.save()
        return _result(manifest, clip, done, there)


def _made(
    path: Path, picture: Photo, engine: Engine, settings: Mapping[str, Any], reporter: Reporter
) -> FaceLiftError | None:
    """Make and write a head; return why there is none."""
    try:
        inner = Reporter(cancel=reporter.cancel_event)
        gaussians = engine.generate(Capture.of(picture, aligned=True), settings, inner).gaussians
        formats.save(gaussians, path, unit=Unit.HEAD)
    except Cancelled:
        raise
    except FaceLiftError as error:
        return error
    except Exception as error:  # what one frame does to an engine must not take the others' heads
        logger.exception("%s", picture.name)
        text = f"{type(error).__name__}: {error}"
        known = failures.find(text)
        if known is None:
            return FaceLiftError(f"Something went wrong inside ({text}).", code="internal")
        return FaceLiftError(known.message, known.advice, code=known.code)
    return None


def _hold(manifest: Manifest, framed: Framed, whole: Collection[int]) -> None:
    """Give a head's file the further numbers for which its frame stands still, as far as they are not there yet."""
    for number in range(framed.number + 1, framed.number + framed.lasts):
        if number not in whole:
            with replacing(manifest.path(number)) as stream:
                stream.write(manifest.path(framed.number).read_bytes())


def _check(errors: Sequence[FaceLiftError]) -> None:
    """Raise where there is no going on, by the errors since the last head."""
    last, alike = errors[-1], errors[-MOST_ALIKE:]
    # A face may be away for as long as it likes: that is the frames' own.
    if len(alike) == MOST_ALIKE and all(not isinstance(one, PhotoError) and one.code == last.code for one in alike):
        raise FaceLiftError(
            f"{MOST_ALIKE} frames in a row gave no head: {last.message}",
            f"{last.advice} {KEPT}".strip(),
            code=last.code,
        )


def _result(manifest: Manifest, clip: Clip, done: set[int], there: set[int]) -> MovingResult:
    notes, failed = list(clip.notes), manifest.failed
    if failed:
        numbers = ", ".join(map(str, list(failed)[:MOST_TOLD])) + (", …" if len(failed) > MOST_TOLD else "")
        reason = next(iter(failed.values()))
        notes.append(f"Frames without a head: {len(failed)} ({numbers}). {reason} Begin again to try them once more.")
    return MovingResult(
        first=manifest.path(min(done)),
        number=min(done),
        made=len(done) - len(there),
        there=len(there),
        failed=dict(failed),
        frame_rate=manifest.frame_rate,
        has_sound=clip.facts.has_sound,
        notes=tuple(notes),
    )
