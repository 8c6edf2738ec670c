"""From Gaussians to USD files."""

from __future__ import annotations

import re
import shutil
import tempfile
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from ...gaussians import Gaussians
from .schema import COEFFICIENTS, DEGREE, OPACITIES, ORIENTATIONS, PART, POSITIONS, PRIM_TYPE, SCALES, library

_PATH = "/splats"
_NOT_IN_NAMES = re.compile(r"\W+", re.ASCII)
_EXTENT_SIGMAS = 3
"""The kernel's reach, as the schema states it."""
_TYPES = {
    **{"b1": ("UChar", "u1"), "u1": ("UChar", "u1"), "i1": ("Int", "i4"), "i2": ("Int", "i4"), "u2": ("Int", "i4")},
    **{"i4": ("Int", "i4"), "u4": ("UInt", "u4"), "i8": ("Int64", "i8"), "u8": ("UInt64", "u8")},
    **{"f2": ("Half", "f2"), "f4": ("Float", "f4"), "f8": ("Double", "f8")},
}
"""USD's type for each of numpy's, and numpy's type of its arrays."""


def encode_binary(gaussians: Gaussians, stream: BufferedIOBase) -> None:
    """Write Gaussians of our frame as a .usdc file (crate).

    Parts (where any is known) and extra columns become primvars; characters that USD's names can't
    have become underscores.

    Raises:
        FormatError: "usd-missing" (no ``pxr``).
        ValueError: an extra column is not numeric.
    """
    _export(gaussians, stream, "splats.usdc")


def encode_text(gaussians: Gaussians, stream: BufferedIOBase) -> None:
    """Write a .usda file, readable and large; otherwise like :func:`encode_binary`."""
    _export(gaussians, stream, "splats.usda")


def encode_package(gaussians: Gaussians, stream: BufferedIOBase) -> None:
    """Write a .usdz file; otherwise like :func:`encode_binary`."""
    _export(gaussians, stream, "splats.usdc", "package.usdz")


def _export(gaussians: Gaussians, stream: BufferedIOBase, name: str, package: str = "") -> None:
    pxr = library()
    with tempfile.TemporaryDirectory(prefix="facelift-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, name)
        stage = pxr.Usd.Stage.CreateNew(str(path))
        _describe(pxr, stage, gaussians)
        stage.GetRootLayer().Save()
        # Windows can't remove a file that is open.
        del stage
        if package:
            pxr.UsdUtils.CreateNewUsdzPackage(str(path), str(Path(folder, package)))
        with Path(folder, package or name).open("rb") as file:
            shutil.copyfileobj(file, stream)


def _describe(pxr: Any, stage: Any, gaussians: Gaussians) -> None:
    """Fill an empty stage."""
    types, vt = pxr.Sdf.ValueTypeNames, pxr.Vt
    pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.z)
    pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    # By its name: libraries older than the schema can write it too.
    prim = stage.DefinePrim(_PATH, PRIM_TYPE)
    stage.SetDefaultPrim(prim)
    uniform = pxr.Sdf.VariabilityUniform

    def attribute(name: str, kind: Any, value: Any, variability: Any = pxr.Sdf.VariabilityVarying) -> None:
        prim.CreateAttribute(name, kind, False, variability).Set(value)

    attribute(POSITIONS, types.Point3fArray, vt.Vec3fArray.FromNumpy(gaussians.means))
    # In memory Gf's quaternions are x, y, z, w.
    xyzw = np.ascontiguousarray(gaussians.rotations[:, (1, 2, 3, 0)])
    attribute(ORIENTATIONS, types.QuatfArray, vt.QuatfArray.FromNumpy(xyzw))
    attribute(SCALES, types.Float3Array, vt.Vec3fArray.FromNumpy(gaussians.scales))
    attribute(OPACITIES, types.FloatArray, vt.FloatArray.FromNumpy(gaussians.opacities))
    attribute(DEGREE, types.Int, gaussians.sh_degree, uniform)
    attribute(COEFFICIENTS, types.Float3Array, vt.Vec3fArray.FromNumpy(gaussians.sh.reshape(-1, 3)))
    if len(gaussians):
        reach = _EXTENT_SIGMAS * gaussians.scales.max(axis=1, keepdims=True)
        bounds = np.stack([(gaussians.means - reach).min(axis=0), (gaussians.means + reach).max(axis=0)])
        attribute("extent", types.Float3Array, vt.Vec3fArray.FromNumpy(bounds.astype(np.float32)))
    _write_primvars(pxr, prim, gaussians)


def _write_primvars(pxr: Any, prim: Any, gaussians: Gaussians) -> None:
    primvars = pxr.UsdGeom.PrimvarsAPI(prim)
    columns = {PART: gaussians.parts} if gaussians.parts.any() else {}
    for key, values in gaussians.extras.items():
        name = _NOT_IN_NAMES.sub("_", key) or "_"
        name = f"_{name}" if name[0].isdigit() else name
        while name in columns:
            name += "_"
        columns[name] = np.asarray(values)
    for name, values in columns.items():
        if values.dtype.str[1:] not in _TYPES:
            raise ValueError(f"extra column {name!r} of type {values.dtype} is not numeric")
        kind, dtype = _TYPES[values.dtype.str[1:]]
        primvar = primvars.CreatePrimvar(
            name, getattr(pxr.Sdf.ValueTypeNames, f"{kind}Array"), pxr.UsdGeom.Tokens.vertex
        )
        flat = np.ascontiguousarray(values, np.dtype(dtype)).ravel()
        if len(gaussians) and len(flat) > len(gaussians):
            primvar.SetElementSize(len(flat) // len(gaussians))
        primvar.Set(getattr(pxr.Vt, f"{kind}Array").FromNumpy(flat))
