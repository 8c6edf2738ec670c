"""From a stage, a USD file opened by ``pxr``, to Gaussians.

Pixar's reader trusts files: damaged ones can crash it or make it take all memory. So this runs in a
process of its own (:mod:`.child`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...gaussians import Gaussians, concatenate
from ...splats import spherical_harmonics as harmonics
from .. import raw_values
from ..assembly import assemble, check_count
from ..axes import Axes, to_ours
from ..reading import Reading
from . import references, scene
from .schema import (
    COEFFICIENTS,
    DEGREE,
    HALF_SUFFIX,
    KIND,
    OPACITIES,
    ORIENTATIONS,
    PART,
    POSITIONS,
    PRIM_TYPE,
    SCALES,
    damaged,
    library,
)

_MIN_BYTES = 12
"""A splat is at least its position."""


def read(path: Path, original: Path | None, allow: Callable[[int], None]) -> Reading:
    """Read all splats of a USD file, placed by their transforms, in our frame and in metres.

    Args:
        path: A copy of the file.
        original: The file where it belongs, beside those that it refers to; None for one that lies nowhere.
        allow: Called with the size of each further file before it is opened.

    Raises:
        FormatError: as :func:`core.formats.usd.decode`.
    """
    pxr = library()
    try:
        if references.refers_to_others(pxr, path):
            if original is None:
                raise _lacking("refers to other files, which are out of reach here")
            path = original
        referred = references.opened(pxr, path, allow)
        return _scene(pxr, pxr.Usd.Stage.Open(str(path)), referred)
    except (pxr.Tf.ErrorException, RuntimeError, ValueError, np.linalg.LinAlgError) as error:
        raise damaged() from error


def _scene(pxr: Any, stage: Any, referred: references.Referred) -> Reading:
    prims = [prim for prim in stage.Traverse(pxr.Usd.TraverseInstanceProxies()) if prim.GetTypeName() == PRIM_TYPE]
    time = scene.moment(pxr, stage, prims)
    shown = [prim for prim in prims if not scene.is_hidden(prim, time)]
    if not shown:
        raise _nothing(bool(prims), referred)
    placed = [prim for prim in shown if _stored(prim, POSITIONS, time) is not None]
    if not placed:
        raise FormatError(
            "The splats in this USD file have no positions.",
            f"Export it again with a “{POSITIONS}” attribute, as {PRIM_TYPE} has it.",
            code=f"{KIND}-no-positions",
        )
    notes = list(referred.notes)
    if len(shown) < len(prims):
        notes.append(f"{len(prims) - len(shown)} of {len(prims)} splat objects are invisible: left out.")
    if len(placed) < len(shown):
        notes.append(f"{len(shown) - len(placed)} of {len(shown)} splat objects have no positions: left out.")
    if not time.IsDefault():
        notes.append(f"The file is animated: its frame {time.GetValue():g} was read.")
    found = _all_splats(pxr, stage, placed, time, referred.size, notes)
    return Reading(concatenate(found), Axes.Z_UP, tuple(dict.fromkeys(notes)))


def _nothing(is_hidden: bool, referred: references.Referred) -> FormatError:
    """Return the error for a file without splats to show."""
    if is_hidden:
        return FormatError(
            "All splats in this USD file are invisible, or guides or stand-ins for others.",
            "Make them visible in the program that wrote the file, and export it again.",
            code=f"{KIND}-invisible",
        )
    if referred.missing:
        return _lacking(f"refers to “{referred.missing[0][:80]}”, which is not there")
    if referred.outside:
        return _lacking(f"refers to “{referred.outside[0][:80]}”, outside of its own folder, which is not read")
    return FormatError(
        "This USD file holds no Gaussian splats.",
        f"Choose a file with {PRIM_TYPE} prims, or import this one as a scene.",
        code=f"{KIND}-not-splats",
    )


def _lacking(what: str) -> FormatError:
    return FormatError(
        f"The USD file {what}.",
        "Put the files into one folder, or export one flattened file.",
        code=f"{KIND}-missing-file",
    )


def _all_splats(pxr: Any, stage: Any, prims: list[Any], time: Any, size: int, notes: list[str]) -> list[Gaussians]:
    cache = pxr.UsdGeom.XformCache(time)
    is_y_up = pxr.UsdGeom.GetStageUpAxis(stage) == pxr.UsdGeom.Tokens.y
    # The fallback of a centimetre holds for files that say nothing; those of splats then mean no unit.
    authored = pxr.UsdGeom.StageHasAuthoredMetersPerUnit(stage)
    unit = pxr.UsdGeom.GetStageMetersPerUnit(stage) if authored else 1.0
    total = 0
    for prim in prims:
        # Before anything is copied: references can place the same splats a million times.
        total += len(_stored(prim, POSITIONS, time))
        check_count(KIND, total, total * _MIN_BYTES, size)
    found = []
    for prim in prims:
        gaussians = _splats(pxr, prim, time, notes)
        # Gf's matrices act on row vectors.
        matrix = np.array(cache.GetLocalToWorldTransform(prim)).T * [[unit], [unit], [unit], [1]]
        placed = gaussians if np.array_equal(matrix, np.eye(4)) else gaussians.transform(matrix)
        found.append(to_ours(placed, Axes.Y_UP) if is_y_up else placed)
    return found


def _splats(pxr: Any, prim: Any, time: Any, notes: list[str]) -> Gaussians:
    means = _column(prim, POSITIONS, 3, len(_stored(prim, POSITIONS, time)), time)
    count = len(means)
    columns = _primvars(pxr, prim, count, time)
    parts = columns.pop(PART, None)
    scales, of_scales = raw_values.sizes(_column(prim, SCALES, 3, count, time, (1, 1, 1)))
    opacities, of_opacities = raw_values.opacities(_column(prim, OPACITIES, 1, count, time, (1,))[:, 0])
    notes += [*of_scales, *of_opacities]
    sh = _harmonics(prim, count, time, notes)
    if scene.is_linear(prim):
        sh = raw_values.display_harmonics(sh)
        notes.append("Linear colors were converted to sRGB.")
    gaussians, left_out = assemble(
        KIND,
        means,
        scales,
        # In memory Gf's quaternions are x, y, z, w.
        _column(prim, ORIENTATIONS, 4, count, time, (0, 0, 0, 1))[:, (3, 0, 1, 2)],
        opacities,
        sh,
        parts if parts is not None and parts.ndim == 1 else None,
        columns,
    )
    notes += left_out
    return gaussians


def _harmonics(prim: Any, count: int, time: Any, notes: list[str]) -> np.ndarray:
    """Return [N, K, 3]; grey where the file has none that fit."""
    attribute = prim.GetAttribute(DEGREE)
    degree = attribute.Get(time) if attribute else None
    # The schema's fallback, for libraries that don't know it.
    degree = harmonics.MAX_DEGREE if degree is None else degree
    width = (degree + 1) ** 2
    stored = _stored(prim, COEFFICIENTS, time)
    if degree < 0 or stored is None or len(stored) < count * width:
        notes.append("The file has no spherical harmonics that fit its splats: they are grey.")
        return np.zeros((count, 1, 3), np.float32)
    if degree > harmonics.MAX_DEGREE:
        notes.append(f"Spherical harmonics above degree {harmonics.MAX_DEGREE} left out.")
    kept = (min(degree, harmonics.MAX_DEGREE) + 1) ** 2
    return _column(prim, COEFFICIENTS, 3, count * width, time).reshape(count, width, 3)[:, :kept]


def _column(prim: Any, name: str, width: int, count: int, time: Any, default: tuple[float, ...] = ()) -> np.ndarray:
    """Return a column as float32 [count, width]; the default for all when it is absent, too short or another type."""
    values = _stored(prim, name, time)
    if values is not None and len(values) >= count > 0:
        table = np.array(values, np.float32).reshape(len(values), -1)
        if table.shape[1] == width:
            return table[:count]
    return np.full((count, width), default or 0, np.float32)


def _stored(prim: Any, name: str, time: Any) -> Any:
    """Return a column of full or else half precision as USD's array, None if absent or empty."""
    for attribute in (prim.GetAttribute(name), prim.GetAttribute(name + HALF_SUFFIX)):
        values = attribute.Get(time) if attribute else None
        if values is not None and len(values):
            return values
    return None


def _primvars(pxr: Any, prim: Any, count: int, time: Any) -> dict[str, np.ndarray]:
    """Return numeric primvars with a value for each splat, [N] or [N, M] by name."""
    columns = {}
    for primvar in pxr.UsdGeom.PrimvarsAPI(prim).GetPrimvarsWithAuthoredValues():
        try:
            values = np.array(primvar.ComputeFlattened(time))
        except (TypeError, ValueError):
            continue
        if values.dtype.kind not in "biuf" or not values.size or not count or len(values) % count:
            continue
        table = values.reshape(count, -1)
        columns[primvar.GetPrimvarName()] = table[:, 0] if table.shape[1] == 1 else table
    return columns
