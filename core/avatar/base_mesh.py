"""The base mesh: the parametric head in the place and shape of a head made of splats."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..head.fitting import HeadFit
from ..head.model import HeadModel, load_head_model
from ..head.pose import Pose
from ..head.shape import HeadShape


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """A head's own copy of the head model, in the space of its splats.

    Faces, texture coordinates and regions are the model's. The expressions are the model's
    displacements, turned and scaled with the head.

    Attributes:
        model: The head model: ``faces``, ``uvs``, ``face_uvs``, ``regions``, ``expression_names``.
        neutral: [V, 3] float32 vertices of the face without expression, in the splats' space.
        expressions: [E, V, 3] float32 displacements at full strength (coefficient 1).
        expression: [E] float32 coefficients 0..1 with which the splats show the face.
        pose: From the model's frame (metres, x to the head's left, face to -y, z up) to the splats'
            space; ``pose.scale`` is the length of a metre there.
    """

    model: HeadModel
    neutral: np.ndarray
    expressions: np.ndarray
    expression: np.ndarray
    pose: Pose

    @classmethod
    def from_shape(cls, shape: HeadShape, model: HeadModel | None = None) -> BaseMesh:
        """Return the mesh of a fitted head, in the shape's space.

        Args:
            shape: The fitted head.
            model: The head model that was fitted; the project's own if None.

        Raises:
            ValueError: the shape is that of another model.
        """
        model = load_head_model() if model is None else model
        if len(shape.vertices) != len(model.mean) or len(shape.expression) != len(model.expressions):
            raise ValueError("the shape was fitted with another head model")
        turned = shape.pose.scale * (model.expressions @ shape.pose.rotation.T)
        shown = np.tensordot(shape.expression, turned, 1)
        return cls(
            model=model,
            neutral=(shape.vertices - shown).astype(np.float32),
            expressions=turned.astype(np.float32),
            expression=shape.expression,
            pose=shape.pose,
        )

    @classmethod
    def from_fit(cls, fit: HeadFit) -> BaseMesh:
        """Return the mesh of a fit to a photo, in the fit's world."""
        return cls.from_shape(fit.shape, fit.model)

    @property
    def shown(self) -> np.ndarray:
        """[V, 3] float32 vertices with the expression that the splats have."""
        return self.vertices(self.expression)

    def vertices(self, expression: np.ndarray) -> np.ndarray:
        """Return the vertices [V, 3] float32 at given coefficients [E], 0..1."""
        return self.neutral + np.tensordot(np.asarray(expression, np.float32), self.expressions, 1)

    def transformed(self, matrix: np.ndarray) -> BaseMesh:
        """Return the mesh moved by an affine transformation [4, 4] that does not mirror."""
        linear, offset = np.asarray(matrix, np.float64)[:3, :3], np.asarray(matrix, np.float64)[:3, 3]
        return replace(
            self,
            neutral=(self.neutral @ linear.T + offset).astype(np.float32),
            expressions=(self.expressions @ linear.T).astype(np.float32),
            pose=self.pose.transformed(matrix),
        )
