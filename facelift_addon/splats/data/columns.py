"""Gaussians as the columns of a Blender point cloud, and back. Pure numpy: safe in any thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.colors import to_linear
from ....core.gaussians import Gaussians
from ....core.geometry import quaternions
from ....core.splats import attributes as names
from ....core.splats import spherical_harmonics as harmonics
from ....core.splats.parts import Part
from ....core.system import blocks


@dataclass(frozen=True)
class Kind:
    """A Blender attribute type: how its values are reached and stored.

    Attributes:
        field: Name of the value in ``attribute.data`` for ``foreach_set``.
        width: Numbers per element.
        dtype: numpy type that Blender reads without conversion.
    """

    field: str
    width: int
    dtype: type


KINDS = {
    "FLOAT": Kind("value", 1, np.float32),
    "INT": Kind("value", 1, np.int32),
    "INT8": Kind("value", 1, np.int8),
    "BOOLEAN": Kind("value", 1, np.bool_),
    "FLOAT2": Kind("vector", 2, np.float32),
    "FLOAT_VECTOR": Kind("vector", 3, np.float32),
    "FLOAT4": Kind("vector", 4, np.float32),
    "FLOAT_COLOR": Kind("color", 4, np.float32),
    "QUATERNION": Kind("value", 4, np.float32),
    "BYTE_COLOR": Kind("color", 4, np.float32),
    "INT16_2D": Kind("value", 2, np.int32),
    "INT32_2D": Kind("value", 2, np.int32),
    "FLOAT4X4": Kind("value", 16, np.float32),
}
"""The attribute types that points can carry, all but text."""

MAX_NAME_LENGTH = 63
"""Blender's limit for names of attributes, in bytes."""


@dataclass(frozen=True, eq=False)
class Column:
    """One attribute of a point cloud: its type's name in :data:`KINDS` and values [N] or [N, width]."""

    type: str
    values: np.ndarray


def from_gaussians(gaussians: Gaussians, float4: bool) -> dict[str, Column]:
    """Return the attributes of DESIGN's table, by name, ready for ``foreach_set``.

    Args:
        gaussians: Any splats.
        float4: Whether this Blender has the FLOAT4 type (5.2+); FLOAT_COLOR takes its place.
    """
    base = np.concatenate([gaussians.sh[:, 0], gaussians.opacities[:, None]], axis=1)
    colors = np.ones((len(gaussians), 4), np.float32)
    colors[:, :3] = to_linear(np.maximum(gaussians.colors, 0))
    # The two larger axes span the flattened Gaussian's face: its area, not its volume, is seen.
    largest = np.sort(gaussians.scales, axis=1)[:, 1:]
    columns = {
        names.POSITION: Column("FLOAT_VECTOR", gaussians.means),
        names.SCALE: Column("FLOAT_VECTOR", gaussians.scales),
        names.ROTATION: Column("QUATERNION", gaussians.rotations),
        names.RADIANCE_BASE: Column("FLOAT4" if float4 else "FLOAT_COLOR", base),
        names.COLOR: Column("FLOAT_COLOR", colors),
        names.PART: Column("INT8", gaussians.parts),
        names.RADIUS: Column("FLOAT", np.sqrt(largest[:, 0] * largest[:, 1])),
    }
    higher = np.empty((gaussians.sh.shape[1] - 1, len(gaussians), 3), np.float32)

    def put(rows: slice) -> None:
        for index in range(len(higher)):
            higher[index, rows] = gaussians.sh[rows, index + 1]

    blocks.fill(put, len(gaussians))
    columns |= {names.radiance_sh(index): Column("FLOAT_VECTOR", values) for index, values in enumerate(higher)}
    for name, values in gaussians.extras.items():
        columns |= _extra_columns(name, np.asarray(values))
    return {
        name: Column(column.type, np.ascontiguousarray(column.values, KINDS[column.type].dtype))
        for name, column in columns.items()
    }


def _extra_columns(name: str, values: np.ndarray) -> dict[str, Column]:
    """Return a further column as one attribute, or as one a component where no type is that wide.

    Names that Blender could not store, or that mean something else here, are left out.
    """
    if name in names.OWN or len(name.encode()) > MAX_NAME_LENGTH or name.startswith("."):
        return {}
    if values.ndim == 2 and values.shape[1] not in (2, 3):
        split = ((f"{name}_{index}", values[:, index]) for index in range(values.shape[1]))
        return {key: column for part in split for key, column in _extra_columns(*part).items()}
    if values.ndim == 2:
        return {name: Column("FLOAT2" if values.shape[1] == 2 else "FLOAT_VECTOR", values)}
    if values.dtype.kind == "b":
        return {name: Column("BOOLEAN", values)}
    whole = values.dtype.kind in "iu" and (values.size == 0 or np.abs(values.astype(np.float64)).max() < 2**31)
    return {name: Column("INT" if whole else "FLOAT", values)}


def to_gaussians(columns: dict[str, Column]) -> Gaussians:
    """Return the Gaussians of a point cloud's attributes.

    Points that Blender's tools added without splat attributes (zero scale or rotation) get
    the smallest valid ones, so every point of the cloud is kept.

    Raises:
        KeyError: an attribute that makes a splat is missing; its name is the argument.
    """
    base = columns[names.RADIANCE_BASE].values
    found = [base[:, :3]]
    for index in range(names.MAX_HIGHER_SH):
        column = columns.get(names.radiance_sh(index))
        if column is None:
            break
        found.append(column.values)
    complete = max(degree for degree in range(harmonics.MAX_DEGREE + 1) if (degree + 1) ** 2 <= len(found))
    sh = np.empty((len(base), (complete + 1) ** 2, 3), np.float32)

    def put(rows: slice) -> None:
        for index in range(sh.shape[1]):
            sh[rows, index] = found[index][rows]

    blocks.fill(put, len(base))
    tiny = np.finfo(np.float32).tiny
    parts = columns.get(names.PART)
    return Gaussians(
        means=columns[names.POSITION].values,
        scales=np.maximum(columns[names.SCALE].values, tiny),
        rotations=quaternions.normalize(columns[names.ROTATION].values),
        opacities=np.clip(base[:, 3], 0, 1),
        sh=sh,
        parts=np.full(len(base), Part.UNKNOWN) if parts is None else parts.values,
        extras={name: column.values for name, column in columns.items() if name not in names.OWN},
    )
