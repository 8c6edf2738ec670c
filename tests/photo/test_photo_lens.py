"""The lens of a photo: from EXIF data as cameras, phones and editors write them, to the aligned picture's angle."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.photo import decode as decode_module
from core.photo.alignment import ALIGNED_FACE_SIZE, Alignment
from core.photo.decode import decode, from_array
from core.photo.lens import CHOICES, PRESETS, TYPICAL, crop_degrees, equivalent_focal, exif_focal, lens_of
from core.photo.types import FaceBox

EXIF_IFD, ORIENTATION = 0x8769, 0x0112
FOCAL, FOCAL_35 = 0x920A, 0xA405
FOCAL_PLANE_X, FOCAL_PLANE_UNIT = 0xA20E, 0xA210
WIDTH, HEIGHT = 0xA002, 0xA003
INCH, CENTIMETRE = 2, 3


def exif_of(**tags) -> Image.Exif:
    """EXIF data of tags by the names above."""
    exif = Image.Exif()
    if "ORIENTATION" in tags:
        exif[ORIENTATION] = tags.pop("ORIENTATION")
    exif.get_ifd(EXIF_IFD).update({globals()[name]: value for name, value in tags.items()})
    return exif


def jpeg(size: tuple[int, int], **tags) -> bytes:
    """A JPEG file with EXIF data."""
    file = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(file, "JPEG", exif=exif_of(**tags))
    return file.getvalue()


def horizontal_angle(photo) -> float:
    """Degrees that the photo's longer side spans."""
    return np.degrees(2 * np.arctan(max(photo.rgba.shape[:2]) / 2 / photo.focal))


def face_at(x: float, y: float, size: float) -> FaceBox:
    return FaceBox(x - size / 2, y - size / 2, x + size / 2, y + size / 2, 1.0)


@pytest.mark.parametrize(("millimetres", "degrees"), [(24, 73.74), (50, 39.60), (85, 23.91), (135, 15.19)])
def test_35_mm_equivalents_are_those_of_every_lens_table(millimetres, degrees):
    photo = decode(jpeg((600, 400), FOCAL_35=millimetres), "photo.jpg")
    assert horizontal_angle(photo) == pytest.approx(degrees, abs=0.01)


def test_a_phone_s_equivalent_refers_to_the_diagonal():
    """26 mm on a 4:3 sensor: the same diagonal angle as on 36 x 24 mm, so a little less across."""
    photo = decode(jpeg((400, 300), FOCAL_35=26, FOCAL=4.25), "phone.jpg")
    diagonal = np.degrees(2 * np.arctan(250 / photo.focal))
    assert diagonal == pytest.approx(np.degrees(2 * np.arctan(np.hypot(36, 24) / 2 / 26)))


@pytest.mark.parametrize(
    ("resolution", "unit"), [(5472 / 36 * 25.4, INCH), (5472 / 36 * 25.4, None), (5472 / 36 * 10, CENTIMETRE)]
)
def test_the_sensor_s_size_follows_from_the_focal_plane_s_resolution(resolution, unit):
    """A full-frame camera of 5472 x 3648 pixels with an 85 mm lens, its file scaled down to 600 x 400."""
    tags = {"FOCAL": 85.0, "FOCAL_PLANE_X": resolution, "WIDTH": 5472, "HEIGHT": 3648}
    if unit is not None:
        tags["FOCAL_PLANE_UNIT"] = unit
    assert horizontal_angle(decode(jpeg((600, 400), **tags), "photo.jpg")) == pytest.approx(23.91, abs=0.05)


def test_the_sensor_counts_at_full_size_too():
    tags = {"FOCAL": 50.0, "FOCAL_PLANE_X": 600 / 22.3 * 25.4, "FOCAL_PLANE_UNIT": INCH}
    photo = decode(jpeg((600, 400), **tags), "aps-c.jpg")
    assert horizontal_angle(photo) == pytest.approx(np.degrees(2 * np.arctan(22.3 / 2 / 50)), abs=0.02)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientation_changes_nothing(orientation):
    """Tags refer to the picture as it is stored, on its side."""
    tags = {"FOCAL": 85.0, "FOCAL_PLANE_X": 5472 / 36 * 25.4, "WIDTH": 5472, "HEIGHT": 3648}
    photo = decode(jpeg((600, 400), ORIENTATION=orientation, **tags), "photo.jpg")
    assert photo.rgba.shape[:2] == ((600, 400) if orientation in (6, 8) else (400, 600))
    assert photo.focal == pytest.approx(85 / 36 * 600, rel=0.002)


def test_a_file_turned_by_an_editor_keeps_its_angle():
    """Upright pixels, but the size tags still describe the picture on its side."""
    tags = {"FOCAL": 85.0, "FOCAL_PLANE_X": 5472 / 36 * 25.4, "WIDTH": 5472, "HEIGHT": 3648}
    assert decode(jpeg((400, 600), **tags), "photo.jpg").focal == pytest.approx(85 / 36 * 600, rel=0.002)


