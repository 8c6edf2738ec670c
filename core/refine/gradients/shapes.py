"""Refine to Photos, second step: splats move, turn and change their sizes. Importing this loads no PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import FaceLiftError
from ...progress import Reporter
from ..types import Refined, View
from .rasterizer import Rasterizer, cuda_rasterizer

STEPS = 300
"""Each draws a photo and a picture from another side."""
SHARES = (0.5, 0.5)
"""Of the time that the first step and this one take."""


def refine_shapes(
    refined: Refined,
    views: Sequence[View],
    reporter: Reporter,
    rasterizer: Rasterizer | None = None,
    steps: int = STEPS,
) -> Refined:
    """Go on from what :func:`~core.refine.refine.refine_to_views` made: change means, scales and rotations, too.

    Colours follow a little, and opacities where a photo's outline is known. The photos count by L1 and structural
    similarity, as in 3DGS (Kerbl et al., 2023); pictures of the unrefined splats from sides that no photo shows hold
    these.

    Args:
        refined: The first step's result. It stays as it is.
        views: The photos that it was made for; ``outlines`` false where opacities are to stay.
        reporter: One stage; cancelling takes effect within a step.
        rasterizer: What draws; gsplat on the CUDA device by default.
        steps: How many to take.

    Returns:
        The first step's result itself if nothing nearer to the photos was found.

    Raises:
        FaceLiftError: what it needs is not here ("no-gradients").
        Cancelled: cancelled through the reporter.
        RuntimeError: the device failed or has too little memory, in PyTorch's words.
    """
    rasterizer = rasterizer or cuda_rasterizer()
    from .descent import descend, release

    try:
        return descend(refined, views, reporter, rasterizer, steps)
    finally:
        release(rasterizer.device)


def words_without(error: FaceLiftError) -> str:
    """Return what to tell where the second step was not done or failed, and the first one's result stays."""
    return f"The splats keep their places and shapes. {error}"
