"""What became of a head's photos: what can be said of them, and that it reaches the other process whole."""

import json

import numpy as np
import pytest

from core.cameras import Camera, front_camera
from core.engines.outcomes import ShotOutcome, check
from core.photo.edits import Crop
from core.photo.sides import BACK, HELP, LEFT, LEFT_OUT, PLACED

PICTURE = np.full((512, 512, 4), 9, np.uint8)
FRONT_SHOT = ShotOutcome(PLACED, camera=front_camera(), picture=PICTURE)


@pytest.mark.parametrize(
    "outcome",
    [
        FRONT_SHOT,
        ShotOutcome(PLACED, "The hair is another one.", LEFT, Camera.orbit(0.0), PICTURE),
        ShotOutcome(HELP, "Say which side it shows.", picture=PICTURE),
        ShotOutcome(LEFT_OUT, "It is the portrait again.", BACK, picture=PICTURE, crop=Crop(0.5, 0.4, 1.2)),
    ],
)
def test_outcomes_travel_as_json(outcome):
    back = ShotOutcome.from_facts(json.loads(json.dumps(outcome.facts())), outcome.picture)
    assert back.facts() == outcome.facts() and back.picture is outcome.picture and back.crop == outcome.crop


@pytest.mark.parametrize(
    "values",
    [
        {"state": "lost"},
        {"state": HELP, "side": "above"},
        {"state": PLACED, "picture": PICTURE},
        {"state": PLACED, "camera": front_camera()},
    ],
)
def test_outcomes_that_are_none_are_refused(values):
    with pytest.raises(ValueError, match="shot"):
        ShotOutcome(**values)


def test_a_head_has_an_outcome_for_each_photo_and_its_portrait_is_placed():
    helped = ShotOutcome(HELP, "Say which side it shows.")
    check([FRONT_SHOT, helped], 2)
    for shots, count in (([FRONT_SHOT], 2), ([helped], 1), ([], 0)):
        with pytest.raises(ValueError, match="portrait"):
            check(shots, count)
