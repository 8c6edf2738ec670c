"""The photos of a finished head with their cameras, as files that ``refine`` and other programs read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .. import formats
from ..engines.base import GenerateResult
from ..engines.capture import Capture, Shot
from ..errors import Cancelled, FaceLiftError
from ..formats.axes import to_ours_matrix
from ..photo.decode import Photo
from ..photo.fine import fine_cut_out
from ..photo.sides import PLACED
from ..progress import Reporter
from ..refine.transforms import Frame, transforms_json
from ..system.files import replacing
from ..system.pictures import write_png


def write_cameras(result: GenerateResult, capture: Capture[Photo], head: Path, reporter: Reporter) -> Iterator[Path]:
    """Write the cut-outs of all photos that were placed, as fine as the photos are, and their cameras.

    Args:
        result: The head.
        capture: What it was made from.
        head: Path of its file, in whose frame the cameras are.
        reporter: Progress, and cancelling.

    Raises:
        FaceLiftError: a file can't be written.
        Cancelled: cancelled through the reporter.
    """
    to_file = to_ours_matrix(formats.format_of(head).axes).T
    frames = []
    outcomes = zip(capture.shots, result.shots, reporter.parts(*[1] * len(result.shots)), strict=True)
    for number, (shot, outcome, part) in enumerate(outcomes, 1):
        if outcome.state != PLACED or outcome.picture is None or outcome.camera is None:
            continue
        picture = _fine(shot, outcome.picture, part)
        path = write_png(picture, head.with_name(f"{head.stem}_photo_{number}.png"))
        frames.append(Frame(path, outcome.camera.moved(to_file).resized(picture.shape[1])))
        yield path
    path = head.with_name(f"{head.stem}_transforms.json")
    with replacing(path) as stream:
        stream.write(transforms_json(frames).encode())
    yield path


def _fine(shot: Shot[Photo], aligned: np.ndarray, reporter: Reporter) -> np.ndarray:
    """Return a photo's cut-out at the photo's own resolution where it has more than the aligned picture."""
    options = shot.options
    try:
        fine = fine_cut_out(
            shot.photo, aligned, reporter, face=options.face, stretched=options.aligned, edits=shot.edits
        )
    except Cancelled:
        raise
    except FaceLiftError:
        return aligned  # A profile or a back has no face to align it by.
    return aligned if fine is None else fine
