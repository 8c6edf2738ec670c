"""``python -m core convert``: splat files from one format to another, with what there is to tell of them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from .. import formats
from ..formats.axes import Axes
from ..formats.reading import Reading
from ..formats.registry import Statement
from ..system.console import Console

AXES = {"y-down": Axes.Y_DOWN, "z-up": Axes.Z_UP, "y-up": Axes.Y_UP}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser."""
    convert = commands.add_parser(
        "convert",
        help="convert a splat file",
        description="Read a splat file and write another; suffixes say the kind.",
    )
    convert.set_defaults(command=_convert)
    convert.add_argument("source", type=Path)
    convert.add_argument("target", type=Path)
    add_axes(convert)
    convert.add_argument(
        "--to",
        dest="write_as",
        choices=AXES,
        help="axes of the target, where its format leaves them open (default: those that other programs expect)",
    )


def add_axes(command: argparse.ArgumentParser) -> None:
    """Add the choice of the axes of a file that doesn't say them, ``read_as``."""
    command.add_argument("--from", dest="read_as", choices=AXES, help="axes of a source that doesn't say them")


def read_upright(path: Path, read_as: str | None, console: Console) -> Reading:
    """Return a splat file's splats in our frame, and tell what there is to tell of them.

    Args:
        path: The file.
        read_as: A key of :data:`AXES` for files that don't say theirs; None for the usual one.
        console: Where to tell.

    Raises:
        FormatError: as :func:`core.formats.read`.
    """
    reading = formats.read(path)
    for note in reading.notes:
        console.message(f"{path.name}: {note}")
    if reading.axes is not Axes.UNSTATED:
        return reading
    if read_as is None:
        console.message(f"{path.name}: The file doesn't say its axes: +Y is taken for down. Choose others with --from.")
    return replace(reading, axes=AXES[read_as or "y-down"]).upright()


def _convert(options: argparse.Namespace, console: Console) -> int:
    target = formats.format_of(options.target)
    reading = read_upright(options.source, options.read_as, console)
    gaussians = reading.gaussians
    free = target.statement is not Statement.BY_FORMAT
    axes = AXES[options.write_as] if options.write_as and free else None
    if options.write_as and not free:
        console.message(f"{options.target.name}: its format has one way up, so --to changes nothing.")
    formats.save(gaussians, options.target, axes=axes, unit=reading.unit)
    console.message(f"{options.target.name}: {len(gaussians):,} splats")
    print(options.target, flush=True)
    return 0
