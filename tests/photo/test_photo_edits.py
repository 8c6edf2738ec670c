"""What the user changes of a photo, what is told of it before a head is made, and the edges of cut-outs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from core.engines.capture import Shot
from core.engines.facelift.preparation import prepare
from core.errors import PhotoError
from core.photo.alignment import Alignment
from core.photo.crop_handles import CORNERS, MOVE, dragged, handle_at
from core.photo.decode import from_array
from core.photo.edits import Crop, PhotoEdits, lasso, painted_matte
from core.photo.foreground import cut_out_foreground
from core.photo.prepare import find_faces, prepare_photo
from core.photo.types import FaceBox
from core.progress import Reporter
from core.worker import packing
from tests.helpers.photo import SAMPLE_FRONT, astronaut, needs_sample_head


def findings_in(pixels: np.ndarray) -> list[str]:
    portrait = prepare_photo(from_array(np.ascontiguousarray(pixels)), None, Reporter())
    assert all(finding.text.endswith(".") and finding.suffers.endswith(".") for finding in portrait.findings)
    return [finding.code for finding in portrait.findings]


# --- crop and matte -------------------------------------------------------------------------


def test_a_crop_is_the_square_of_its_alignment():
    box = FaceBox(100, 120, 220, 260, 1.0)
    crop = Crop.of_box((800, 600), box)
    back = crop.box((800, 600))
    assert back.size == pytest.approx(box.size)
    assert back.center == pytest.approx(box.center)
    alignment = Alignment.from_box((800, 600), back)
    left, top, side = crop.square((800, 600))
    assert alignment.scale[0] == pytest.approx(512 / side, rel=0.01)
    assert alignment.offset == pytest.approx((-left * 512 / side, -top * 512 / side), abs=2)


@pytest.mark.parametrize("values", [None, [0.5], ["a", 0, 1], [0.5, 0.5, 0], [9, 0.5, 0.5], [0.5, 0.5, float("nan")]])
def test_bad_crops_are_told(values):
    with pytest.raises(PhotoError) as caught:
        Crop.read(values)
    assert caught.value.code == "bad-crop"


def test_painting_counts_only_where_it_changed_something():
    before = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))
    after = before.copy()
    after[10:20, 5:15] = 255
    edits = PhotoEdits(matte=painted_matte(before, after))
    other = np.full((60, 80), 77, np.uint8)
    mended = edits.apply_matte(other)
    assert mended[30, 20] == 255, "painted at one size, used at another"
    assert (mended[:, 40:] == 77).all()
    assert painted_matte(before, before) == b""
    more = after.copy()
    more[0:5, 30:] = 0
    both = PhotoEdits(matte=painted_matte(after, more, edits.matte)).apply_matte(other)
    assert both[30, 20] == 255 and both[2, 75] == 0


def test_a_lasso_is_antialiased():
    alpha = np.full((50, 50), 100, np.uint8)
    path = np.array([[10.5, 10.0], [30.5, 10.0], [30.5, 40.0], [10.5, 40.0]])
    kept, removed = lasso(alpha, path, True), lasso(alpha, path, False)
    assert kept[20, 20] == 255 and removed[20, 20] == 0
    assert 120 < kept[20, 10] < 240 and kept[20, 5] == 100


def test_broken_edits_are_told():
    with pytest.raises(PhotoError) as caught:
        PhotoEdits(matte=b"no picture").apply_matte(np.zeros((9, 9), np.uint8))
    assert caught.value.code == "bad-matte"


def test_both_engines_take_crop_and_matte():
    photo = from_array(astronaut())
    crop = Crop(0.45, 0.25, 0.8)
    before = np.full((64, 64), 255, np.uint8)
    removed = lasso(before, np.array([[0, 32], [64, 32], [64, 64], [0, 64]], float), False)
    edits = PhotoEdits(crop, painted_matte(before, removed))
    draft = prepare_photo(photo, None, Reporter(), edits=edits)
    facelift = prepare(Shot(photo, edits=edits), Reporter()).prepared
    for prepared in (draft, facelift):
        assert prepared.crop == pytest.approx(crop.values())
        # The lower half of the photo was removed; the crop shows it from -0.15 to 0.65.
        rows = np.flatnonzero(prepared.aligned[..., 3].max(axis=1))
        assert rows.max() == pytest.approx((0.5 + 0.15) / 0.8 * 512, abs=6)
    faces = [prepared.aligned[170:280, 210:290, :3].astype(int) for prepared in (draft, facelift)]
    assert np.abs(faces[0] - faces[1]).mean() < 2


def test_what_was_found_reaches_the_client():
    portrait = prepare_photo(from_array(astronaut()[60:]), None, Reporter())
    received = packing.unpack_prepared(*packing.pack_prepared(portrait))
    assert received.findings == portrait.findings
    assert received.crop.values() == pytest.approx(portrait.crop)
    picture = np.asarray(Image.open(io.BytesIO(received.picture_png)))
    np.testing.assert_array_equal(picture[..., 3], portrait.matte)
    assert (received.side, received.has_face) == (portrait.side, True)
    facts = {"faces": [], "face": 0, "notes": [], "side": "back", "has_face": False}
    bare = packing.unpack_prepared(facts, {"aligned": b""})
    assert bare.crop is None and bare.findings == () and bare.picture_png == b""
    assert bare.side == "back" and not bare.has_face


# --- what will suffer -----------------------------------------------------------------------


def test_a_good_portrait_has_nothing_to_tell():
    assert findings_in(astronaut()) == []


def test_hair_before_the_face_is_told():
    picture = Image.fromarray(astronaut())
    points = find_faces(astronaut())[0][1].points[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    draw = ImageDraw.Draw(picture)
    for x in np.linspace(low[0], high[0], 24):
        draw.line([(x, low[1] - 10), (x + 6, low[1] + 0.6 * (high - low)[1])], fill=(40, 28, 20), width=1)
    assert "face-covered" in findings_in(np.asarray(picture))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda pixels: pixels[60:], "skull-cut"),
        (lambda pixels: pixels[:, 185:], "side-cut"),
        (lambda pixels: (pixels * 0.2).astype(np.uint8), "dark"),
        (lambda pixels: np.clip(pixels * 1.9 + 20, 0, 255).astype(np.uint8), "bright"),
        (lambda pixels: np.asarray(Image.fromarray(pixels).resize((300, 300))), "low-resolution"),
        (lambda pixels: np.concatenate([pixels[:400, 90:330], pixels[:400, 90:330]], axis=1), "two-people"),
    ],
)
def test_each_kind_is_told(change, code):
    assert code in findings_in(change(astronaut()))


def test_a_turned_face_is_told(shared):
    for name, turned in (("photo_35_left", False), ("shot_045", True)):
        picture = Image.open(shared / "truth-heads" / "scan" / f"{name}.png").convert("RGB")
        assert ("turned" in findings_in(np.asarray(picture))) == turned


# --- cut-outs -------------------------------------------------------------------------------


@needs_sample_head
@pytest.mark.parametrize("cleared", [False, True])
@pytest.mark.parametrize("background", [255, 0, (0, 200, 30)])
def test_a_cut_out_loses_its_old_background(background, cleared):
    """The colours left under soft alpha hold the old background's share; below alpha 0 may be anything."""
    source = np.asarray(Image.open(SAMPLE_FRONT).convert("RGBA"))
    alpha, truth = source[..., 3] / 255, source[..., :3].astype(float)
    mixed = np.rint(alpha[..., None] * truth + (1 - alpha[..., None]) * background).astype(np.uint8)
    mixed[alpha == 0] = 0 if cleared else background
    edge = (alpha > 0.03) & (alpha < 0.98)

    def error(colors: np.ndarray) -> float:
        return float((np.abs(colors - truth).mean(axis=2) * alpha)[edge].mean())

    cleaned = cut_out_foreground(mixed, alpha)
    assert error(cleaned.astype(float)) < 5 < 10 < error(mixed.astype(float))
    np.testing.assert_array_equal(cleaned[alpha == 1], mixed[alpha == 1])


