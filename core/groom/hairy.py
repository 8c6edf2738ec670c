"""Which of a head's splats are hair."""

from __future__ import annotations

import numpy as np

from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..splats.parts import Part

FEWEST = 300
"""Splats of hair from which there is any."""


def hair_of(gaussians: Gaussians, chosen: np.ndarray | None = None) -> np.ndarray:
    """Return which splats are hair [N] bool.

    Args:
        gaussians: The head.
        chosen: [N] bool, what a person says is hair; None to tell it by the splats' parts.

    Raises:
        FaceLiftError: there is no hair ("no-hair"), or nothing tells what is hair ("select-hair").
    """
    if chosen is not None:
        hair = np.asarray(chosen, bool)
        if hair.sum() < FEWEST:
            raise FaceLiftError(
                "Too few splats are selected to be hair.", "Select all of the hair and try again.", code="no-hair"
            )
        return hair
    if not (gaussians.parts == Part.HAIR).any() and (gaussians.parts == Part.UNKNOWN).mean() > 0.5:
        raise FaceLiftError(
            "These splats do not say what is hair.",
            "Select the hair in Edit Mode, then use Hair to Curves again.",
            code="select-hair",
        )
    hair = gaussians.parts == Part.HAIR
    if hair.sum() < FEWEST:
        raise FaceLiftError(
            "This head has no hair that curves could be made of.",
            "If it has some that was taken for something else, select it in Edit Mode and try again.",
            code="no-hair",
        )
    return hair
