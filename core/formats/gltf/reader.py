"""From glTF files to Gaussians."""

from __future__ import annotations

from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...gaussians import Gaussians, concatenate
from ...splats import spherical_harmonics as harmonics
from ...system import blocks
from .. import raw_values
from ..assembly import assemble, check_count
from ..axes import Axes
from ..reading import Reading
from . import names
from .document import Document, broken, listed, unsupported
from .nodes import placed_meshes

_MIN_BYTES = 20
"""Bytes of the smallest splat that a file can hold."""
_OWN = frozenset((names.POSITION, names.COLOR, names.PART))


def decode(stream: BufferedIOBase, path: Path | None = None) -> Reading:
    """Read all splats of a glTF file's default scene, placed by their nodes, in glTF's axes.

    Attributes that begin with an underscore become extra columns (``_PART`` the parts) where all
    splats have them. Linear colours become sRGB, logarithms and logits linear, and a few broken splats
    are left out; all of that is noted.

    Args:
        stream: A .glb or .gltf file.
        path: Where it lies, for buffers in files beside it.

    Raises:
        FormatError: "gltf-damaged", "gltf-unsupported" (compression, kernels other than the
            ellipse, other colour spaces, early drafts), "gltf-not-splats", "gltf-missing-buffer",
            "gltf-too-large", and as :func:`core.formats.soundness.check`.
    """
    document = Document(stream.read(), path.parent if path is not None else None)
    found, total = [], 0
    for index, matrix in placed_meshes(document):
        for primitive in listed(document.item("meshes", index), "primitives"):
            if not isinstance(primitive, dict):
                raise broken("a mesh makes no sense")
            extension = _extension(primitive)
            if extension is None:
                continue
            _check(extension)
            attributes = primitive.get("attributes")
            if not isinstance(attributes, dict) or names.POSITION not in attributes:
                raise broken("its splats lack positions")
            total += len(document.accessor(attributes[names.POSITION]))
            found.append((extension, attributes, matrix))
            # Before anything is read: a few bytes can place the same splats a million times.
            check_count(names.KIND, total, total * _MIN_BYTES, document.size)
    if not found:
        raise FormatError(
            "This glTF file holds no Gaussian splats.",
            "Choose a file with KHR_gaussian_splatting, or import this one as a mesh.",
            code=f"{names.KIND}-not-splats",
        )
    placed: list[Gaussians] = []
    notes: list[str] = []
    for extension, attributes, matrix in found:
        splats, told = _splats(document, attributes, extension.get("colorSpace"))
        placed.append(_placed(splats, matrix))
        notes += told
    return Reading(concatenate(placed), Axes.Y_UP, tuple(dict.fromkeys(notes)))


def _extension(primitive: dict[str, Any]) -> dict[str, Any] | None:
    extensions = primitive.get("extensions", {})
    found = extensions.get(names.EXTENSION) if isinstance(extensions, dict) else None
    return found if isinstance(found, dict) else None


def _check(extension: dict[str, Any]) -> None:
    if extension.get("extensions"):
        raise unsupported("holds compressed splats or a kind of its own")
    if extension.get("kernel", names.KERNEL) != names.KERNEL:
        raise unsupported("holds splats of another shape")
    space = extension.get("colorSpace", names.COLOR_SPACE)
    if space not in (names.COLOR_SPACE, names.LINEAR_COLOR_SPACE):
        raise unsupported(f"holds splats in the colour space “{str(space)[:40]}”")


def _splats(document: Document, attributes: dict[str, Any], space: Any) -> tuple[Gaussians, tuple[str, ...]]:
    # A copy: a view would keep the whole file in memory.
    means = np.array(_column(document, attributes, names.POSITION, 3))
    count = len(means)
    draft = [name for name in names.DRAFT if name in attributes]
    if draft and names.SCALE not in attributes:
        raise unsupported(f"follows an early draft of {names.EXTENSION} (attributes named {' and '.join(draft)})")
    scales, of_scales = raw_values.sizes(_column(document, attributes, names.SCALE, 3, count))
    opacities, of_opacities = raw_values.opacities(_column(document, attributes, names.OPACITY, 1, count))
    notes = (*of_scales, *of_opacities)
    degree = max((band for band in range(harmonics.MAX_DEGREE + 1) if names.harmonic(band, 0) in attributes), default=0)
    if names.harmonic(harmonics.MAX_DEGREE + 1, 0) in attributes:
        notes = (*notes, f"Spherical harmonics above degree {harmonics.MAX_DEGREE} left out.")
    coefficients = [_column(document, attributes, name, 3, count) for name in names.harmonics(degree)]
    sh = np.empty((count, len(coefficients), 3), np.float32)

    def put(place: slice) -> None:
        for i, values in enumerate(coefficients):
            sh[place, i] = values[place]

    blocks.fill(put, count)
    if space == names.LINEAR_COLOR_SPACE:
        sh, notes = raw_values.display_harmonics(sh), (*notes, "Linear colors were converted to sRGB.")
    extras = {
        name[1:]: _copied(document.accessor(index), count)
        for name, index in attributes.items()
        if name.startswith("_") and name not in _OWN and len(name) > 1
    }
    parts = _copied(document.accessor(attributes[names.PART]), count) if names.PART in attributes else None
    if parts is not None and parts.ndim != 1:
        raise broken("parts are no single numbers")
    gaussians, left_out = assemble(
        names.KIND,
        means,
        scales,
        _column(document, attributes, names.ROTATION, 4, count)[:, (3, 0, 1, 2)],
        opacities,
        sh,
        parts,
        extras,
    )
    return gaussians, (*notes, *left_out)


def _column(
    document: Document, attributes: dict[str, Any], name: str, width: int, count: int | None = None
) -> np.ndarray:
    """Return an attribute as float32, [N, width] or for width 1 [N]."""
    if name not in attributes:
        raise broken(f"its splats lack “{name.removeprefix(names.EXTENSION + ':')}”")
    values = document.floats(attributes[name])
    if values.shape[1:] != (() if width == 1 else (width,)):
        raise broken(f"“{name.removeprefix(names.EXTENSION + ':')}” has the wrong type")
    if count is not None:
        _check_length(values, count)
    return values


def _copied(values: np.ndarray, count: int) -> np.ndarray:
    """Return a copy in native byte order; raise unless there is a value a splat."""
    _check_length(values, count)
    return values.astype(values.dtype.newbyteorder("="))


def _check_length(values: np.ndarray, count: int) -> None:
    if len(values) != count:
        raise broken("its columns are not equally long")


def _placed(gaussians: Gaussians, matrix: np.ndarray) -> Gaussians:
    if np.array_equal(matrix, np.eye(4)):
        return gaussians
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            placed = gaussians.transform(matrix)
    except (ValueError, np.linalg.LinAlgError):
        raise broken("a node flattens its splats to nothing") from None
    if not (np.isfinite(placed.means).all() and np.isfinite(placed.scales).all()):
        raise broken("a node's place is out of all bounds")
    return placed
