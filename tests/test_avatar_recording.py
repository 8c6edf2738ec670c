"""Recordings of faces: tables of several programs, damaged ones, other rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.avatar.arkit import ARKIT_NAMES, PRESETS, opposite, strengths
from core.avatar.recording import RecordingError, load_recording, parse_recording
from core.avatar.turns import divided, to_turns
from core.errors import FaceLiftError
from core.head.model import load_head_model
from tests.recording_helpers import live_link_face, table


def coefficients(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (count, 52))


def test_names_are_the_models():
    assert load_head_model().expression_names == ARKIT_NAMES


def test_every_expression_has_its_opposite():
    assert opposite("eyeBlinkLeft") == "eyeBlinkRight" and opposite("mouthSmileRight") == "mouthSmileLeft"
    assert opposite("jawLeft") is None and opposite("mouthRight") is None and opposite("browInnerUp") is None
    for name in ARKIT_NAMES:
        if other := opposite(name):
            assert other in ARKIT_NAMES and opposite(other) == name
    assert all(name in ARKIT_NAMES for preset in PRESETS for name in strengths(preset))


@settings(max_examples=40)
@given(
    rate=st.sampled_from([24, 25, 30, 60]),
    step=st.sampled_from([0.5, 1.0, 2.0]),
    start=st.sampled_from([0, 65000, 86398]),
    seed=st.integers(0, 999),
)
def test_live_link_face_comes_back(rate, step, start, seed):
    """Also past midnight, at rates that only the timecodes tell, with two rows a frame or one every other."""
    count = int(2.5 * rate / step)
    values, angles = coefficients(count, seed), np.random.default_rng(seed).uniform(-1, 1, (count, 9))
    recording = parse_recording(live_link_face(values, angles, rate=rate, step=step, start=start))
    assert recording.names == ARKIT_NAMES and not recording.notes
    np.testing.assert_allclose(recording.values, values, atol=1e-6)
    np.testing.assert_allclose(recording.times, np.arange(count) * step / rate, atol=2e-3 / rate)
    assert recording.fps == pytest.approx(rate / step, rel=1e-3)
    for part, columns in zip(("head", "leftEye", "rightEye"), angles.reshape(count, 3, 3).swapaxes(0, 1), strict=True):
        np.testing.assert_allclose(recording.rotations[part], columns, atol=1e-6)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_other_programs_tables(delimiter):
    columns = {
        "eyeBlink_L": [0, 0.5, 1],
        "JAWOPEN": [0.1, 0.2, 0.3],
        "Time (ms)": [0, 20, 40],
        "face.mouthSmileRight": [-0.5, 0.4, 1.5],
        "comment": ["a", "b", ""],
        "headYaw": [0, 45, 90],
    }
    recording = parse_recording(table(columns, delimiter))
    assert recording.names == ("eyeBlinkLeft", "jawOpen", "mouthSmileRight")
    np.testing.assert_allclose(recording.values, [[0, 0.1, 0], [0.5, 0.2, 0.4], [1, 0.3, 1]])
    np.testing.assert_allclose(recording.times, [0, 0.02, 0.04])
    np.testing.assert_allclose(recording.rotations["head"], np.radians([[0, 0, 0], [45, 0, 0], [90, 0, 0]]), atol=1e-6)


def test_decimal_commas():
    recording = parse_recording("jawOpen;time\n0,25;0,0\n0,75;0,5\n".encode("utf-8-sig"))
    np.testing.assert_allclose(recording.values[:, 0], [0.25, 0.75])
    assert recording.seconds == pytest.approx(0.5)


def test_what_is_assumed_is_told():
    assert "60 rows" in parse_recording(table({"jawOpen": [0, 1]})).notes[0]
    assert "60 a second" in parse_recording(table({"frame": [7, 8], "jawOpen": [0, 1]})).notes[0]
    doubled = parse_recording(table({"time": [0, 1, 1, 0.5, 2], "jawOpen": [0, 0.1, 0.2, 0.3, 0.4]}))
    assert "2 rows" in doubled.notes[0]
    np.testing.assert_allclose(doubled.times, [0, 1, 2])
    np.testing.assert_allclose(doubled.values[:, 0], [0, 0.1, 0.4])
    cut = live_link_face(coefficients(90))[:-200]
    assert "incomplete" in parse_recording(cut).notes[0]


GOOD = live_link_face(coefficients(90))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no table"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not a text file"),
        (b"a,b\n1,2\n", "no column"),
        (GOOD.split(b"\r\n")[0], "no moment"),
        (table({"jawOpen": [0, "nan"]}), "row 3 of jawOpen is no number but 'nan'"),
        (table({"jawOpen": [0, "1e999"]}), "no number"),
        (table({"jawOpen": ["", 1], "time": [0, 1]}), "row 2"),
        (table({"jawOpen": [0, 1], "JawOpen": [0, 1]}), "two columns"),
        (table({"time": ["0", "later"], "jawOpen": [0, 1]}), "'later' for the time"),
        (table({"time": ["0", "inf"], "jawOpen": [0, 1]}), "longer than a day"),
        (table({"time": ["0", "1e8"], "jawOpen": [0, 1]}), "longer than a day"),
        (b"jawOpen,time\n0.1,0\n0.1\n0.3,2\n", "row 3 has 1 cells"),
        (b'jawOpen,time\n"0.1,0\n' + b"x" * 200_000, "damaged|incomplete|no moment"),
        (b"," * 5000, "no table"),
    ],
)
def test_unusable_tables_are_told(data, words):
    with pytest.raises(RecordingError, match=words) as caught:
        parse_recording(data)
    assert caught.value.advice


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(RecordingError, match="can't be read"):
        load_recording(tmp_path / "take.csv")
    (tmp_path / "take.csv").write_bytes(GOOD)
    assert len(load_recording(tmp_path / "take.csv").times) == 90


@settings(max_examples=150)
@given(st.data())
def test_damage_is_an_error_with_advice_or_a_sound_recording(data):
    """Bytes changed, cut out and put in anywhere: never anything else than our own error, never a bad number."""
    damaged = bytearray(GOOD[: data.draw(st.integers(0, 6000))])
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(damaged)))
        damaged[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    try:
        recording = parse_recording(bytes(damaged))
    except FaceLiftError as error:
        assert error.advice
        return
    assert np.isfinite(recording.values).all() and recording.values.min() >= 0 and recording.values.max() <= 1
    assert (np.diff(recording.times) > 0).all() and recording.times[0] == 0
    assert all(np.isfinite(angles).all() for angles in recording.rotations.values())


def test_resampling_and_smoothing():
    times = np.arange(120) / 60
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * times)
    noisy = np.clip(wave + np.random.default_rng(0).normal(0, 0.02, 120), 0, 1)
    recording = parse_recording(table({"time": times, "jawOpen": noisy, "headYaw": times}))
    slower = recording.resampled(24)
    assert len(slower.times) == 48 and slower.fps == pytest.approx(24)
    np.testing.assert_allclose(slower.values[:, 0], np.interp(slower.times, times, noisy), atol=1e-6)
    np.testing.assert_allclose(slower.rotations["head"][:, 0], slower.times, atol=1e-6)
    smooth = recording.smoothed(0.05)
    assert np.abs(smooth.values[:, 0] - wave)[10:-10].max() < np.abs(noisy - wave)[10:-10].max()
    assert recording.smoothed(0) is recording
    # A head that turns through half a circle does not spin back.
    turning = table({"time": [0, 1], "jawOpen": [0, 0], "headYaw": [3.0, -3.0]})
    assert parse_recording(turning).resampled(2).rotations["head"][1, 0] == pytest.approx(np.pi, abs=1e-3)


@settings(max_examples=20)
@given(
    angles=st.lists(st.tuples(*[st.floats(-1.2, 1.2)] * 3), min_size=2, max_size=6),
    share=st.floats(0, 1),
)
def test_turns_are_divided_exactly(angles, share):
    lower, upper = divided(np.array(angles), share)
    both = to_turns(lower) * to_turns(upper)
    assert (both * to_turns(np.array(angles)).inv()).magnitude().max() < 1e-5


def test_a_centered_head_looks_straight_ahead_on_average():
    yaw = 0.4 + 0.3 * np.sin(np.linspace(0, 20, 300))
    recording = parse_recording(
        table({"jawOpen": np.zeros(300), "headYaw": yaw, "headPitch": np.full(300, -0.3), "headRoll": np.zeros(300)})
    )
    centered = recording.centered()
    assert to_turns(centered.rotations["head"]).mean().magnitude() < 1e-5
    before, after = (to_turns(item.rotations["head"]) for item in (recording, centered))
    # Turns between moments stay what they were.
    np.testing.assert_allclose((before[0].inv() * before).magnitude(), (after[0].inv() * after).magnitude(), atol=1e-5)
    still = parse_recording(table({"jawOpen": [0, 1]}))
    assert still.centered() is still
