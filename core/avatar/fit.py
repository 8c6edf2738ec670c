"""Fits the base mesh to a head of splats of any origin."""

from __future__ import annotations

import numpy as np

from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..head.lips import parting_expression
from ..head.model import load_head_model
from ..head.shape import HeadShape
from ..progress import Reporter
from .base_mesh import BaseMesh
from .distance import head_frame
from .face_fit import fit_face
from .face_search import find_face
from .skin import skin_of
from .surface_fit import VIEWS, Agreement, Comparison
from .views import cropped

MOST_SPLATS = 250_000
"""More are thinned out: the surface does not get clearer."""
KNOWN_DISTANCE, KNOWN_SHARE = 0.004, 0.2
"""Metres up to which, and the least share of the face on which, a fit that came with the splats still agrees."""
LEAST_PRESENT = 0.7
"""Share of either half of the face that must be there."""


def fit_base_mesh(
    gaussians: Gaussians,
    known: HeadShape | None = None,
    upright: np.ndarray | None = None,
    reporter: Reporter | None = None,
) -> BaseMesh:
    """Return the base mesh of a head, in the space of its splats; it ends where they do.

    Args:
        gaussians: The head.
        known: The head model as an engine fitted it, in the same space. It counts as long as it
            agrees with the splats: they may have been edited. None to find the face.
        upright: [3, 3] rotation that makes the splats stand upright, +Z up and the face to -Y, as
            far as is known; others are tried. None for none.
        reporter: Progress and cancelling.

    Raises:
        FaceLiftError: there is no face ("no-head-found"), or a part of it is missing ("cut-face").
        Cancelled: cancelled through the reporter.
    """
    reporter = Reporter() if reporter is None else reporter
    upright = np.eye(3) if upright is None else np.asarray(upright, np.float64)
    trying, finding = reporter.parts(9, 1) if known is not None else (reporter, reporter)
    base = None if known is None else _from_known(gaussians, known, trying)
    if base is None:
        base = _from_face(gaussians, upright, finding)
    base = base.ended(gaussians)
    reporter.finish()
    return base


def _from_known(gaussians: Gaussians, known: HeadShape, reporter: Reporter) -> BaseMesh | None:
    """Return the base mesh of a fit that came with the splats, or None where they have changed too much."""
    frame = head_frame(known.pose)
    shape = known.transformed(frame)
    try:
        vertices, before = _drawn(cropped(gaussians, frame, MOST_SPLATS), shape.vertices, reporter)
    except FaceLiftError:
        return None
    if before.distance > KNOWN_DISTANCE or before.share < KNOWN_SHARE:
        return None
    return _base(HeadShape(vertices, shape.expression, shape.pose), frame)


def _from_face(gaussians: Gaussians, upright: np.ndarray, reporter: Reporter) -> BaseMesh:
    """Find the face and fit the head model to it."""
    model = load_head_model()
    looking, fitting, drawing = reporter.parts(35, 25, 40)
    looking.stage("Looking for the face")
    face = find_face(gaussians, upright, model, looking)
    fitting.stage("Fitting the head")
    near = cropped(gaussians, face.matrix, MOST_SPLATS)
    shape = fit_face(near, face, model, fitting)
    vertices, _ = _drawn(near, shape.vertices, drawing)
    return _base(HeadShape(vertices, shape.expression, shape.pose), face.matrix)


def _drawn(gaussians: Gaussians, vertices: np.ndarray, reporter: Reporter) -> tuple[np.ndarray, Agreement]:
    """Return vertices [V, 3] drawn onto the splats' surface, and how well they agreed with it before."""
    model = load_head_model()
    reporter.stage("Drawing the mesh onto the splats", steps=len(VIEWS))
    if not len(gaussians):
        raise _cut()
    comparison = Comparison.of(gaussians, skin_of(gaussians, vertices, model), vertices, model, reporter)
    before = comparison.agreement()
    if before.present < LEAST_PRESENT:
        raise _cut()
    return comparison.drawn(), before


def _base(shape: HeadShape, frame: np.ndarray) -> BaseMesh:
    """Return the base mesh of a drawn shape in the engines' frame; at rest its lips are closed."""
    model, pose = load_head_model(), shape.pose
    at_rest = (BaseMesh.from_shape(shape).neutral - pose.translation) @ pose.rotation / pose.scale
    expression = parting_expression(model, at_rest, shape.expression)
    return BaseMesh.from_shape(HeadShape(shape.vertices, expression, pose).transformed(np.linalg.inv(frame)))


def _cut() -> FaceLiftError:
    return FaceLiftError(
        "A part of the face is missing in these splats.",
        "A base mesh needs the whole face: bring the rest back with Reset to Original or Undo.",
        code="cut-face",
    )
