"""Projection matrices as Blender's views have them."""

from __future__ import annotations

import numpy as np

NEAR, FAR = 0.1, 20.0


def perspective(camera):
    """OpenGL's projection matrix of a centred camera."""
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1] = 2 * camera.fx / camera.width, 2 * camera.fy / camera.height
    matrix[2, 2:] = -(FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    matrix[3, 2] = -1
    return matrix
