"""Cameras of further photos, found by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.cameras import front_camera
from core.engines.capture import Shot
from core.engines.shot_options import ShotOptions
from core.head.fitting import fit_head
from core.photo.decode import decode
from core.photo.prepare import prepare_photo
from core.placing import PLACED, place_shots
from core.progress import Reporter


def shot_of(path: Path, **options) -> Shot:
    return Shot(decode(path.read_bytes(), path.name), ShotOptions(**options))


def test_a_scan_is_placed_from_all_sides(shared):
    folder = shared / "truth-heads" / "scan"
    entries = json.loads((folder / "cameras.json").read_text())["cameras"]
    truth = {entry["file"]: np.array(entry["c2w"]) for entry in entries}
    names = ["photo_35.png", "shot_045.png", "shot_090.png", "shot_180.png", "shot_315.png"]
    first, *others = [shot_of(folder / name) for name in names]
    portrait = prepare_photo(first.photo, None, Reporter())
    camera = front_camera(fov=first.lens(portrait.alignment).degrees)
    fit = fit_head(portrait.landmarks.points, camera, portrait.alpha > 0.5)

    placed, refined = place_shots(portrait, fit, camera, others, Reporter())

    assert [each.state for each in placed] == [PLACED] * 4
    assert [each.side for each in placed] == ["three-quarter", "left", "back", "three-quarter"]
    for name, each in zip(names[1:], placed, strict=True):
        found = each.camera.c2w[:3, :3].T @ camera.c2w[:3, :3]
        true = truth[name][:3, :3].T @ truth[names[0]][:3, :3]
        assert np.degrees(np.linalg.norm(Rotation.from_matrix(found @ true.T).as_rotvec())) < 8
        assert each.picture.shape == (512, 512, 4)
    assert refined.reprojection_error == pytest.approx(fit.reprojection_error, abs=1)
