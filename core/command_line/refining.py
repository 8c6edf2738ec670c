"""``python -m core refine``: splats that look as photos with known cameras show them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import formats
from ..errors import Cancelled, FaceLiftError
from ..formats.axes import to_ours_matrix
from ..formats.registry import Statement
from ..gaussians import Gaussians
from ..progress import Reporter
from ..refine.gradients.rasterizer import cuda_rasterizer
from ..refine.gradients.shapes import SHARES, refine_shapes, words_without
from ..refine.refine import RefineOptions, refine_to_views
from ..refine.transforms import Frame, read_transforms
from ..refine.types import Refined, View
from ..refine.views import unmatted_view, view_of
from ..runtime import advice
from ..system.console import Console
from . import conversion
from .photos import read

SHAPE_TOLERANCE = 0.01
"""Share by which a picture's width over height may differ from its camera's."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser."""
    refine = commands.add_parser(
        "refine",
        help="make splats match photos",
        description="Change a head's colors and outline, and split its splats, so that it looks as its photos show "
        "it. Where PyTorch, gsplat and an NVIDIA card are, move, turn and resize them, too. From other sides it stays "
        "as it is. “generate --cameras” writes the cameras of a head's photos.",
    )
    refine.set_defaults(command=_refine)
    refine.add_argument("source", type=Path, metavar="SPLATS")
    refine.add_argument(
        "cameras",
        type=Path,
        metavar="TRANSFORMS_JSON",
        help="the photos and their cameras, in the splat file's own axes and unit, as nerfstudio and others write "
        "them. Where a photo is transparent, that is the outline; one without transparency counts inside of the splats",
    )
    refine.add_argument("-o", "--out", type=Path, required=True, help="splat file")
    refine.add_argument(
        "--strength", type=_share, default=1.0, metavar="0..1", help="how far to go (default: %(default)s)"
    )
    refine.add_argument("--no-outlines", dest="outlines", action="store_false", help="keep all opacities")
    refine.add_argument(
        "--no-shapes",
        dest="shapes",
        action="store_false",
        help="keep places, sizes and turns of the splats: changing them needs PyTorch, gsplat and an NVIDIA card",
    )
    refine.add_argument("--no-split", dest="split", action="store_false", help="keep the number of splats")
    conversion.add_axes(refine)


def _share(text: str) -> float:
    """Read a number 0..1, for argparse."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


def _refine(options: argparse.Namespace, console: Console) -> int:
    formats.format_of(options.out)
    frames = read_transforms(options.cameras, _size_of)
    reading = conversion.read_upright(options.source, options.read_as, console)
    gaussians = reading.gaussians
    to_ours = to_ours_matrix(reading.file_axes)
    if np.linalg.det(to_ours) < 0:
        raise FaceLiftError(
            f"The axes of {options.source.name} are mirrored, so no camera can be in them.",
            "Convert it first, and give the cameras in the new file's axes.",
            code="mirrored-axes",
        )
    views = [_view(gaussians, frame, to_ours) for frame in frames]
    label = options.source.name
    reporter = Reporter(lambda progress: console.progress(label, progress))
    refined, note = _refined(gaussians, views, options, reporter)
    result = refined.at(options.strength).gaussians
    kind = formats.format_of(options.out)
    # In the axes of the source, where the format leaves them open: the cameras fit the result, too.
    axes = reading.file_axes if kind.statement is not Statement.BY_FORMAT else None
    formats.save(result, options.out, axes=axes, unit=reading.unit)
    photos = "1 photo" if len(frames) == 1 else f"{len(frames)} photos"
    console.message(
        f"{label}: {photos}, {refined.before:.1f} dB before, {refined.after:.1f} dB now; "
        f"{len(result):,} splats, {len(gaussians):,} before"
    )
    if note:
        console.message(f"{label}: {note}")
    print(options.out, flush=True)
    return 0


def _refined(
    gaussians: Gaussians, views: Sequence[View], options: argparse.Namespace, reporter: Reporter
) -> tuple[Refined, str]:
    """Return splats refined in both steps, or in the first one and why."""
    rasterizer, note = None, ""
    if options.shapes:
        try:
            rasterizer = cuda_rasterizer()
        except FaceLiftError as error:
            note = words_without(error)
    first, second = reporter.parts(*SHARES) if rasterizer is not None else (reporter, reporter)
    wanted = RefineOptions(options.outlines, options.split)
    refined = refine_to_views(gaussians, views, wanted, first)
    if rasterizer is None:
        return refined, note
    try:
        return refine_shapes(refined, wanted.of(views), second, rasterizer), ""
    except Cancelled:
        raise
    except Exception as error:  # Cards and their drivers fail in ways of their own; what is made already stays.
        return refined, words_without(advice.explained(error))


def _size_of(path: Path) -> tuple[int, int]:
    """Return a picture's width and height as it is decoded."""
    height, width = read(path).rgba.shape[:2]
    return width, height


def _view(gaussians: Gaussians, frame: Frame, to_ours: np.ndarray) -> View:
    """Return a frame as a view of splats in our axes.

    Raises:
        FaceLiftError: the picture can't be read, or has another shape than its camera's ("other-shape").
    """
    rgba = read(frame.path).rgba
    height, width = rgba.shape[:2]
    camera = frame.camera
    if abs(width / height * camera.height / camera.width - 1) > SHAPE_TOLERANCE:
        raise FaceLiftError(
            f"{frame.path.name} has {width} × {height} pixels, its camera {camera.width} × {camera.height}.",
            "Give the picture that the camera took, whole and upright.",
            code="other-shape",
        )
    camera = camera.moved(to_ours).resized(width)
    if (rgba[..., 3] < 255).any():
        return view_of(camera, rgba)
    return unmatted_view(gaussians, camera, np.ascontiguousarray(rgba[..., :3]))
