"""From a stage, a USD file opened by ``pxr``, to Gaussians.

Pixar's reader trusts files: damaged ones can crash it or make it take all memory. So this runs in a
process of its own (:mod:`.child`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ... import spherical_harmonics as harmonics
from ...errors import FormatError
from ...gaussians import Gaussians, concatenate
from ..assembly import assemble, check_count
from ..axes import Axes, to_ours
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


def read(path: Path) -> Gaussians:
    """Read all splats of a USD file, placed by their transforms, in our frame and in metres.

    Raises:
        FormatError: as :func:`core.formats.usd.decode`.
    """
    pxr = library()
    try:
        found = _all_splats(pxr, pxr.Usd.Stage.Open(str(path)), path.stat().st_size)
    except (pxr.Tf.ErrorException, RuntimeError, ValueError, np.linalg.LinAlgError) as error:
        raise damaged() from error
    if not found:
        raise FormatError(
            "This USD file holds no Gaussian splats.",
            f"Choose a file with {PRIM_TYPE} prims, or import this one as a scene.",
            code=f"{KIND}-not-splats",
        )
    return found[0] if len(found) == 1 else concatenate(found)


def _all_splats(pxr: Any, stage: Any, size: int) -> list[Gaussians]:
    cache = pxr.UsdGeom.XformCache()
    is_y_up = pxr.UsdGeom.GetStageUpAxis(stage) == pxr.UsdGeom.Tokens.y
    # The fallback of a centimetre holds for files that say nothing; those of splats then mean no unit.
    authored = pxr.UsdGeom.StageHasAuthoredMetersPerUnit(stage)
    unit = pxr.UsdGeom.GetStageMetersPerUnit(stage) if authored else 1.0
    prims = [prim for prim in stage.Traverse(pxr.Usd.TraverseInstanceProxies()) if prim.GetTypeName() == PRIM_TYPE]
    total = 0
    for prim in prims:
        # Before anything is copied: references can place the same splats a million times.
        total += len(_stored(pxr, prim, POSITIONS) or ())
        check_count(KIND, total, total * _MIN_BYTES, size)
    found = []
    for prim in prims:
        gaussians = _splats(pxr, prim)
        # Gf's matrices act on row vectors.
        matrix = np.array(cache.GetLocalToWorldTransform(prim)).T * [[unit], [unit], [unit], [1]]
        placed = gaussians if np.array_equal(matrix, np.eye(4)) else gaussians.transform(matrix)
        found.append(to_ours(placed, Axes.Y_UP) if is_y_up else placed)
    return found


def _splats(pxr: Any, prim: Any) -> Gaussians:
    means = _column(pxr, prim, POSITIONS, 3, len(_stored(pxr, prim, POSITIONS) or ()))
    count = len(means)
    columns = _primvars(pxr, prim, count)
    parts = columns.pop(PART, None)
    return assemble(
        KIND,
        means,
        _column(pxr, prim, SCALES, 3, count, (1, 1, 1)),
        # In memory Gf's quaternions are x, y, z, w.
        _column(pxr, prim, ORIENTATIONS, 4, count, (0, 0, 0, 1))[:, (3, 0, 1, 2)],
        _column(pxr, prim, OPACITIES, 1, count, (1,))[:, 0],
        _harmonics(pxr, prim, count),
        parts if parts is not None and parts.ndim == 1 else None,
        columns,
    )


def _harmonics(pxr: Any, prim: Any, count: int) -> np.ndarray:
    """Return [N, K, 3]; grey where the file has none that fit."""
    attribute = prim.GetAttribute(DEGREE)
    degree = attribute.Get() if attribute else None
    # The schema's fallback, for libraries that don't know it.
    degree = harmonics.MAX_DEGREE if degree is None else degree
    width = (degree + 1) ** 2
    if degree < 0 or len(_stored(pxr, prim, COEFFICIENTS) or ()) < count * width:
        return np.zeros((count, 1, 3), np.float32)
    kept = (min(degree, harmonics.MAX_DEGREE) + 1) ** 2
    return _column(pxr, prim, COEFFICIENTS, 3, count * width).reshape(count, width, 3)[:, :kept]


def _column(pxr: Any, prim: Any, name: str, width: int, count: int, default: tuple[float, ...] = ()) -> np.ndarray:
    """Return a column as float32 [count, width]; the default for all when it is absent, too short or another type."""
    values = _stored(pxr, prim, name)
    if values is not None and len(values) >= count > 0:
        table = np.array(values, np.float32).reshape(len(values), -1)
        if table.shape[1] == width:
            return table[:count]
    return np.full((count, width), default or 0, np.float32)


def _stored(pxr: Any, prim: Any, name: str) -> Any:
    """Return a column of full or else half precision as USD's array, None if absent."""
    for attribute in (prim.GetAttribute(name), prim.GetAttribute(name + HALF_SUFFIX)):
        values = attribute.Get(pxr.Usd.TimeCode.EarliestTime()) if attribute else None
        if values is not None and len(values):
            return values
    return None


def _primvars(pxr: Any, prim: Any, count: int) -> dict[str, np.ndarray]:
    """Return numeric primvars with a value for each splat, [N] or [N, M] by name."""
    columns = {}
    for primvar in pxr.UsdGeom.PrimvarsAPI(prim).GetPrimvarsWithAuthoredValues():
        try:
            values = np.array(primvar.ComputeFlattened(pxr.Usd.TimeCode.EarliestTime()))
        except (TypeError, ValueError):
            continue
        if values.dtype.kind not in "biuf" or not values.size or not count or len(values) % count:
            continue
        table = values.reshape(count, -1)
        columns[primvar.GetPrimvarName()] = table[:, 0] if table.shape[1] == 1 else table
    return columns
