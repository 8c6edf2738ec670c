"""Joining splat objects into one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..gaussians import Gaussians, concatenate


def join(items: Sequence[Gaussians]) -> Gaussians:
    """Return all Gaussians together; extra columns that some lack are zero there, as Blender fills them.

    Args:
        items: In one space.

    Raises:
        ValueError: ``items`` is empty, or an extra column's width differs between them.
    """
    templates = {name: column for item in reversed(items) for name, column in item.extras.items()}
    filled = []
    for item in items:
        extras = {
            name: item.extras.get(name, np.zeros((len(item), *column.shape[1:]), column.dtype))
            for name, column in templates.items()
        }
        filled.append(item.replace(extras=extras))
    return concatenate(filled)
