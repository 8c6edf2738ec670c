"""``python -m core generate VIDEO``: a head of a clip's best frames, or a head of each frame."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import formats
from ..engines.base import Engine
from ..engines.capture import Capture
from ..engines.registry import describe
from ..errors import FaceLiftError
from ..moving.making import make_moving
from ..moving.manifest import recipe_of
from ..moving.shots import capture_of_clip
from ..photo.decode import Photo
from ..photo.types import FaceBox, corners_of
from ..progress import Reporter
from ..system.console import Console
from ..video.clip import VIDEO_SUFFIXES
from .capturing import person_of
from .photos import with_further

DEFAULT_RATE = 30.0
DEFAULT_SUFFIX = ".spz"
OF_ONE_HEAD = ("further", "views", "turntable", "cameras")
"""Options that a head a frame has no use for."""


def is_clip(path: Path) -> bool:
    """Return whether a path names a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir()


def add_options(generate: argparse.ArgumentParser) -> None:
    """Add what can be chosen about videos."""
    group = generate.add_argument_group("videos")
    group.add_argument(
        "--every-frame",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="a head of each frame of a video, instead of one of its best frames (default: with engines that need the "
        "setup). Begun again, it goes on where it stopped",
    )
    group.add_argument("--frames-per-second", type=_rate, default=DEFAULT_RATE, metavar="N", help="heads a second")
    group.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="where to begin in the video")
    group.add_argument("--end", type=float, default=-1.0, metavar="SECONDS", help="where to end")
    group.add_argument("--person", type=int, metavar="N", help="whose head, by the number that capture --people tells")
    group.add_argument(
        "--format", default=DEFAULT_SUFFIX.lstrip("."), metavar="SUFFIX", help="of a head a frame (default: spz)"
    )


def _rate(text: str) -> float:
    """Read a number above 0, for argparse."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def wants_every_frame(options: argparse.Namespace) -> bool:
    """Return whether a video is to become a head a frame."""
    return bool(describe(options.engine).needs_runtime if options.every_frame is None else options.every_frame)


def check(paths: Sequence[Path], options: argparse.Namespace, chosen: Mapping[str, Any]) -> None:
    """Check, before any work, that all that was asked for can be done with videos.

    Args:
        paths: Photos and videos.
        options: The command's.
        chosen: What was chosen about photos.

    Raises:
        FaceLiftError: something can't.
    """
    if not any(map(is_clip, paths)):
        return
    if chosen:
        names = ", ".join(_flag(name) for name in chosen)
        raise FaceLiftError(
            f"{names}: that can't be chosen for a video, whose frames are looked through for the face.",
            "Leave it out, or save a frame of the video as a picture and name that.",
        )
    if not wants_every_frame(options):
        return
    given = [name for name in OF_ONE_HEAD if getattr(options, name) not in (None, False, [])]
    if given:
        names = ", ".join("--with" if name == "further" else _flag(name) for name in given)
        raise FaceLiftError(
            f"{names}: that is for a single head, not for a head of each frame of a video.",
            "Leave it out, or make one head of the video's best frames with --no-every-frame.",
        )
    suffix = _suffix(options)
    if options.out.suffix.lower() in formats.suffixes() or suffix not in formats.suffixes():
        raise FaceLiftError(
            "A head a frame needs a folder, and a format of splats.", "Name a folder with -o, and --format spz or ply."
        )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _suffix(options: argparse.Namespace) -> str:
    return f".{options.format.lstrip('.').lower()}"


def best_of(path: Path, options: argparse.Namespace, console: Console) -> tuple[Capture[Photo], tuple[str, ...]]:
    """Return a video's best frames, and the photos that were named besides, as what a head is made from, and notes."""
    reporter = Reporter(lambda progress: console.progress(path.name, progress))
    whom = _whom(path, options, reporter)
    # What was named goes before what was found.
    room = max(1, describe(options.engine).takes.shots - len(options.further))
    frames, notes = capture_of_clip(path, reporter, start=options.start, end=_end(options), whom=whom)
    capture, more = with_further(frames.first(room), options.further)
    return capture, (*notes, *more)


def every_frame(
    path: Path,
    folder: Path,
    engine: Engine,
    settings: Mapping[str, Any],
    options: argparse.Namespace,
    console: Console,
) -> None:
    """Make a head of each frame of a video into a folder.

    Raises:
        FaceLiftError: as of :func:`~core.moving.making.make_moving`.
    """
    reporter = Reporter(lambda progress: console.progress(path.name, progress))
    recipe = recipe_of(
        path,
        options.engine,
        settings,
        rate=options.frames_per_second,
        start=options.start,
        end=options.end,
        suffix=_suffix(options),
        whom=corners_of(_whom(path, options, reporter)),
    )
    try:
        made = make_moving(path, folder, recipe, engine, settings, reporter)
    except KeyboardInterrupt:
        console.message(f"{path.name}: what was made is in {folder}; the same command goes on from there.")
        raise
    for note in made.notes:
        console.message(f"{path.name}: {note}")
    console.message(f"{path.name}: {made.made:,} heads made, {made.there:,} were there")
    print(made.first)


def _end(options: argparse.Namespace) -> float:
    return float(options.end if options.end >= 0 else "inf")


def _whom(path: Path, options: argparse.Namespace, reporter: Reporter) -> FaceBox | None:
    return person_of(path, options.person, options.start, _end(options), reporter)
