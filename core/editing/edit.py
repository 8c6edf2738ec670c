"""What an edit that changes the number of Gaussians returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..gaussians import Gaussians


class Edit(NamedTuple):
    """The result of an edit and where its rows came from.

    Attributes:
        sources: [M] int64, for every row of the result its row in the input.
        gaussians: M Gaussians.
    """

    sources: np.ndarray
    gaussians: Gaussians


def kept(gaussians: Gaussians, mask: np.ndarray) -> Edit:
    """Return the edit that keeps the Gaussians of a mask [N] and changes none of them."""
    sources = np.flatnonzero(mask)
    return Edit(sources, gaussians.select(sources))
