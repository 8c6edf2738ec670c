"""The base mesh against the fit it comes from."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.avatar.base_mesh import BaseMesh
from core.cameras import front_camera
from core.engines.draft.engine import fit_portrait
from core.head.model import Region
from core.head.shape import HeadShape
from core.photo.lens import TYPICAL
from core.splats.parts import Part
from core.worker.packing import pack_result, unpack_result
from tests.helpers.draft import astronaut_head


@pytest.fixture(scope="module")
def fit():
    return fit_portrait(astronaut_head()[1], front_camera(fov=TYPICAL)).fit


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


def test_a_shape_gives_the_mesh_back_and_survives_its_way_as_text(fit):
    base = BaseMesh.from_fit(fit)
    shape = HeadShape.from_facts(fit.vertices, json.loads(json.dumps(fit.shape.facts())))
    assert np.array_equal(BaseMesh.from_shape(shape).neutral, base.neutral)
    stretched = np.diag([1.0, 2.0, 0.5, 1.0])
    assert np.allclose(base.transformed(stretched).shown, shape.transformed(stretched).vertices, atol=1e-5)
    with pytest.raises(ValueError, match="another head model"):
        BaseMesh.from_shape(HeadShape(fit.vertices[1:], fit.expression, fit.pose))
    with pytest.raises(ValueError, match="finite"):
        HeadShape(fit.vertices * np.nan, fit.expression, fit.pose)


def test_the_engine_tells_the_shape_in_the_frame_of_its_splats_and_the_worker_hands_it_on(fit):
    result = astronaut_head()[0]
    lips = result.shape.vertices[fit.model.in_regions(Region.LIPS)].mean(axis=0)
    mouth = result.gaussians.means[result.gaussians.parts == Part.MOUTH].mean(axis=0)
    assert np.linalg.norm(lips - mouth) * fit.metres_per_unit < 0.01
    facts, attachments = pack_result(result)
    received = unpack_result(json.loads(json.dumps(facts)), attachments).shape
    assert np.array_equal(received.vertices, result.shape.vertices)
    assert np.array_equal(received.expression, result.shape.expression)
    assert received.pose.to_list() == result.shape.pose.to_list()
    # Workers of older versions say nothing of a shape.
    del facts["shape"], attachments["shape"]
    assert unpack_result(facts, attachments).shape is None
