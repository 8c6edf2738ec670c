"""The base mesh against the fit it comes from."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.avatar.base_mesh import BaseMesh
from core.engines.draft.engine import fit_portrait
from tests.draft_helpers import astronaut_head


@pytest.fixture(scope="module")
def fit():
    return fit_portrait(astronaut_head()[1]).fit


def test_it_shows_the_fitted_face(fit):
    base = BaseMesh.from_fit(fit)
    assert np.abs(base.shown - fit.vertices).max() < 1e-6
    # The astronaut smiles: without her expression the corners of the mouth move.
    smile = base.model.expression_names.index("mouthSmileLeft")
    moved = np.linalg.norm(base.shown - base.neutral, axis=1)
    assert fit.expression[smile] > 0.2
    assert moved.max() * fit.metres_per_unit > 0.002


def test_a_similarity_moves_neutral_and_expressions_alike(fit):
    base = BaseMesh.from_fit(fit)
    matrix = np.eye(4)
    matrix[:3, :3] = 0.3 * Rotation.from_euler("xyz", [0.3, -0.5, 1.2]).as_matrix()
    matrix[:3, 3] = 1, -2, 3
    moved = base.transformed(matrix)
    expected = base.shown @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.abs(moved.shown - expected).max() < 1e-6
    assert moved.pose.scale == pytest.approx(0.3 * base.pose.scale)
    corner = np.array([0.01, 0.02, 0.03])
    assert np.allclose(moved.pose.apply(corner), matrix[:3, :3] @ base.pose.apply(corner) + matrix[:3, 3])
