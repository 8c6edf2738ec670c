"""Further photos of a person, with a face and without: what is prepared of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core.engines.capture import Capture
from core.engines.further import prepare_further
from core.engines.registry import create_engine
from core.photo.decode import decode, from_array
from core.photo.edits import Crop
from core.photo.sides import BACK, FRONT
from core.progress import Reporter
from tests.helpers.photo import astronaut


def prepared(photo, **options):
    return prepare_further(create_engine("draft"), Capture.of(photo, **options), {}, Reporter())


def test_a_face_is_prepared_as_a_portrait_s():
    photo = from_array(astronaut())
    found = prepared(photo)
    alone = create_engine("draft").prepare(photo, {}, Reporter())
    np.testing.assert_array_equal(found.aligned, alone.aligned)
    assert found.has_face and found.side == FRONT


def test_where_nobody_is_all_of_the_photo_waits_for_the_user():
    rows = np.broadcast_to(np.linspace(0, 255, 300)[:, None, None], (300, 400, 3)).astype(np.uint8)
    found = prepared(from_array(rows, "field.png"))
    assert not found.has_person and not found.has_face and found.side == "" and not found.matte.any()
    assert Crop(*found.crop).values() == pytest.approx(Crop.around((400, 300)).values(), abs=0.01)
    # As wide as the square: what lies above and below it is empty.
    inside = found.aligned[..., 3] == 255
    assert inside.mean() == pytest.approx(0.75 / 1.0, abs=0.2) and inside[256].mean() > 0.8


def test_a_back_is_cut_out_by_its_outline(shared):
    path = shared / "truth-heads" / "scan" / "shot_180.png"
    photo = decode(path.read_bytes(), path.name)
    previews = {}
    capture = Capture.of(photo, side=BACK)
    found = prepare_further(create_engine("draft"), capture, {}, Reporter(on_preview=previews.__setitem__))
    assert not found.has_face and found.side == BACK and found.faces == ()
    assert found.aligned.shape == (512, 512, 4) and 0.2 < (found.aligned[..., 3] > 127).mean() < 0.9
    assert "crop" in previews
    # The crop that the panel shows is the square that was cut out.
    left, top, side = Crop(*found.crop).square(found.rgb.shape[1::-1])
    square = Image.fromarray(found.rgb).crop((left, top, left + side, top + side)).resize((512, 512))
    inside = found.aligned[..., 3] > 250
    assert np.abs(np.asarray(square)[inside].astype(int) - found.aligned[..., :3][inside]).mean() < 6
