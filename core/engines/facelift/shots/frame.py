"""From the frame in which photos are placed to the rig's.

Photos are placed around a head fitted to the portrait as its own lens saw it. The views are generated as if the
portrait had been taken by the rig's front camera. Both frames show the head about the origin and equally large; what
differs is where the portrait's camera stands, and with it under which angle it sees a head that is not in the middle.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from ....cameras import Camera


def to_frame(portrait: Camera, wanted: Camera, center: np.ndarray) -> np.ndarray:
    """Return the similarity [4, 4] after which another camera sees a head as its portrait's camera did.

    The head's middle keeps its pixel, its size there, the side that it shows, and its depth behind the origin. Only
    near and far differ as the two lenses do. Where both cameras are the same, nothing changes.

    Args:
        portrait: The portrait's camera; it looks at the origin, as :func:`core.cameras.front_camera` does.
        wanted: The camera that is to see the portrait instead.
        center: [3] the head's middle in the portrait's frame.
    """
    (pixel,), (depth,) = portrait.project(np.asarray(center, np.float64)[None])
    farther = float(np.linalg.norm(wanted.position) - np.linalg.norm(portrait.position))
    (moved,) = wanted.unproject(pixel[None] * wanted.width / portrait.width, np.array([depth + farther]))
    scale = (portrait.fx / portrait.width * (depth + farther)) / (wanted.fx / wanted.width * depth)
    before = portrait.c2w[:3, :3].T @ (center - portrait.position)
    after = wanted.c2w[:3, :3].T @ (moved - wanted.position)
    least, _ = Rotation.align_vectors(after[None], before[None])
    turn = wanted.c2w[:3, :3] @ least.as_matrix() @ portrait.c2w[:3, :3].T
    matrix = np.eye(4)
    matrix[:3, :3] = scale * turn
    matrix[:3, 3] = moved - matrix[:3, :3] @ center
    return matrix


def carried(camera: Camera, similarity: np.ndarray) -> Camera:
    """Return a camera that sees everything as before once the world went through a similarity [4, 4]."""
    c2w = similarity @ camera.c2w
    c2w[:3, :3] /= np.cbrt(np.linalg.det(similarity[:3, :3]))
    return replace(camera, c2w=c2w)
