"""A fitted head in its smallest form: what travels with its splats, and gives its base mesh back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .pose import Pose


@dataclass(frozen=True, eq=False)
class HeadShape:
    """The head model's vertices on a head, and how they got there.

    Attributes:
        vertices: [V, 3] float32 in the space of the head's splats, as they show the face; in the
            order of the head model.
        expression: [E] float32 coefficients 0..1 of the face shown.
        pose: From the model's frame (metres) to the splats' space.

    Raises:
        ValueError: shapes do not match, or a number is not finite.
    """

    vertices: np.ndarray
    expression: np.ndarray
    pose: Pose

    def __post_init__(self) -> None:
        for name, dimensions in (("vertices", 2), ("expression", 1)):
            values = np.ascontiguousarray(getattr(self, name), np.float32)
            if values.ndim != dimensions or not np.isfinite(values).all():
                raise ValueError(f"{name} has shape {values.shape}, or numbers that are not finite")
            object.__setattr__(self, name, values)
        if self.vertices.shape[1] != 3:
            raise ValueError(f"vertices has shape {self.vertices.shape}, expected [V, 3]")

    def transformed(self, matrix: np.ndarray) -> HeadShape:
        """Return the shape moved by an affine transformation [4, 4] that does not mirror."""
        matrix = np.asarray(matrix, np.float64)
        vertices = self.vertices @ matrix[:3, :3].T + matrix[:3, 3]
        return HeadShape(vertices, self.expression, self.pose.transformed(matrix))

    def facts(self) -> dict[str, Any]:
        """Return all but the vertices in JSON's form."""
        return {"expression": self.expression.tolist(), "pose": self.pose.to_list()}

    @classmethod
    def from_facts(cls, vertices: np.ndarray, facts: Mapping[str, Any]) -> HeadShape:
        """Return the shape of vertices [V, 3] and :meth:`facts`.

        Raises:
            ValueError, KeyError: something is missing or of the wrong size.
        """
        return cls(vertices, np.array(facts["expression"], np.float32), Pose.from_list(facts["pose"]))
