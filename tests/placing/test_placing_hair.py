"""Photos with other hair than the portrait's are told, and others are not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from core.cameras import Camera, front_camera
from core.engines.capture import Shot
from core.engines.shot_options import ShotOptions
from core.gaussians import Gaussians
from core.head.fitting import HeadFit, fit_head
from core.photo.decode import Photo, decode, from_array
from core.photo.edits import Crop
from core.photo.prepare import Portrait, prepare_photo
from core.photo.sides import AUTO, BACK, LEFT, PLACED
from core.placing import PlacedShot, place_shots
from core.placing.by_hand import kept
from core.progress import Reporter
from core.rasterize.cpu import render
from core.splats import spherical_harmonics as harmonics
from core.splats.parts import Part
from tests.helpers.draft import astronaut_head
from tests.helpers.photo import SHARED, astronaut

ASIDE = Camera.orbit(270 + 40, 5, radius=4.5, fov=30)
BEHIND = Camera.orbit(90, 5, radius=4.5, fov=30)


@cache
def prepared(name: str) -> tuple[Portrait, HeadFit]:
    """The astronaut's portrait or a shared one, and the head fitted to it."""
    if name == "astronaut":
        photo = from_array(astronaut(), "astronaut.png")
    else:
        photo = shared_photo(name)
    portrait = prepare_photo(photo, None, Reporter())
    camera = front_camera(fov=Shot(photo).lens(portrait.alignment).degrees)
    return portrait, fit_head(portrait.landmarks.points, camera, portrait.alpha > 0.5)


def shared_photo(name: str) -> Photo:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path.name} is shared material that is not here")
    return decode(path.read_bytes(), path.name)


def placed_beside(name: str, *shots: Shot) -> tuple[PlacedShot, ...]:
    portrait, fit = prepared(name)
    return place_shots(portrait, fit, fit.camera, shots, Reporter())[0]


def photographed(head: Gaussians, camera: Camera = ASIDE, light: float = 1.0) -> Photo:
    picture = render(head, camera, (0.55, 0.6, 0.65)).to_uint8()
    return from_array(np.clip(picture * light, 0, 255).astype(np.uint8), "further.png")


def dyed(head: Gaussians) -> Gaussians:
    """The head with its hair as bright as it was, and blue."""
    hair = head.parts == Part.HAIR
    brightness = head.colors.mean(1, keepdims=True)
    colors = np.where(hair[:, None], brightness * [0.4, 0.8, 1.8], head.colors)
    return head.replace(sh=harmonics.from_colors(np.clip(colors, 0, 1)).astype(np.float32))


def with_hat(head: Gaussians) -> Gaussians:
    """The head under a hat: what lies high is grey, and as high again."""
    means, hair = head.means.copy(), head.parts == Part.HAIR
    high = hair & (means[:, 2] > np.percentile(means[hair, 2], 60))
    means[high, 2] += 0.25
    colors = np.where(high[:, None], 0.5, head.colors)
    return head.replace(means=means, sh=harmonics.from_colors(colors).astype(np.float32))


def test_the_same_hair_is_not_told_in_other_light_either():
    head = astronaut_head()[0].gaussians
    for shot in placed_beside(
        "astronaut",
        Shot(photographed(head)),
        Shot(photographed(head, light=0.6)),
        Shot(photographed(head, BEHIND), ShotOptions(side=BACK)),
    ):
        assert (shot.state, shot.message, shot.other_hair) == (PLACED, "", False)


@pytest.mark.parametrize("change", [dyed, with_hat])
def test_other_hair_is_told_and_the_photo_stays_placed(change):
    (shot,) = placed_beside("astronaut", Shot(photographed(change(astronaut_head()[0].gaussians))))
    assert shot.state == PLACED and shot.other_hair
    assert "hair looks different" in shot.message and "portrait's hair was kept" in shot.message


def test_a_bald_mans_photo_with_dark_hair_on_his_forehead_is_told():
    prepared("truth-heads/scan/photo_35.png")
    photo = shared_photo("truth-heads/scan/shot_045.png")
    rgba = photo.rgba.copy()
    rows = np.flatnonzero((rgba[..., 3] > 127).any(1))
    # His brows are a fifth of the picture's person below the crown.
    hair = slice(rows[0], rows[0] + round(0.17 * (rows[-1] - rows[0])))
    rgba[hair, :, :3] = rgba[hair, :, :3] * 0.2
    (shot,) = placed_beside("truth-heads/scan/photo_35.png", Shot(replace(photo, rgba=rgba)))
    assert shot.state == PLACED and shot.other_hair


def test_who_places_a_photo_by_hand_gets_its_hair():
    result = astronaut_head()[0]
    photo = photographed(dyed(result.gaussians))
    placement = kept(ASIDE, result.shape.pose, Crop.around(photo.rgba.shape[1::-1]))
    (shot,) = placed_beside("astronaut", Shot(photo, placement=placement))
    assert (shot.state, shot.message, shot.other_hair) == (PLACED, "", False)


@pytest.mark.parametrize(
    ("portrait", "further"),
    [
        (
            "truth-heads/scan/photo_35.png",
            {
                "shot_045.png": AUTO,
                "shot_090.png": AUTO,
                "shot_180.png": BACK,
                "shot_270.png": AUTO,
                "shot_315.png": AUTO,
            },
        ),
        (
            "sample-head/six/cam_000.png",
            {f"cam_00{number}.png": BACK if number == 3 else AUTO for number in range(1, 6)},
        ),
        ("sample-head/views/cam_025.png", {"cam_022.png": AUTO, "cam_029.png": AUTO, "cam_000.png": LEFT}),
    ],
)
def test_no_photo_of_the_scan_and_the_sample_heads_is_told(portrait, further):
    folder = (SHARED / portrait).parent
    prepared(portrait)
    shots = [Shot(decode((folder / name).read_bytes(), name), ShotOptions(side=side)) for name, side in further.items()]
    for name, shot in zip(further, placed_beside(portrait, *shots), strict=True):
        assert (shot.state, shot.message, shot.other_hair) == (PLACED, "", False), name
