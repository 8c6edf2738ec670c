"""Changing the space of an object's splats while everything stays where it is."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ...core.errors import FaceLiftError
from ..splats.data import baking, following, heads
from . import adjustments, originals, storage

SMALLEST_DETERMINANT = 1e-18
"""Below it an object is flat, and its splats can't be told apart any more."""


def change(target: bpy.types.Object, basis: np.ndarray) -> None:
    """Give an object another transform and move its splats the opposite way, exactly.

    Children, the photo camera among them, stay where they are. Other objects that shared the
    point cloud keep the old one.

    Args:
        target: A splat object in Object Mode.
        basis: [4, 4] the new ``matrix_basis``; location, rotation and scale, no shear.

    Raises:
        FaceLiftError: the old or new transform is flat ("flat-transform").
    """
    before = np.array(target.matrix_basis, np.float64)
    for matrix in (before, basis):
        if abs(np.linalg.det(matrix[:3, :3])) < SMALLEST_DETERMINANT:
            raise FaceLiftError(
                f"{target.name!r} is scaled to nothing along an axis.",
                "Give it a scale other than zero, then try again.",
                code="flat-transform",
            )
    matrix = np.linalg.inv(basis) @ before
    if target.data.users > 1:
        target.data = target.data.copy()
    storage.update(target, baking.stored(target).transform(matrix))
    originals.move(target.data, matrix)
    following.move_rest(target, matrix)
    if heads.PLACEMENT_KEY in target:
        target[heads.PLACEMENT_KEY] = (matrix @ heads.placement_of(target)).ravel().tolist()
    adjustments.rescale(target, float(np.cbrt(abs(np.linalg.det(matrix[:3, :3])))))
    target.matrix_basis = Matrix(basis.tolist())
    for child in target.children:
        child.matrix_parent_inverse = Matrix(matrix.tolist()) @ child.matrix_parent_inverse
