"""The head model fitted to a head whose engine fitted none, so that its photos can be placed by it."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np

from ...core.avatar.base_mesh import BaseMesh
from ...core.head.shape import HeadShape
from ...core.progress import Reporter
from ..avatar import base_objects
from ..avatar.fitting import Fit, work_of
from ..making import errands
from ..splats.data import fits, heads

TITLE = "Fitting the head to place its photos"
"""Of the errand, for panels."""


def is_needed(head: bpy.types.Object) -> bool:
    """Whether a head has neither a fit nor a base mesh."""
    return heads.shape_of(head) is None and base_objects.find(head) is None


def is_under_way() -> bool:
    """Whether a head is being fitted."""
    return errands.has(TITLE)


def fit(context: bpy.types.Context, head: bpy.types.Object) -> None:
    """Fit a head now, and let it carry the fit.

    Raises:
        FaceLiftError: the head belongs to another file, shows no splats, or no face.
    """
    _keep(work_of(context, head, textured=False)(Reporter()))


def fit_in_background(context: bpy.types.Context, head: bpy.types.Object, then: Callable[[], str]) -> None:
    """Begin to fit a head.

    Args:
        context: In which the head is seen.
        head: A splat object.
        then: Goes on once it carries the fit; returns what to tell.

    Raises:
        FaceLiftError: the head belongs to another file, or shows no splats.
    """

    def finish(made: Fit) -> str:
        return then() if _keep(made) else "The head was deleted while it was fitted"

    work = work_of(context, head, textured=False)
    errands.start(TITLE, work, finish, belongs_to_file=True, prominent=True, heavy=True)


def shape_of(base: BaseMesh) -> HeadShape:
    """Return the head model as a base mesh shows it, with the photo's expression, in the mesh's space."""
    moved = np.tensordot(base.expression, base.expressions, 1)
    return HeadShape(base.neutral + moved, base.expression, base.pose)


def _keep(made: Fit) -> bool:
    """Let a head carry its fit in its engine's frame; return whether it is there."""
    head = heads.find(made.head, made.name)
    if head is None:
        return False
    fits.keep(head, shape_of(made.base).transformed(np.linalg.inv(heads.placement_of(head))))
    return True