def test_a_file_cut_out_of_a_larger_one_has_the_larger_one_s_lens():
    whole = exif_focal(exif_of(FOCAL_35=85, WIDTH=6000, HEIGHT=4000), (6000, 4000))
    assert exif_focal(exif_of(FOCAL_35=85, WIDTH=6000, HEIGHT=4000), (2400, 3000)) == pytest.approx(whole)
    assert exif_focal(exif_of(FOCAL_35=85, WIDTH=6000, HEIGHT=4000), (3000, 2000)) == pytest.approx(whole / 2)


def test_a_photo_scaled_while_it_is_decoded_keeps_its_angle(monkeypatch):
    file = jpeg((1200, 800), FOCAL_35=50)
    whole = decode(file, "photo.jpg")
    monkeypatch.setattr(decode_module, "MAX_SIDE", 300)
    small = decode(file, "photo.jpg")
    assert small.rgba.shape[1] == 300 and small.focal == pytest.approx(whole.focal / 4)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"FOCAL_35": 0},
        {"FOCAL_35": 60000},
        {"FOCAL": 50.0},
        {"FOCAL": 50.0, "FOCAL_PLANE_X": 0.0},
        {"FOCAL": 50.0, "FOCAL_PLANE_X": 1e9},
        {"FOCAL": 50.0, "FOCAL_PLANE_X": 4000.0, "FOCAL_PLANE_UNIT": 1},
        {"FOCAL": 50.0, "FOCAL_PLANE_X": 4000.0, "FOCAL_PLANE_UNIT": 77},
        {"FOCAL_PLANE_X": 4000.0},
        {"FOCAL": "fifty", "FOCAL_PLANE_X": 4000.0},
    ],
    ids=str,
)
def test_nonsense_is_no_lens(tags):
    exif = exif_of(**tags)
    assert exif_focal(exif, (600, 400)) is None
    assert lens_of(Alignment.from_box((600, 400), face_at(300, 200, 150))).source == "typical"


def test_damaged_exif_data_do_not_hinder_a_photo():
    file = bytearray(jpeg((600, 400), FOCAL_35=50))
    start = file.index(b"Exif\0\0")
    file[start + 14 : start + 50] = b"\xff" * 36
    assert decode(bytes(file), "photo.jpg").focal is None


def test_equivalent_wins_over_an_absurd_sensor():
    assert exif_focal(exif_of(FOCAL_35=50, FOCAL=8.0, FOCAL_PLANE_X=1.0), (600, 400)) == pytest.approx(
        equivalent_focal(50, np.hypot(600, 400))
    )


def test_the_crop_s_angle_is_the_distance_s():
    """Of a photo of any size and lens, a face twice as small stands twice as far away."""
    focal = equivalent_focal(50, np.hypot(3000, 2000))
    near = crop_degrees(focal, Alignment.from_box((3000, 2000), face_at(1500, 900, 800)))
    far = crop_degrees(focal, Alignment.from_box((3000, 2000), face_at(700, 1200, 400)))
    assert np.tan(np.radians(near / 2)) == pytest.approx(2 * np.tan(np.radians(far / 2)), rel=2e-3)
    assert np.tan(np.radians(near / 2)) == pytest.approx(256 / ALIGNED_FACE_SIZE * 800 / focal, rel=2e-3)
    scaled = equivalent_focal(50, np.hypot(1500, 1000))
    assert crop_degrees(scaled, Alignment.from_box((1500, 1000), face_at(750, 450, 400))) == pytest.approx(
        near, rel=2e-3
    )


def test_choices_come_first_then_the_file_then_a_portrait_s_lens():
    alignment = Alignment.from_box((600, 400), face_at(300, 200, 100))
    focal = equivalent_focal(85, np.hypot(600, 400))
    for choice, degrees in PRESETS.items():
        assert (lens_of(alignment, focal, choice).degrees, lens_of(alignment, focal, choice).source) == (
            degrees,
            "chosen",
        )
    assert lens_of(alignment, focal, "degrees", degrees=33.0).degrees == 33.0
    assert lens_of(alignment, None, "mm", millimetres=85.0).degrees == pytest.approx(crop_degrees(focal, alignment))
    assert lens_of(alignment, focal) == lens_of(alignment, focal, "auto")
    assert lens_of(alignment, focal).source == "photo"
    assert lens_of(alignment).degrees == TYPICAL
    assert set(CHOICES) == {"auto", *PRESETS, "degrees", "mm"}


def test_a_face_that_fills_more_than_any_camera_sees_means_the_file_was_cut_out_untold():
    alignment = Alignment.from_box((600, 400), face_at(300, 200, 350))
    assert lens_of(alignment, equivalent_focal(24, np.hypot(600, 400))).source == "typical"


def test_aligned_portraits_have_the_rig_s_lens_unless_told():
    alignment = Alignment.stretched((512, 512))
    assert (lens_of(alignment).degrees, lens_of(alignment).source) == (50.0, "convention")
    assert lens_of(alignment, choice="portrait").degrees == 27.0


def test_pixels_alone_have_no_lens():
    assert from_array(np.zeros((64, 64, 3), np.uint8)).focal is None
