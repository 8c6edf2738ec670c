"""Fits the base mesh to a head of splats."""

from __future__ import annotations

from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..head.shape import HeadShape
from ..progress import Reporter
from .base_mesh import BaseMesh


def fit_base_mesh(gaussians: Gaussians, known: HeadShape | None, reporter: Reporter) -> BaseMesh:
    """Return the base mesh of a head, in the space of its splats.

    Args:
        gaussians: The head.
        known: The head model as an engine fitted it, in the same space; None to find the face.
        reporter: Progress and cancelling.

    Raises:
        FaceLiftError: no head was found.
        Cancelled: cancelled through the reporter.
    """
    reporter.stage("Fitting the base mesh", share=1.0)
    if known is None:
        raise FaceLiftError(
            "These splats carry no fit.", "Generate the head with the draft engine.", code="no-head-found"
        )
    base = BaseMesh.from_shape(known)
    reporter.finish()
    return base