@needs_sample_head
@pytest.mark.parametrize("widened", [0, 2])
@pytest.mark.parametrize("background", [255, (0, 200, 30)])
def test_an_opaque_fringe_of_a_cut_out_goes(background, widened):
    """Hard scissors, or too wide ones, leave the old background at the edge under alpha 1."""
    source = np.asarray(Image.open(SAMPLE_FRONT).convert("RGBA"))
    alpha, truth = source[..., 3] / 255, source[..., :3].astype(float)
    mixed = np.rint(alpha[..., None] * truth + (1 - alpha[..., None]) * background).astype(np.uint8)
    hard = (alpha > 0.1) if not widened else ndimage.binary_dilation(alpha > 0.1, iterations=widened)
    # Every program's resampling softens such an edge.
    cut = ndimage.gaussian_filter(hard.astype(float), 0.5)
    edge = (alpha > 0.1) & (ndimage.distance_transform_edt(alpha > 0.1) < 4)
    edge[-4:] = False

    def error(colors: np.ndarray) -> float:
        return float(np.abs(colors - truth).mean(axis=2)[edge].mean())

    cleaned = cut_out_foreground(mixed, cut)
    assert error(cleaned.astype(float)) < 0.5 * error(mixed.astype(float))
    inside = ndimage.distance_transform_edt(alpha > 0.98) > 20
    np.testing.assert_array_equal(cleaned[inside], mixed[inside])


