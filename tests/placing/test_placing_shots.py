"""Cameras of further photos, found by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from scipy.spatial.transform import Rotation

from core.cameras import Camera, front_camera
from core.engines.capture import Shot
from core.engines.shot_options import ShotOptions
from core.errors import Cancelled
from core.head.fitting import fit_head
from core.head.model import Region
from core.head.pose import Pose
from core.photo.decode import Photo, decode, from_array
from core.photo.prepare import prepare_photo
from core.photo.sides import LEFT_OUT, PLACED
from core.placing import place_shots
from core.placing.level import Level
from core.progress import Reporter


def shot_of(path: Path, **options) -> Shot:
    return Shot(decode(path.read_bytes(), path.name), ShotOptions(**options))


def placed_of(portrait_shot: Shot, others: list[Shot], reporter: Reporter | None = None):
    portrait = prepare_photo(portrait_shot.photo, None, Reporter())
    camera = front_camera(fov=portrait_shot.lens(portrait.alignment).degrees)
    fit = fit_head(portrait.landmarks.points, camera, portrait.alpha > 0.5)
    return fit, *place_shots(portrait, fit, camera, others, reporter or Reporter())


def test_a_scan_is_placed_from_all_sides(shared):
    folder = shared / "truth-heads" / "scan"
    entries = json.loads((folder / "cameras.json").read_text())["cameras"]
    truth = {entry["file"]: np.array(entry["c2w"]) for entry in entries}
    names = ["photo_20.png", "shot_045.png", "shot_090.png", "shot_180.png", "shot_315.png"]
    first, *others = [shot_of(folder / name) for name in names]

    fit, placed, refined = placed_of(first, others)

    assert [each.state for each in placed] == [PLACED] * 4
    assert [each.side for each in placed] == ["three-quarter", "left", "back", "three-quarter"]
    for name, each in zip(names[1:], placed, strict=True):
        found = each.camera.c2w[:3, :3].T @ fit.camera.c2w[:3, :3]
        true = truth[name][:3, :3].T @ truth[names[0]][:3, :3]
        assert np.degrees(np.linalg.norm(Rotation.from_matrix(found @ true.T).as_rotvec())) < 4, name
        assert each.picture.shape == (512, 512, 4)
        assert (each.landmarks is None) == (each.side in ("left", "back"))
        # The head lies where the crop shows it.
        seen, _ = each.camera.project(each.shape.vertices[fit.model.in_regions(Region.SCALP, Region.FACE)])
        columns, rows = np.clip(seen, 0, 511).astype(int).T
        assert (each.picture[rows, columns, 3] > 127).mean() > 0.95, name
        # Crop and photo are one picture at two sizes.
        assert np.array_equal(each.alignment.apply(each.matte, fill=0), each.picture[..., 3])
    assert refined.reprojection_error == pytest.approx(fit.reprojection_error, abs=1)
    assert refined.camera is fit.camera


def astronaut() -> Photo:
    return from_array(np.asarray(skimage.data.astronaut()), "astronaut")


def test_photos_that_are_of_no_use_are_told_and_harm_nothing():
    nobody = from_array(np.full((300, 400, 3), 90, np.uint8), "wall.png")
    stripes = np.zeros((256, 256, 4), np.uint8)
    stripes[::9, :, 3] = 255
    cut_out = Photo(stripes, True, "stripes.png", "0")
    photo = astronaut()
    shots = [Shot(nobody), Shot(nobody, ShotOptions(side="left")), Shot(cut_out), Shot(photo, ShotOptions(face=7))]

    fit, placed, refined = placed_of(Shot(photo), shots)

    assert [each.state for each in placed] == [LEFT_OUT] * 4
    assert all(each.message.endswith(".") for each in placed)
    assert "Nobody" in placed[0].message
    assert "face number 8" in placed[3].message
    np.testing.assert_array_equal(refined.vertices, fit.vertices)


def test_the_portrait_again_is_seen_by_the_portraits_camera():
    photo = astronaut()
    fit, (again,), _ = placed_of(Shot(photo), [Shot(photo)])
    turn = again.camera.c2w[:3, :3].T @ fit.camera.c2w[:3, :3]
    assert again.state == PLACED
    assert np.degrees(np.linalg.norm(Rotation.from_matrix(turn).as_rotvec())) < 1.5


def test_a_mirrored_photo_is_told_and_an_unmirrored_one_is_not(shared):
    folder = shared / "truth-heads" / "scan"
    portrait, left = shot_of(folder / "photo_35.png"), shot_of(folder / "photo_35_left.png")
    mirrored = Shot(from_array(np.ascontiguousarray(left.photo.rgba[:, ::-1]), "selfie.png"))

    _, placed, _ = placed_of(portrait, [left, mirrored])

    assert [each.state for each in placed] == [PLACED] * 2
    assert placed[0].message == ""
    assert "mirrored" in placed[1].message


def test_the_portrait_mirrored_is_told():
    photo = astronaut()
    mirrored = from_array(np.ascontiguousarray(photo.rgba[:, ::-1]), "selfie")
    _, (again,), _ = placed_of(Shot(photo), [Shot(mirrored)])
    assert "mirrored" in again.message


def test_placing_can_be_cancelled():
    photo = astronaut()
    portrait = prepare_photo(photo, None, Reporter())
    fit = fit_head(portrait.landmarks.points, front_camera(fov=27), portrait.alpha > 0.5)
    reporter = Reporter()
    reporter.cancel_event.set()
    with pytest.raises(Cancelled):
        place_shots(portrait, fit, fit.camera, [Shot(photo)], reporter)


def test_cameras_height_around_a_head_is_told_by_front_and_profile():
    pose = Pose(Rotation.from_euler("x", 5, degrees=True).as_matrix(), np.zeros(3), 5.8)
    cameras = [Camera.orbit(azimuth, 8.0) for azimuth in (270, 315, 0, 225)]
    level = Level.of(cameras, pose)
    behind = Camera.orbit(90, 8.0)
    # What a level camera at that height sees from behind, whatever the head's own up.
    own = front_camera()
    rotation = level.rotation_from(own, pose, 180.0)
    true = own.c2w[:3, :3] @ behind.c2w[:3, :3].T @ pose.rotation
    assert np.degrees(level.height) == pytest.approx(8, abs=2)
    assert np.degrees(np.linalg.norm(Rotation.from_matrix(rotation @ true.T).as_rotvec())) < 2.5
