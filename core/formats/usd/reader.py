"""From USD files to Gaussians."""

from __future__ import annotations

import tempfile
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
    library,
)

_SUFFIXES = {b"#usda": ".usda", b"PXR-USDC": ".usdc", b"PK\x03\x04": ".usdz"}
"""How files of each kind begin."""
_MIN_BYTES = 12
"""A splat is at least its position."""


def decode(data: bytes) -> Gaussians:
    """Read all splats of a USD file, placed by their transforms, in our frame and in metres.

    Columns that are too short or absent get the schema's defaults. Primvars with a value for each splat
    become extra columns (``part`` the parts) where all splats have them. Files that this one refers to
    are not read.

    Raises:
        FormatError: "usd-missing" (no ``pxr``), "usd-header", "usd-damaged", "usd-not-splats",
            "usd-too-large", "usd-not-finite", "usd-scale-range", "usd-zero-quaternion".
    """
    suffix = next((suffix for mark, suffix in _SUFFIXES.items() if data.startswith(mark)), None)
    if suffix is None:
        raise FormatError("This is not a USD file.", "Choose a .usda, .usdc or .usdz file.", code=f"{KIND}-header")
    pxr = library()
    with tempfile.TemporaryDirectory(prefix="facelift-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, f"splats{suffix}")
        path.write_bytes(data)
        try:
            found = _all_splats(pxr, pxr.Usd.Stage.Open(str(path)), len(data))
        except (pxr.Tf.ErrorException, RuntimeError, ValueError, np.linalg.LinAlgError) as error:
            raise FormatError(
                "The USD file is damaged.", "Copy the file again, or export it again.", code=f"{KIND}-damaged"
            ) from error
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
    found, total = [], 0
    for prim in stage.Traverse(pxr.Usd.TraverseInstanceProxies()):
        if prim.GetTypeName() != PRIM_TYPE:
            continue
        gaussians = _splats(pxr, prim)
        total += len(gaussians)
        # References can place the same splats a million times.
        check_count(KIND, total, total * _MIN_BYTES, size)
        # Gf's matrices act on row vectors.
        matrix = np.array(cache.GetLocalToWorldTransform(prim)).T * [[unit], [unit], [unit], [1]]
        placed = gaussians if np.array_equal(matrix, np.eye(4)) else gaussians.transform(matrix)
        found.append(to_ours(placed, Axes.Y_UP) if is_y_up else placed)
    return found


def _splats(pxr: Any, prim: Any) -> Gaussians:
    means = _values(pxr, prim, POSITIONS, 3, 0)
    if means is None:
        means = np.empty((0, 3), np.float32)
    count = len(means)
    rotations = _values(pxr, prim, ORIENTATIONS, 4, count)
    scales = _values(pxr, prim, SCALES, 3, count)
    opacities = _values(pxr, prim, OPACITIES, 1, count)
    columns = _primvars(pxr, prim, count)
    parts = columns.pop(PART, None)
    return assemble(
        KIND,
        means,
        np.ones((count, 3), np.float32) if scales is None else scales,
        # In memory Gf's quaternions are x, y, z, w.
        np.tile(np.float32([1, 0, 0, 0]), (count, 1)) if rotations is None else rotations[:, (3, 0, 1, 2)],
        np.ones(count, np.float32) if opacities is None else opacities[:, 0],
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
    if 0 <= degree <= 16:
        width = (degree + 1) ** 2
        values = _values(pxr, prim, COEFFICIENTS, 3, count * width)
        if values is not None:
            kept = (min(degree, harmonics.MAX_DEGREE) + 1) ** 2
            return np.ascontiguousarray(values.reshape(count, width, 3)[:, :kept])
    return np.zeros((count, 1, 3), np.float32)


def _values(pxr: Any, prim: Any, name: str, width: int, count: int) -> np.ndarray | None:
    """Return a column as float32 [N, width], of full or else half precision; None if absent or too short.

    Args:
        pxr: The library.
        prim: The splats.
        name: Of the attribute in full precision.
        width: Numbers of a value.
        count: Values wanted; 0 for all that there are.
    """
    for attribute in (prim.GetAttribute(name), prim.GetAttribute(name + HALF_SUFFIX)):
        values = attribute.Get(pxr.Usd.TimeCode.EarliestTime()) if attribute else None
        if values is not None and len(values) >= max(count, 1):
            table = np.array(values, np.float32).reshape(len(values), -1)
            if table.shape[1] == width:
                return table[: count or None]
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
