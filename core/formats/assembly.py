"""From a file's activated values to Gaussians: what every reader checks before it hands them out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import FormatError
from ..gaussians import MIN_SCALE, Gaussians
from ..splats.parts import Part, unknown_parts
from ..system import blocks
from .soundness import MIN_ROTATION_LENGTH, Fault, check, mark

MAX_COUNT = 1 << 26
"""Splats that a file may announce; more than five times what graphics cards show today."""
FREE_BYTES = 1 << 26
MAX_RATIO = 200
"""Packed data of more than FREE_BYTES may not grow by more than this: real splats shrink to a third at best."""


def assemble(
    kind: str,
    means: np.ndarray,
    scales: np.ndarray,
    rotations: np.ndarray,
    opacities: np.ndarray,
    sh: np.ndarray,
    parts: np.ndarray | None = None,
    extras: Mapping[str, np.ndarray] | None = None,
) -> tuple[Gaussians, tuple[str, ...]]:
    """Check activated values and make Gaussians of them; a few broken splats are left out, and noted.

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
        FormatError: as :func:`.soundness.check`.
    """
    count = len(means)
    sizes, turns, chances = (np.empty(values.shape, np.float32) for values in (scales, rotations, opacities))
    named = (means, rotations, opacities, sh)
    faults = np.zeros(count, np.uint8)

    def fill(place: slice) -> None:
        found = faults[place]
        for values in named:
            if not np.isfinite(values[place]).all():
                mark(found, ~np.isfinite(values[place]), Fault.NOT_FINITE)
        mark(found, np.isnan(scales[place]), Fault.NOT_FINITE)
        mark(found, (scales[place] < 0) | np.isinf(scales[place]), Fault.SIZE)
        # In float64, where no square of a float32 overflows.
        wide = rotations[place].astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        mark(found, lengths < MIN_ROTATION_LENGTH, Fault.NO_ROTATION)
        with np.errstate(invalid="ignore", divide="ignore"):
            np.maximum(scales[place], np.float32(MIN_SCALE), out=sizes[place])
            np.divide(wide, lengths[:, None], out=turns[place], casting="same_kind")
            np.clip(opacities[place], 0, 1, out=chances[place])

    blocks.fill(fill, count)
    sound, notes = check(kind, faults)
    made = Gaussians(
        means, sizes, turns, chances, sh, unknown_parts(count) if parts is None else known_parts(parts), extras or {}
    )
    return (made if sound is None else made.select(sound)), notes


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
