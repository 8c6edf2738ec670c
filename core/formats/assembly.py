"""From a file's activated values to Gaussians: what every reader checks before it hands them out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import blocks
from ..errors import FormatError
from ..gaussians import MIN_SCALE, Gaussians
from ..parts import Part

MAX_COUNT = 1 << 26
"""Splats that a file may announce; more than five times what graphics cards show today."""
FREE_BYTES = 1 << 26
MAX_RATIO = 200
"""Packed data of more than FREE_BYTES may not grow by more than this: real splats shrink to a third at best."""

_MIN_ROTATION_LENGTH = 1e-12


def assemble(
    kind: str,
    means: np.ndarray,
    scales: np.ndarray,
    rotations: np.ndarray,
    opacities: np.ndarray,
    sh: np.ndarray,
    parts: np.ndarray | None = None,
    extras: Mapping[str, np.ndarray] | None = None,
) -> Gaussians:
    """Check activated values and make Gaussians of them.

    Args:
        kind: The format's short name, the first word of error codes.
        means: [N, 3].
        scales: [N, 3] linear standard deviations; 0 becomes the smallest positive value.
        rotations: [N, 4] quaternions w, x, y, z of any length above 0.
        opacities: [N], clipped to 0..1.
        sh: [N, K, 3].
        parts: [N] of any numeric type; values without a meaning of ours become unknown.
        extras: Further columns.

    Raises:
        FormatError: "KIND-not-finite", "KIND-scale-range" (negative), "KIND-zero-quaternion".
    """
    count = len(means)
    sizes, turns, chances = (np.empty(values.shape, np.float32) for values in (scales, rotations, opacities))
    named = {"positions": means, "sizes": scales, "rotations": rotations, "opacities": opacities, "colours": sh}

    def check(place: slice) -> None:
        for name, values in named.items():
            if not np.isfinite(values[place]).all():
                raise _damaged(kind, "not-finite", f"The file holds splats whose {name} are no finite numbers.")
        if np.min(scales[place]) < 0:
            raise _damaged(kind, "scale-range", "The file holds splats of negative size.")
        # In float64, where no square of a float32 overflows.
        wide = rotations[place].astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        if np.min(lengths) < _MIN_ROTATION_LENGTH:
            raise _damaged(kind, "zero-quaternion", "The file holds splats without a rotation (a zero quaternion).")
        np.maximum(scales[place], np.float32(MIN_SCALE), out=sizes[place])
        np.divide(wide, lengths[:, None], out=turns[place], casting="same_kind")
        np.clip(opacities[place], 0, 1, out=chances[place])

    blocks.fill(check, count)
    return Gaussians(
        means, sizes, turns, chances, sh, None if parts is None else known_parts(parts), dict(extras or {})
    )


def known_parts(column: np.ndarray) -> np.ndarray:
    """Return parts [N] int8; values without a meaning of ours are unknown."""
    return np.where(np.isin(column, list(Part)), column, Part.UNKNOWN).astype(np.int8)


def check_count(kind: str, count: int, size: int, available: int) -> None:
    """Refuse an announced number of splats before memory is taken for them.

    Args:
        kind: The format's short name.
        count: Splats announced.
        size: Bytes they take unpacked.
        available: Bytes that the packed data has.

    Raises:
        FormatError: "KIND-too-large".
    """
    if count > MAX_COUNT or (size > FREE_BYTES and size > MAX_RATIO * available):
        raise FormatError(
            f"The file announces {count:,} splats, which it can't hold.",
            "The file is damaged: copy or download it again.",
            code=f"{kind}-too-large",
            announced=count,
        )


def _damaged(kind: str, code: str, message: str) -> FormatError:
    return FormatError(message, "Clean the file in a splat editor, or export it again.", code=f"{kind}-{code}")
