"""Quality Ultra: pixels of large photos divided into four Gaussians."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from core.engines.draft.cut import shoulder_cut
from core.engines.draft.detail import photo_splats, pixels_to_divide
from core.engines.draft.engine import DraftEngine
from core.engines.draft.photo_sheet import build_sheet, sheet_splats
from core.engines.draft.settings import BUDGETS
from core.photo.alignment import Alignment
from core.photo.fine import FACTOR, fine_photo
from core.photo.types import FaceBox
from core.progress import Reporter
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr
from core.splats.parts import Part
from tests.bench.draft_quality import fine_face, front_quality, sharpness
from tests.draft.test_draft_stages import plain_portrait
from tests.helpers.draft import PreparedEngine, astronaut_head, file_photo
from tests.helpers.photo import SHARED

MOST = 500_000
FINE_SIZE = 1024
RIM = 16
"""Fine pixels inside the face's outline that are left out: what is beside it shows there."""


def test_a_magnified_alignment_divides_the_same_pixels():
    size = (900, 1200)
    smooth = ndimage.gaussian_filter(np.random.default_rng(5).random((*size[::-1], 3)), (9, 9, 0))
    picture = np.rint(255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)
    alignment = Alignment.from_box(size, FaceBox(250.0, 300.0, 650.0, 800.0, 1.0))
    fine = alignment.magnified(FACTOR).apply(picture).astype(float)
    assert fine.shape == (FINE_SIZE, FINE_SIZE, 3)
    means = fine.reshape(512, FACTOR, 512, FACTOR, 3).mean((1, 3))
    assert np.abs(means - alignment.apply(picture)).max() <= 2
    assert alignment.resolution == pytest.approx(450 / 194.3, rel=0.01)


def test_ultra_has_half_a_million_at_most():
    budget = BUDGETS["ultra"]
    assert budget.photo + budget.skin + budget.cloth + budget.hair + budget.detail <= MOST
    assert not any(other.detail for name, other in BUDGETS.items() if name != "ultra")


def fine_stripes() -> np.ndarray:
    """A picture whose lines are one fine pixel wide, so that their mean is all that 512 pixels can show."""
    stripes = 0.5 + 0.1 * (-1.0) ** np.arange(FINE_SIZE)
    return np.tile(stripes[:, None, None], (1, FINE_SIZE, 3)).astype(np.float32)


def test_divided_pixels_show_what_pixels_of_512_cannot():
    fine = fine_stripes()
    portrait = replace(plain_portrait().with_colors(np.full((512, 512, 3), 0.5)), fine=fine)
    parts = np.where(portrait.mask, Part.SKIN, Part.BACKGROUND).astype(np.int8)
    depth = np.where(portrait.mesh_maps.mask, portrait.mesh_maps.depth, np.float32(portrait.mesh_maps.depth.max()))
    sheet = build_sheet(portrait, parts, depth, shoulder_cut(portrait))
    coarse = sheet_splats(portrait, sheet, portrait.rgb, BUDGETS["ultra"].photo)
    splats = photo_splats(portrait, sheet, portrait.rgb, BUDGETS["ultra"])
    divided = pixels_to_divide(portrait, sheet, BUDGETS["ultra"].detail)
    assert len(splats) == len(coarse) + (FACTOR**2 - 1) * divided.sum()
    inner = ndimage.binary_erosion(portrait.face_oval, iterations=RIM)
    assert divided[inner].all()
    camera, inner = portrait.camera.resized(FINE_SIZE), inner.repeat(FACTOR, 0).repeat(FACTOR, 1)

    def likeness(item):
        return psnr(render(item.to_gaussians(), camera, (0.5, 0.5, 0.5)).image.astype(float), fine.astype(float), inner)

    assert likeness(splats) > likeness(coarse) + 3


def test_small_photos_are_not_divided():
    _, prepared = astronaut_head()
    assert prepared.alignment.resolution < 1 and fine_photo(prepared) is None


def test_a_budget_goes_to_the_face_first():
    portrait = replace(plain_portrait(), fine=fine_stripes())
    parts = np.where(portrait.mask, Part.SKIN, Part.BACKGROUND).astype(np.int8)
    depth = np.where(portrait.mesh_maps.mask, portrait.mesh_maps.depth, np.float32(portrait.mesh_maps.depth.max()))
    sheet = build_sheet(portrait, parts, depth, shoulder_cut(portrait))
    few = pixels_to_divide(portrait, sheet, 3000)
    assert few.sum() == 1000 and portrait.face_oval[few].all()


def test_a_large_photo_comes_out_sharper_and_as_well_seen_from_farther_away():
    photo = file_photo(SHARED / "truth-heads" / "scan" / "photo_35.png")
    prepared = DraftEngine().prepare(photo, {}, Reporter())
    engine = PreparedEngine(prepared)
    truth, landmarks, figures = fine_face(prepared), prepared.landmarks.points, {}
    for quality in ("high", "ultra"):
        result = engine.generate(photo, {"quality": quality}, Reporter())
        figures[quality] = *sharpness(result, landmarks, truth), front_quality(result, landmarks)["front_psnr"]
    assert len(result.gaussians) <= MOST and result.recipe.settings["quality"] == "ultra"
    assert figures["ultra"][0] > figures["high"][0] + 5 and figures["ultra"][0] > 38, figures
    assert figures["ultra"][1] > figures["high"][1] and figures["ultra"][2] > 30, figures


def test_photos_in_between_are_told_by_their_resolution():
    _, prepared = astronaut_head()
    larger = np.asarray(Image.fromarray(prepared.rgb).resize((1400, 1400), Image.Resampling.BICUBIC))
    alignment = Alignment.from_box((1400, 1400), FaceBox(500.0, 150.0, 900.0, 600.0, 1.0))
    fine = fine_photo(replace(prepared, rgb=larger, alignment=alignment, foreground=alignment.apply(larger)))
    assert fine.shape == (FINE_SIZE, FINE_SIZE, 3) and fine.dtype == np.float32
    assert np.abs(fine * 255 - alignment.magnified(FACTOR).apply(larger)).max() < 1
