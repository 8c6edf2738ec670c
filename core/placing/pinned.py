"""What pins of a photo that was placed by hand tell of the head's shape: the photo's camera stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cameras import Camera
from ..head.landmark_solver import Solution, posed_with_moves
from ..head.model import HeadModel
from .pins import Pin

NOISE_PIXELS = 1.0
"""How exactly people pin, in pixels of a 512-pixel picture."""


@dataclass(frozen=True, eq=False)
class Pinned:
    """Places of the head model that were pinned.

    Attributes:
        vertices: [N, 3] of the head model.
        weights: [N, 3] theirs.
        pixels: [N, 2] where they are seen.
    """

    vertices: np.ndarray
    weights: np.ndarray
    pixels: np.ndarray

    @classmethod
    def of(cls, pins: Sequence[Pin], pixels: np.ndarray) -> Pinned:
        """Return pins that are seen at pixels [N, 2]."""
        return cls(np.array([pin.vertices for pin in pins]), np.array([pin.weights for pin in pins]), pixels)


def pinned_rows(model: HeadModel, pinned: Pinned, camera: Camera, solution: Solution) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted residuals [2 N] of pins and their Jacobian [2 N, 7 + K + E], in which only identity counts.

    Args:
        model: The head model.
        pinned: The pins.
        camera: The camera.
        solution: The head, in the camera's world.
    """

    def at(values: np.ndarray) -> np.ndarray:
        return (values[..., pinned.vertices, :] * pinned.weights[..., None]).sum(-2)

    identities = len(model.identity)
    directions = at(model.identity).astype(np.float64)
    local = at(model.mean) + np.tensordot(solution.expression, at(model.expressions), 1)
    local = local + np.tensordot(solution.identity, directions, 1)
    world, moves = posed_with_moves(local.astype(np.float64), directions, solution.pose)
    inside = camera.to_camera(world)
    slopes = camera.pixel_moves(inside, moves[7:] @ camera.c2w[:3, :3])
    weight = 1 / (NOISE_PIXELS * camera.width / 512)
    residuals = weight * (pinned.pixels - camera.to_pixels(inside)).ravel()
    jacobian = np.zeros((len(residuals), 7 + identities + len(model.expressions)))
    jacobian[:, 7 : 7 + identities] = weight * slopes.reshape(identities, -1).T
    return residuals, jacobian
