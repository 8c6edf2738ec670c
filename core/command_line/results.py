"""The files that a finished head becomes: Gaussians, pictures, a turntable video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import formats
from ..engines.base import GenerateResult
from ..engines.capture import Capture
from ..errors import FaceLiftError
from ..formats.axes import Unit
from ..photo.decode import Photo
from ..progress import Reporter
from ..rasterize.turntable import FRAMES, rendered_views, sheet, write_turntable
from ..system import video
from ..system.pictures import write_png
from .shots import write_cameras

VIDEO_SUFFIX = ".mp4"


@dataclass(frozen=True)
class Extras:
    """What is written beside the head's own file and the aligned photo.

    Attributes:
        views: Write the generated views and the head rendered through FaceLift's six cameras.
        views_folder: Where to; beside the head by default.
        turntable: Write a video of the head turning once.
        turntable_path: Folder, or file ending in .mp4; beside the head by default.
        turntable_frames: Its number of frames.
        cameras: Write the photos' cameras with their cut-outs, beside the head.
    """

    views: bool = False
    views_folder: Path | None = None
    turntable: bool = False
    turntable_path: Path | None = None
    turntable_frames: int = FRAMES
    cameras: bool = False

    def check(self, heads: int) -> None:
        """Check, before any work, that everything can be written.

        Args:
            heads: Number of heads that will be made.

        Raises:
            FaceLiftError: several heads for one video file, or no video library.
        """
        if self.turntable:
            video.check_available()
        path = self.turntable_path
        if path is not None and path.suffix.lower() == VIDEO_SUFFIX and heads > 1:
            raise FaceLiftError(f"{heads} turntables can't go to the one file {path}.", "Name a folder for them.")


def write_result(
    result: GenerateResult, capture: Capture[Photo], head: Path, extras: Extras, reporter: Reporter
) -> Iterator[Path]:
    """Write a head and what goes with it; yield each file once it exists.

    Args:
        result: What an engine made.
        capture: What it was made from.
        head: Path of the head's file; its suffix tells the format.
        extras: What else to write.
        reporter: Progress of the turntable, and cancelling.

    Raises:
        FaceLiftError: a file can't be written.
        Cancelled: cancelled through the reporter.
    """
    formats.save(result.gaussians, head, unit=Unit.HEAD)
    yield head
    yield write_png(result.aligned, head.with_name(f"{head.stem}_aligned.png"))
    if extras.views:
        folder = extras.views_folder or head.parent
        if result.views is not None:
            yield write_png(sheet(result.views), folder / f"{head.stem}_multiview.png")
        rendered = sheet(rendered_views(result.gaussians))
        yield write_png(rendered, folder / f"{head.stem}_views.png")
    if extras.cameras:
        yield from write_cameras(result, capture, head, reporter)
    if extras.turntable:
        path = _turntable_path(head, extras.turntable_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_turntable(result.gaussians, path, reporter, extras.turntable_frames)
        yield path


def _turntable_path(head: Path, chosen: Path | None) -> Path:
    if chosen is not None and chosen.suffix.lower() == VIDEO_SUFFIX:
        return chosen
    return (chosen or head.parent) / f"{head.stem}_turntable{VIDEO_SUFFIX}"
