"""Where a head is: a similarity from the head model's frame to the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Pose:
    """A similarity from the head model's frame (metres) to the world.

    Attributes:
        rotation: [3, 3] float64, proper.
        translation: [3] float64: the head's centre in the world.
        scale: World units per metre.
    """

    rotation: np.ndarray
    translation: np.ndarray
    scale: float

    @classmethod
    def between(cls, source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> Pose:
        """Return the similarity that leads points [P, 3] nearest to others, with weights [P].

        Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns".
        """
        weights = weights / weights.sum()
        source_center, target_center = weights @ source, weights @ target
        from_center, to_center = source - source_center, target - target_center
        left, singular, right = np.linalg.svd((to_center * weights[:, None]).T @ from_center)
        signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
        rotation = (left * signs) @ right
        scale = float((singular * signs).sum() / (weights @ (from_center**2).sum(axis=1)))
        return cls(rotation, target_center - scale * rotation @ source_center, scale)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Return points [..., 3] of the model's frame in the world."""
        return self.scale * (points @ self.rotation.T) + self.translation

    def mirrored(self, points: np.ndarray) -> np.ndarray:
        """Return where points [..., 3] of the world are on the other side of the posed head."""
        across = self.rotation[:, 0]
        return points - 2 * ((points - self.translation) @ across)[..., None] * across

    def transformed(self, matrix: np.ndarray) -> Pose:
        """Return the pose followed by an affine transformation [4, 4] that does not mirror.

        Exact for similarities; of others it keeps the nearest rotation and the scale of volumes.
        """
        matrix = np.asarray(matrix, np.float64)
        left, singular, right = np.linalg.svd(matrix[:3, :3] @ self.rotation)
        translation = matrix[:3, :3] @ self.translation + matrix[:3, 3]
        return Pose(left @ right, translation, self.scale * float(np.cbrt(singular.prod())))

    def to_list(self) -> list[float]:
        """Return 13 numbers: the rotation row by row, the translation, the scale."""
        return [*self.rotation.ravel().tolist(), *self.translation.tolist(), float(self.scale)]

    @classmethod
    def from_list(cls, values: Sequence[float]) -> Pose:
        """Return the pose of :meth:`to_list`'s form.

        Raises:
            ValueError: these are not 13 finite numbers.
        """
        numbers = np.array(values, np.float64)
        if numbers.shape != (13,) or not np.isfinite(numbers).all():
            raise ValueError("a pose has 13 finite numbers")
        return cls(numbers[:9].reshape(3, 3), numbers[9:12], float(numbers[12]))