@needs_sample_head
def test_a_clean_cut_out_keeps_its_colours():
    source = np.asarray(Image.open(SAMPLE_FRONT).convert("RGBA"))
    solid = source[..., 3] > 0
    np.testing.assert_array_equal(cut_out_foreground(source[..., :3], source[..., 3] / 255)[solid], source[solid, :3])


# --- handles of a crop ----------------------------------------------------------------------

TALL = 1.5
"""Height of a photo in widths."""
SQUARE = Crop(0.5, 0.4, 0.3)


def corners_of(crop: Crop) -> list[tuple[float, float]]:
    half = crop.size / 2
    return [(crop.x + right * half, crop.y + down * half / TALL) for right, down in CORNERS]


def test_handles_are_found_under_the_mouse():
    for index, corner in enumerate(corners_of(SQUARE)):
        assert handle_at(SQUARE, corner, TALL, 0.02) == index
        assert handle_at(SQUARE, (corner[0] + 0.019, corner[1] - 0.019 / TALL), TALL, 0.02) == index
    assert handle_at(SQUARE, (0.55, 0.45), TALL, 0.02) == MOVE
    assert handle_at(SQUARE, (0.5, 0.4 - 0.16 / TALL), TALL, 0.02) is None
    assert handle_at(SQUARE, (0.9, 0.4), TALL, 0.02) is None


def test_dragging_the_square_moves_it():
    assert dragged(SQUARE, MOVE, (0.1, -0.2), TALL).values() == pytest.approx([0.6, 0.2, 0.3])
    Crop.read(dragged(SQUARE, MOVE, (50.0, -50.0), TALL).values())


@pytest.mark.parametrize("handle", range(4))
def test_dragging_a_corner_leaves_the_one_opposite_where_it_is(handle):
    sides = CORNERS[handle]
    larger = dragged(SQUARE, handle, (0.1 * sides[0], 0.1 * sides[1] / TALL), TALL)
    assert larger.size == pytest.approx(0.4)
    opposite = (handle + 2) % 4
    assert corners_of(larger)[opposite] == pytest.approx(corners_of(SQUARE)[opposite])
    for shift in ((-9 * sides[0], -9 * sides[1]), (99 * sides[0], 99 * sides[1])):
        Crop.read(dragged(SQUARE, handle, shift, TALL).values())
