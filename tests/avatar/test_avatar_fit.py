"""The base mesh fitted to splats: those that carry a fit, and those of which nothing is known."""

from functools import lru_cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.avatar.distance import face_distances
from core.avatar.face_search import UPS, find_face
from core.avatar.fit import fit_base_mesh
from core.avatar.views import thinned
from core.errors import Cancelled, FaceLiftError
from core.gaussians import concatenate
from core.head.lips import PARTING, parting
from core.head.model import Region, load_head_model
from core.progress import Reporter
from core.splats.parts import Part
from tests.helpers.draft import astronaut_head
from tests.helpers.gaussian import random_gaussians

SPLATS = 60_000


@lru_cache(maxsize=1)
def head():
    """The astronaut's splats, thinned out, and the fit that came with them."""
    result = astronaut_head()[0]
    return thinned(result.gaussians, SPLATS), result.shape


def millimetres(base, shape, *regions):
    """How far the mesh is from another fit, on average over some regions."""
    errors = np.linalg.norm(base.shown - shape.vertices, axis=1)[base.model.in_regions(*regions)]
    return 1000 * errors.mean() / shape.pose.scale


def strange_place():
    """A scan somewhere else: turned by 70 degrees, tilted, of another size."""
    matrix = np.eye(4)
    turn = Rotation.from_euler("z", 70, degrees=True) * Rotation.from_euler("xy", [6, -5], degrees=True)
    matrix[:3, :3] = 37 * turn.as_matrix()
    matrix[:3, 3] = 20, -50, 7
    return matrix


def test_a_fit_that_came_with_the_splats_is_drawn_onto_them():
    gaussians, shape = head()
    base = fit_base_mesh(gaussians, shape)
    distances = face_distances(gaussians, base)
    assert distances.metres.mean() < 0.0006 and np.percentile(distances.metres, 95) < 0.0015
    assert distances.coverage > 0.6
    # Little of the expression changes, but at rest the lips are closed: she smiles with parted ones.
    same = ~np.isin(base.model.expression_names, PARTING)
    np.testing.assert_allclose(base.expression[same], shape.expression[same])
    at_rest, shown = (
        (vertices - base.pose.translation) @ base.pose.rotation / base.pose.scale
        for vertices in (base.neutral, base.shown)
    )
    closed = parting(base.model, base.model.mean)
    assert (parting(base.model, shown) - closed)[4] > 0.005
    assert np.abs(parting(base.model, at_rest) - closed).mean() < 0.0008
    # The last millimetre only; what hair hides keeps the model's form, eyes keep theirs.
    assert millimetres(base, shape, Region.FACE, Region.LIPS) < 1
    assert millimetres(base, shape, Region.SCALP) < 2
    eye = load_head_model().in_regions(Region.EYES) & (load_head_model().mean[:, 0] > 0)
    moved = (base.shown - shape.vertices)[eye]
    assert np.ptp(moved, axis=0).max() < 1e-4


def test_a_face_is_found_wherever_the_splats_are_and_fitted():
    gaussians, shape = head()
    matrix = strange_place()
    # Nothing is known of a scan: no labels, and something else is in the picture.
    floor = random_gaussians(500, size=0.01, opacities=np.full(500, 0.3, np.float32))
    floor = floor.replace(means=floor.means * [1.0, 1.0, 0.01] - [0, 0, 1.2], parts=None)
    scan = concatenate([gaussians.replace(parts=None), floor]).transform(matrix)
    # A fit that the splats were moved away from is none.
    base = fit_base_mesh(scan, known=shape)
    distances = face_distances(gaussians.transform(matrix), base)
    assert distances.metres.mean() < 0.0015
    there = shape.transformed(matrix)
    assert millimetres(base, there, Region.FACE, Region.LIPS) < 4
    assert base.pose.scale == pytest.approx(there.pose.scale, rel=0.05)
    turn = Rotation.from_matrix(base.pose.rotation @ there.pose.rotation.T).magnitude()
    assert np.degrees(turn) < 5
    smile = base.model.expression_names.index("mouthSmileLeft")
    assert base.expression[smile] > 0.2


def test_a_face_is_found_in_splats_that_lie_on_their_back():
    gaussians, shape = head()
    for turned in UPS[1:3]:
        matrix = np.eye(4)
        matrix[:3, :3] = turned
        face = find_face(gaussians.replace(parts=None).transform(matrix), np.eye(3), load_head_model(), Reporter())
        eyes = shape.vertices[load_head_model().in_regions(Region.EYES)].mean(axis=0) @ turned.T
        x, _, z = face.matrix[:3, :3] @ eyes + face.matrix[:3, 3]
        assert face.landmarks.score > 0.9 and abs(x) < 0.1 and abs(z) < 0.1


@pytest.mark.parametrize("count", [0, 1000])
def test_what_shows_no_face_is_told(count):
    with pytest.raises(FaceLiftError, match="No face was found") as caught:
        fit_base_mesh(random_gaussians(count))
    assert caught.value.code == "no-head-found" and caught.value.advice


def test_half_a_face_is_told():
    gaussians, shape = head()
    half = gaussians.select(np.flatnonzero(gaussians.means[:, 0] > 0))
    with pytest.raises(FaceLiftError) as caught:
        fit_base_mesh(half, shape)
    assert caught.value.code in ("cut-face", "no-head-found")


def test_hair_does_not_draw_the_forehead_out():
    gaussians, shape = head()
    base = fit_base_mesh(gaussians.replace(parts=None), shape)
    hair = gaussians.means[gaussians.parts == Part.HAIR]
    assert len(hair)
    assert millimetres(base, shape, Region.SCALP) < 3
    assert millimetres(base, shape, Region.FACE) < 1.5


def test_a_fit_can_be_cancelled():
    reporter = Reporter()
    reporter.cancel_event.set()
    with pytest.raises(Cancelled):
        fit_base_mesh(*head(), reporter=reporter)
