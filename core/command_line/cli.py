"""The command line: heads from photos without Blender, and what there is to make them with."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import formats
from ..engines import registry, settings
from ..engines.base import Engine, GenerateResult
from ..engines.capture import Capture
from ..engines.description import Description
from ..engines.settings import Setting
from ..engines.shot_options import SIDE_OPTIONS, ShotOptions, split_options
from ..errors import FaceLiftError
from ..photo.decode import Photo
from ..photo.sides import SIDES
from ..progress import Reporter
from ..rasterize.turntable import FRAMES
from ..system.console import Console
from ..version import version
from . import capturing, conversion, moving, refining, weights
from .photos import capture_of, further_photo, photos_of
from .results import Extras, write_result

DEFAULT_ENGINE = registry.first_free().id
HEAD_SUFFIX = ".ply"
BESIDE_THE_HEAD = ""
"""Value of an option for further files when no path follows it."""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
"""What shells report for a command stopped by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    Args:
        arguments: Without the program's name; the process's own by default.

    Returns:
        0 for success, 1 if a photo failed, 2 for wrong usage, 130 when interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    console = Console(sys.stderr)
    try:
        options = _parser(_engine_id(arguments)).parse_args(arguments)
        return options.command(options, console)
    except FaceLiftError as error:
        console.message(f"error: {error}")
        return EXIT_USAGE
    except KeyboardInterrupt:
        console.message("Interrupted.")
        return EXIT_INTERRUPTED


# Arguments


def _engine_id(arguments: Sequence[str]) -> str:
    """Return the engine asked for: which further arguments there are depends on it."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--engine", default=DEFAULT_ENGINE)
    return parser.parse_known_args(arguments)[0].engine


def _parser(engine_id: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description=__doc__)
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(required=True)

    info = commands.add_parser("info", help="print versions and engines")
    info.set_defaults(command=_info)
    info.add_argument("--json", action="store_true", help="for programs")

    generate = commands.add_parser(
        "generate",
        help="make heads from photos and videos",
        description="Make a 3D Gaussian head from each photo, from the best frames of a video, or from each frame.",
    )
    generate.set_defaults(command=_generate)
    generate.add_argument("photos", nargs="+", type=Path, metavar="PHOTO_OR_VIDEO_OR_FOLDER")
    generate.add_argument("--engine", default=DEFAULT_ENGINE, choices=registry.ENGINES, help="default: %(default)s")
    generate.add_argument(
        "-o", "--out", type=Path, required=True, help="folder, or for a single photo a splat file, such as head.ply"
    )
    generate.add_argument(
        "--with",
        dest="further",
        nargs="+",
        action="extend",
        default=[],
        type=further_photo,
        metavar="FILE[:SIDE]",
        help="further photos of the same person, for one head of all of them; SIDE says what a photo shows where no "
        f"face tells it: {', '.join(SIDES)} (left and right are the person's own)",
    )
    _add_extras(generate)
    moving.add_options(generate)
    if engine_id in registry.ENGINES:
        _add_settings(generate, registry.describe(engine_id))
    capturing.add_parser(commands)
    conversion.add_parser(commands)
    refining.add_parser(commands)
    weights.add_parser(commands)
    return parser


def _add_extras(generate: argparse.ArgumentParser) -> None:
    """Add what can be written besides the heads. A path may follow each; put the photos before them."""
    generate.add_argument(
        "--views",
        nargs="?",
        const=BESIDE_THE_HEAD,
        metavar="FOLDER",
        help="write sheets of six views of each head as well (default: beside the head)",
    )
    generate.add_argument(
        "--turntable",
        nargs="?",
        const=BESIDE_THE_HEAD,
        metavar="MP4_OR_FOLDER",
        help="write a video of each head turning once (default: beside the head)",
    )
    generate.add_argument(
        "--turntable-frames", type=_count, default=FRAMES, metavar="N", help="frames of a turn (default: %(default)s)"
    )
    generate.add_argument(
        "--cameras",
        action="store_true",
        help="write the photos' cameras as transforms.json with the cut-outs, for refine and other programs",
    )


def _extras(options: argparse.Namespace) -> Extras:
    views, turntable = (Path(text) if text else None for text in (options.views, options.turntable))
    frames = options.turntable_frames
    return Extras(options.views is not None, views, options.turntable is not None, turntable, frames, options.cameras)


def _count(text: str) -> int:
    """Read a number of at least 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _add_settings(generate: argparse.ArgumentParser, engine: Description) -> None:
    """Add what can be chosen about photos, and the engine's own settings."""
    of_photos = [option for option in engine.shot_options if option.name not in SIDE_OPTIONS]
    for title, chosen in (("photos", of_photos), (f"settings of the {engine.id} engine", engine.settings)):
        group = generate.add_argument_group(title)
        for setting in chosen:
            _add_setting(group, setting)


