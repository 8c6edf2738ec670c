"""The loops at which exported heads end: closed, around the neck, and all of the border there."""

import numpy as np
import pytest

from core.avatar.handoff.seam import MAKEHUMAN_NECK, End, faces_above, ring
from core.errors import FaceLiftError
from core.head.bending import pieces
from core.head.model import Region, load_head_model


def border_edges(faces):
    """The edges of one face only, as sets of two vertices."""
    corners = [face[:3] if face[2] == face[3] else face for face in faces.tolist()]
    edges = [frozenset((a, b)) for face in corners for a, b in zip(face, face[1:] + face[:1], strict=True)]
    once, counts = np.unique([sorted(edge) for edge in edges], axis=0, return_counts=True)
    return {frozenset(edge) for edge in once[counts == 1].tolist()}


@pytest.mark.parametrize("end", [End.COLLAR, End.NECK])
def test_the_mesh_above_ends_in_the_loop(end):
    model = load_head_model()
    loop = ring(model, end)
    assert len(loop) == len(set(loop.tolist())) == 42
    kept = model.faces[faces_above(model, end, None)]
    assert len(kept) < len(model.faces)
    head = model.in_regions(Region.FACE, Region.SCALP, Region.EARS, Region.LIPS, Region.EYES, Region.TEETH)
    assert np.isin(np.flatnonzero(head), kept).all()
    skin = pieces(model) == pieces(model)[loop[0]]
    border = border_edges(kept[skin[kept].all(axis=1)])
    around = {frozenset(edge) for edge in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True)}
    below = {edge for edge in border if model.mean[list(edge), 2].max() < -0.09}
    assert below == around
    # Once around: from the front to the head's left.
    places = model.mean[loop]
    assert abs(places[0, 0]) < 1e-3 and places[:, 1].argmin() == 0 and places[1, 0] > 0
    middle = places.mean(axis=0)
    angles = np.unwrap(np.arctan2(places[:, 1] - middle[1], places[:, 0] - middle[0]))
    assert angles[-1] - angles[0] == pytest.approx(2 * np.pi, abs=0.5)


def test_the_neck_lies_above_the_collar():
    model = load_head_model()
    neck, collar = (faces_above(model, end, None) for end in (End.NECK, End.COLLAR))
    assert not (neck & ~collar).any() and neck.sum() < collar.sum()
    assert len(set(MAKEHUMAN_NECK)) == len(ring(model, End.NECK))


def test_a_head_that_ends_higher_up_has_no_such_loop():
    model = load_head_model()
    present = model.mean[model.faces][..., 2].min(axis=1) > -0.16
    assert faces_above(model, End.NECK, np.ones(len(model.faces), bool)).any()
    with pytest.raises(FaceLiftError) as caught:
        faces_above(model, End.COLLAR, present)
    assert caught.value.code == "ends-above"
