"""The base mesh: the parametric head in the place and shape of a head made of splats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..gaussians import Gaussians
from ..head.fitting import HeadFit
from ..head.model import HeadModel, load_head_model, triangulate
from ..head.pose import Pose
from ..head.shape import HeadShape
from .ending import end_like_splats


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """A head's own copy of the head model, in the space of its splats.

    Vertices, texture coordinates and regions are the model's, and so are the faces, but for those beyond the
    splats' end. The expressions are the model's displacements, turned and scaled with the head.

    Attributes:
        model: The head model: ``faces``, ``uvs``, ``face_uvs``, ``regions``, ``expression_names``.
        neutral: [V, 3] float32 vertices of the face without expression, in the splats' space.
        expressions: [E, V, 3] float32 displacements at full strength (coefficient 1).
        expression: [E] float32 coefficients 0..1 with which the splats show the face.
        pose: From the model's frame (metres, x to the head's left, face to -y, z up) to the splats'
            space; ``pose.scale`` is the length of a metre there.
        kept: [F] bool, which of the model's faces the mesh has; None for all. Vertices of no face lie on its border.
    """

    model: HeadModel
    neutral: np.ndarray
    expressions: np.ndarray
    expression: np.ndarray
    pose: Pose
    kept: np.ndarray | None = None

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
    def faces(self) -> np.ndarray:
        """[F, 4] int32 the faces that the mesh has, as the model's."""
        return self.model.faces if self.kept is None else self.model.faces[self.kept]

    @cached_property
    def triangles(self) -> np.ndarray:
        """[T, 3] int32 those faces as triangles."""
        return self.model.triangles if self.kept is None else triangulate(self.faces)

    @property
    def shown(self) -> np.ndarray:
        """[V, 3] float32 vertices with the expression that the splats have."""
        return self.vertices(self.expression)

    def vertices(self, expression: np.ndarray) -> np.ndarray:
        """Return the vertices [V, 3] float32 at given coefficients [E], 0..1."""
        return self.neutral + np.tensordot(np.asarray(expression, np.float32), self.expressions, 1)

    def ended(self, gaussians: Gaussians) -> BaseMesh:
        """Return the mesh with its torso ending where that of the splats does, as wide as they are.

        Args:
            gaussians: The head, in the space of the mesh.
        """
        shown, end = end_like_splats(self.shown, gaussians, self.pose, self.model)
        flat = self.expressions.transpose(1, 0, 2).reshape(len(shown), -1)
        moves = (end.weights @ flat).reshape(len(shown), -1, 3).transpose(1, 0, 2).astype(np.float32)
        neutral = shown - np.tensordot(self.expression, moves, 1)
        return replace(self, neutral=neutral.astype(np.float32), expressions=moves, kept=end.kept)

    def transformed(self, matrix: np.ndarray) -> BaseMesh:
        """Return the mesh moved by an affine transformation [4, 4] that does not mirror."""
        linear, offset = np.asarray(matrix, np.float64)[:3, :3], np.asarray(matrix, np.float64)[:3, 3]
        return replace(
            self,
            neutral=(self.neutral @ linear.T + offset).astype(np.float32),
            expressions=(self.expressions @ linear.T).astype(np.float32),
            pose=self.pose.transformed(matrix),
        )