def _add_setting(group: argparse._ArgumentGroup, setting: Setting) -> None:
    """Add a setting as an argument. Those not given stay away, and the engine's defaults hold."""
    text = setting.doc.replace("%", "%%")
    if setting.only_with is not None:
        text = f"With --{setting.only_with[0]} {setting.only_with[1]}: {text}"
    if setting.default is not None:
        text += f" (default: {setting.default})"
    if setting.kind == "flag":
        kind: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
    elif setting.kind == "choice":
        kind = {"choices": [option.id for option in setting.options]}
    elif setting.kind == "folder":
        kind = {"metavar": "FOLDER"}
    else:
        kind = {"type": int if setting.kind == "integer" else float, "metavar": f"{setting.low}..{setting.high}"}
    flag = "--" + setting.name.replace("_", "-")
    group.add_argument(flag, dest=f"setting:{setting.name}", default=argparse.SUPPRESS, help=text, **kind)


def _given_settings(options: argparse.Namespace) -> dict[str, Any]:
    prefix = "setting:"
    return {name.removeprefix(prefix): value for name, value in vars(options).items() if name.startswith(prefix)}


# Commands


def _info(options: argparse.Namespace, console: Console) -> int:
    from ..worker.server import hello  # Only this command needs the worker.

    facts = hello()
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    print(f"FaceLift {facts['version']}, Python {facts['python']}, numpy {facts['numpy']}, {facts['platform']}")
    for engine in facts["engines"]:
        print(f"{engine['id']}: {engine['doc']}")
        print("  ready" if engine["available"] else f"  not available: {engine['reason']}")
    return 0


@dataclass(frozen=True)
class _Work:
    """A photo and the path of its head's file."""

    photo: Path
    head: Path


def _generate(options: argparse.Namespace, console: Console) -> int:
    engine = registry.create_engine(options.engine)
    chosen, values = split_options(_given_settings(options))
    engine.description.read(values)
    settings.read(ShotOptions, chosen)
    works = _plan(options.photos, options.out)
    if options.further and len(works) > 1:
        raise FaceLiftError(
            f"{len(works)} portraits were given, and further photos of one person with --with.",
            "Name one portrait; all further photos of that person follow --with.",
        )
    moving.check([work.photo for work in works], options, chosen)
    _extras(options).check(len(works))
    _make_folder(works[0].head.parent)
    failed = 0
    for number, work in enumerate(works, 1):
        label = work.photo.name if len(works) == 1 else f"[{number}/{len(works)}] {work.photo.name}"
        try:
            if moving.is_clip(work.photo) and moving.wants_every_frame(options):
                # Each of several videos has a folder of its own.
                folder = options.out if len(works) == 1 else work.head.with_suffix("")
                moving.every_frame(work.photo, folder, engine, values, options, console)
                continue
            if moving.is_clip(work.photo):
                capture, notes = moving.best_of(work.photo, options, console)
            else:
                capture, notes = capture_of(work.photo, chosen, options.further)
            for note in notes:
                console.message(f"{label}: {note}")
            _make_head(engine, capture, values, work, options, console, label)
        except FaceLiftError as error:
            failed += 1
            console.message(f"{label}: {error}")
        except Exception:
            failed += 1
            console.message(f"{label}: something went wrong; please report this:\n{traceback.format_exc()}")
    if len(works) > 1:
        console.message(f"{len(works) - failed} of {len(works)} photos done" + (f", {failed} failed" if failed else ""))
    return EXIT_FAILED if failed else 0


def _make_head(
    engine: Engine,
    capture: Capture[Photo],
    values: Mapping[str, Any],
    work: _Work,
    options: argparse.Namespace,
    console: Console,
    label: str,
) -> None:
    started = time.perf_counter()
    result = engine.generate(capture, values, Reporter(lambda progress: console.progress(label, progress)))
    drawing = Reporter(lambda progress: console.progress(label, progress))
    paths = list(write_result(result, capture, work.head, _extras(options), drawing))
    for note in (*result.notes, *_outcomes(result)):
        console.message(f"{label}: {note}")
    seconds = time.perf_counter() - started
    console.message(f"{label}: {len(result.gaussians):,} Gaussians in {seconds:.1f} s")
    print(*paths, sep="\n", flush=True)


def _outcomes(result: GenerateResult) -> list[str]:
    """Return what became of a head's further photos, in sentences."""
    told = zip(result.recipe.capture.photos[1:], result.shots[1:], strict=True)
    return [f"{photo.name}: {shot.state}, {shot.side}. {shot.message}".rstrip() for photo, shot in told]


# Files


def _plan(inputs: Sequence[Path], out: Path) -> list[_Work]:
    """Return what to make. Photos of the same name get numbers, so that no head replaces another.

    Raises:
        FaceLiftError: a file for several photos, or a folder without photos.
    """
    photos = [photo for path in inputs for photo in photos_of(path)]
    if out.suffix.lower() in formats.suffixes():
        if len(photos) > 1:
            raise FaceLiftError(f"{len(photos)} photos can't go to the one file {out}.", "Name a folder with -o.")
        return [_Work(photos[0], out)]
    works, taken = [], set()
    for photo in photos:
        stem, number = photo.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{photo.stem}-{number}"
        taken.add(stem.casefold())
        works.append(_Work(photo, out / (stem + HEAD_SUFFIX)))
    return works


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FaceLiftError(
            f"The folder {path} could not be made: {error.strerror or error}.", "Choose another with -o."
        ) from error
