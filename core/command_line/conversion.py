"""``python -m core convert``: splat files from one format to another, with what there is to tell of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import formats
from ..formats.axes import Axes, to_ours
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
    convert.add_argument("--from", dest="read_as", choices=AXES, help="axes of a source that doesn't say them")
    convert.add_argument(
        "--to",
        dest="write_as",
        choices=AXES,
        help="axes of the target, where its format leaves them open (default: those that other programs expect)",
    )


def _convert(options: argparse.Namespace, console: Console) -> int:
    target = formats.format_of(options.target)
    reading = formats.read(options.source)
    gaussians, notes = reading.gaussians, reading.notes
    if reading.axes is Axes.UNSTATED:
        gaussians = to_ours(gaussians, AXES[options.read_as or "y-down"], reuse=True)
        if options.read_as is None:
            notes = (*notes, "The file doesn't say its axes: +Y is taken for down. Choose others with --from.")
    for note in notes:
        console.message(f"{options.source.name}: {note}")
    free = target.statement is not Statement.BY_FORMAT
    axes = AXES[options.write_as] if options.write_as and free else None
    if options.write_as and not free:
        console.message(f"{options.target.name}: its format has one way up, so --to changes nothing.")
    formats.save(gaussians, options.target, axes=axes, unit=reading.unit)
    console.message(f"{options.target.name}: {len(gaussians):,} splats")
    print(options.target, flush=True)
    return 0
