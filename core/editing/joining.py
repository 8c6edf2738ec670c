"""Joining splat objects into one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..gaussians import Gaussians, concatenate
from ..splats import attributes as names


def join(items: Sequence[Gaussians]) -> Gaussians:
    """Return all Gaussians together; extra columns that some lack are zero there, as Blender fills them.

    Strands of hair stay apart: those of later values get numbers after those of earlier ones.

    Args:
        items: In one space.

    Raises:
        ValueError: ``items`` is empty, or an extra column's width differs between them.
    """
    templates = {name: column for item in reversed(items) for name, column in item.extras.items()}
    filled, taken = [], 0
    for item in items:
        extras = {
            name: item.extras.get(name, np.zeros((len(item), *column.shape[1:]), column.dtype))
            for name, column in templates.items()
        }
        if names.STRAND in extras:
            extras[names.STRAND] = renumbered(extras[names.STRAND], taken)
            taken = int(extras[names.STRAND].max(initial=taken))
        filled.append(item.replace(extras=extras))
    return concatenate(filled)


def renumbered(strands: np.ndarray, taken: int) -> np.ndarray:
    """Return numbers of strands [N] moved behind the numbers 1 to ``taken``; 0, which is no strand, stays."""
    return np.where(strands > 0, strands + taken, 0).astype(np.int32)
