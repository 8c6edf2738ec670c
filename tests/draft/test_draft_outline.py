"""The fitted head's outline brought onto the photo's, on photos of one person."""

from __future__ import annotations

import numpy as np

from core.cameras import front_camera
from core.engines.draft.engine import DraftEngine, fit_portrait
from core.engines.draft.outline import meet_outline
from core.engines.draft.segmentation import segment
from core.head.model import Region, load_head_model
from core.progress import Reporter
from tests.bench.novel_views import similarity
from tests.helpers.draft import file_photo
from tests.helpers.photo import SHARED


def test_one_person_has_one_shape_through_different_lenses():
    shapes = []
    for name, degrees in (("photo_20.png", 20), ("photo_35.png", 35)):
        prepared = DraftEngine().prepare(file_photo(SHARED / "truth-heads" / "scan" / name), {}, Reporter())
        portrait = fit_portrait(prepared, front_camera(fov=degrees))
        shapes.append(meet_outline(portrait, segment(portrait).parts).vertices.astype(np.float64))
    skin = load_head_model().in_regions(Region.FACE, Region.SCALP, Region.EARS)
    first, second = (shape[skin] for shape in shapes)
    matrix = similarity(first, second)
    distances = np.linalg.norm(first @ matrix[:3, :3].T + matrix[:3, 3] - second, axis=1)
    assert distances.max() < 0.03 * np.ptp(second[:, 2]), "an ear's outline is not the temple's"
