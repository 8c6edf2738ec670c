"""Floors under the draft engine's figures; the benchmark prints the figures themselves."""

import numpy as np
import pytest
from PIL import Image

from core.engines.draft.engine import DraftEngine
from core.progress import Reporter
from tests.bench.draft_quality import front_quality, hole_share, truth_quality
from tests.draft_helpers import astronaut_head, portrait_photo, sample_head_photo
from tests.photo_helpers import SAMPLE_FRONT

FRONT_PSNR, FRONT_IOU, HOLES = 30.0, 0.97, 0.003
SIX_PSNR, UNSEEN_PSNR = 17.5, 15.5


def assert_front(result, prepared):
    quality = front_quality(result, prepared.landmarks.points)
    assert quality["front_psnr"] >= FRONT_PSNR and quality["front_iou"] >= FRONT_IOU, quality


def test_astronaut_front_and_holes():
    result, prepared = astronaut_head()
    assert_front(result, prepared)
    assert hole_share(result.gaussians) <= HOLES


@pytest.mark.parametrize("name", ("001", "003", "004", "006"))
def test_portrait_front_and_holes(name):
    photo, engine = portrait_photo(name), DraftEngine()
    result, prepared = engine.generate(photo, {}, Reporter()), engine.prepare(photo, {}, Reporter())
    assert_front(result, prepared)
    assert hole_share(result.gaussians, views=8) <= HOLES


def test_sample_head_against_its_true_views():
    settings = {"aligned": True, "straighten": False}
    result = DraftEngine().generate(sample_head_photo(), settings, Reporter())
    paths = sorted(SAMPLE_FRONT.parent.glob("*.png"))
    quality = truth_quality(result.gaussians, [np.asarray(Image.open(path)) for path in paths])
    assert quality["six_psnr"] >= SIX_PSNR and quality["unseen_psnr"] >= UNSEEN_PSNR, quality
