"""What of a matte hangs together with a face: nothing else may float beside a head."""

from __future__ import annotations

import numpy as np

from core.photo.connected import connected_to

SIDE = 400
FACE = np.array([200.0, 170.0])


def person() -> np.ndarray:
    """Return a matte of a head on shoulders."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    head = np.hypot((columns - 200) / 60, (rows - 160) / 80) < 1
    neck = (np.abs(columns - 200) < 30) & (rows > 200)
    shoulders = (np.abs(columns - 200) < 120) & (rows > 300)
    return (head | neck | shoulders).astype(np.float32)


def changed(alpha: np.ndarray) -> np.ndarray:
    """Return where a matte loses what hangs together with nothing."""
    return connected_to(alpha, FACE) != alpha


def test_a_person_alone_stays_as_it_is():
    assert not changed(person()).any()


def test_a_lump_on_a_thread_goes_with_its_thread():
    alpha = person()
    alpha[120:200, 310:360] = 1
    alpha[158:162, 255:312] = 1
    left = connected_to(alpha, FACE)
    assert not left[100:220, 300:].any()
    assert (left[person() > 0] == 1).all()


def test_what_hangs_on_broadly_stays():
    alpha = person()
    alpha[120:200, 310:360] = 1
    alpha[148:172, 255:312] = 1
    assert not changed(alpha).any()


def test_a_wide_veil_beside_the_head_goes_and_the_soft_border_of_hair_stays():
    veil = person()
    veil[100:298, 90:139] = 0.5
    left = connected_to(veil, FACE)
    assert left[110:280, 90:110].max() == 0
    soft = person()
    rows, columns = np.mgrid[:SIDE, :SIDE]
    away = np.hypot((columns - 200) / 60, (rows - 160) / 80)
    soft = np.maximum(soft, np.clip((1.2 - away) / 0.2, 0, 1) * (rows < 180)).astype(np.float32)
    assert not changed(soft).any()


def test_single_hairs_stay_beside_the_head_and_not_far_from_it():
    alpha = person()
    alpha[78:82, 255:270] = 1
    alpha[20:22, 40:60] = 1
    left = connected_to(alpha, FACE)
    assert left[20:22, 40:60].max() == 0
    hair = person()
    hair[140:142, 255:275] = 1
    assert not changed(hair).any()


def test_a_body_that_the_picture_cuts_is_no_thread():
    alpha = np.zeros((SIDE, SIDE), np.float32)
    alpha[:, 150:250] = 1
    alpha[394:, :] = 1
    alpha[300:, :40] = 1
    left = connected_to(alpha, FACE)
    # The picture goes on below: what the last rows connect is thicker than they are many.
    assert (left == alpha).all()


def test_a_face_outside_the_matte_changes_nothing_of_what_is_connected():
    alpha = np.zeros((SIDE, SIDE), np.float32)
    alpha[300:, :] = 1
    assert not changed(alpha).any()
