"""Recordings of faces: tables of several programs, damaged ones, other rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.avatar.arkit import ARKIT_NAMES, PRESETS, opposite, strengths
from core.avatar.recording import (
    DEGREES,
    RADIANS,
    Recording,
    RecordingError,
    encode_recording,
    load_recording,
    parse_recording,
)
from core.avatar.turns import divided, to_turns
from core.errors import FaceLiftError
from core.head.model import load_head_model
from tests.helpers.recording import live_link_face, table


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
        (table({"jawOpen": [0, "open"]}), "row 3 of jawOpen is no number but 'open'"),
        (table({"jawOpen": ["nan", ""], "time": [0, 1]}), "no moment with a face"),
        (table({"jawOpen": [0, "1e999"]}), "no number"),
        (table({"jawOpen": [0, 1], "mouthPucker": ["", 1], "time": [0, 1]}), "row 2 of mouthPucker"),
        (table({"jawOpen": [0, 1], "JawOpen": [0, 1]}), "two columns"),
        (table({"time": ["0", "later"], "jawOpen": [0, 1]}), "'later' for the time"),
        (table({"time": ["0", "inf"], "jawOpen": [0, 1]}), "'inf' for the time"),
        (table({"time": ["0", "1e8"], "jawOpen": [0, 1]}), "longer than a day"),
        (b"jawOpen,time\n0.1,0\n0.1\n0.2\n0.3,2\n", "row 3 has 1 cells"),
        (table({"jawOpen": [0, 900], "time": [0, 1]}), "neither 0 to 1 nor percent"),
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


def take(angles: np.ndarray, **more) -> dict:
    """Columns of a take of 60 frames a second whose head turns by ``angles`` [T, 3]."""
    columns = {"time": np.arange(len(angles)) / 60, "jawOpen": np.zeros(len(angles))}
    return columns | {f"head{axis}": angles[:, i] for i, axis in enumerate(("Yaw", "Pitch", "Roll"))} | more


def swaying(reach: float, seconds: float = 3.0, offset: float = 0.0) -> np.ndarray:
    """Turns [T, 3] in radians of a head that looks about, ``reach`` at the most."""
    time = np.arange(int(60 * seconds)) / 60
    waves = np.stack([np.sin(2.1 * time), 0.5 * np.sin(1.3 * time + 1), 0.3 * np.sin(0.9 * time + 2)], axis=1)
    return reach * waves + [0, offset, 0]


class TestUnits:
    """Radians and degrees, percent, milliseconds: told from the whole take."""

    @settings(max_examples=40, deadline=None)
    @given(
        reach=st.floats(0.05, 0.9),
        offset=st.floats(-0.3, 0.3),
        unit=st.sampled_from([RADIANS, DEGREES]),
        sign=st.sampled_from([-1, 1]),
    )
    def test_heads_that_move_are_recognised(self, reach, offset, unit, sign):
        angles = sign * swaying(reach, offset=offset)
        recording = parse_recording(table(take(np.degrees(angles) if unit == DEGREES else angles)))
        assert recording.unit == unit
        np.testing.assert_allclose(recording.rotations["head"], angles, atol=1e-6)
        assert unit == RADIANS or recording.unit_note in recording.notes

    def test_small_turns_in_degrees(self):
        """None above 2.5: the rest of the take tells."""
        angles = np.stack([2.5 * np.sin(0.2 * np.arange(90)), np.full(90, 1.0), np.full(90, 0.5)], axis=1)
        recording = parse_recording(table(take(angles)))
        assert np.abs(recording.rotations["head"]).max() < 0.045 and "degrees" in recording.notes[0]

    def test_a_whole_circle_is_one_of_radians(self):
        angles = swaying(0.4) + np.array([3.1, 0, 0])
        wrapped = (angles + np.pi) % (2 * np.pi) - np.pi
        assert parse_recording(table(take(wrapped))).unit == RADIANS

    def test_eyes_tell_with_their_coefficients(self):
        look = np.clip(np.sin(np.arange(120) / 9), 0, 1)
        for unit, factor in ((RADIANS, 0.03), (DEGREES, 0.03 * 180 / np.pi)):
            columns = {name: np.zeros(120) for name in ARKIT_NAMES if name.startswith("eyeLook")}
            columns["eyeLookInLeft"] = columns["eyeLookOutRight"] = 0.06 * look
            columns["time"] = np.arange(120) / 60
            columns |= {f"{side}EyeYaw": factor * look for side in ("left", "right")}
            assert parse_recording(table(columns)).unit == unit

    @pytest.mark.parametrize(("title", "unit"), [("headYaw (deg)", DEGREES), ("HeadYaw_rad", RADIANS)])
    def test_titles_with_a_unit_are_believed(self, title, unit):
        recording = parse_recording(table({"jawOpen": [0, 0], title: [1.0, 2.0]}))
        assert recording.unit == unit and not recording.unit_note
        np.testing.assert_allclose(recording.rotations["head"][:, 0], np.radians([1, 2]) if unit == DEGREES else [1, 2])

    def test_the_other_unit_can_be_chosen(self):
        recording = parse_recording(table(take(np.degrees(swaying(0.3)))))
        other = recording.in_unit(RADIANS)
        np.testing.assert_allclose(other.rotations["head"], np.degrees(swaying(0.3)), rtol=1e-5)
        assert recording.unit_note in recording.notes and not set(other.notes) & {recording.unit_note}
        np.testing.assert_allclose(other.in_unit(DEGREES).rotations["head"], recording.rotations["head"], rtol=1e-5)
        assert recording.in_unit(DEGREES).unit == DEGREES

    @pytest.mark.parametrize(
        ("step", "unit"),
        [(1 / 30, ""), (1000 / 30, "milliseconds"), (1e6 / 30, "microseconds"), (1e9 / 30, "nanoseconds")],
    )
    def test_the_steps_of_time_tell_their_unit(self, step, unit):
        start = 1.7e9 * step * 30
        times = [f"{start + index * step:.9f}" for index in range(60)]
        recording = parse_recording(table({"Timestamp": times, "jawOpen": np.zeros(60)}))
        assert recording.seconds == pytest.approx(59 / 30, rel=1e-3)
        assert (unit in recording.notes[0]) if unit else not recording.notes

    @pytest.mark.parametrize(("top", "word"), [(1, ""), (1.4, ""), (100, "percent"), (255, "255")])
    def test_scales_of_coefficients(self, top, word):
        values = np.clip(coefficients(60) * top, 0, top)
        recording = parse_recording(table(dict(zip(ARKIT_NAMES, values.T, strict=True)) | {"time": np.arange(60) / 60}))
        expected = np.clip(values, 0, 1) if top < 2 else values / top
        np.testing.assert_allclose(recording.values, expected, atol=1e-6)
        assert (word in recording.notes[0]) if word else not recording.notes

    def test_percent_signs_and_a_single_glitch(self):
        cells = ["55 %"] * 60
        assert parse_recording(table({"jawOpen": cells})).values[0, 0] == pytest.approx(0.55)
        glitch = np.where(np.arange(200) == 7, 900, 0.5)
        recording = parse_recording(table({"jawOpen": glitch, "time": np.arange(200) / 60}))
        assert recording.values[8, 0] == 0.5 and recording.values[7, 0] == 1 and "far above 1" in recording.notes[0]


class TestSpreadsheets:
    """Encodings, separators and decimal commas of spreadsheets, whatever they are combined with."""

    @settings(max_examples=60, deadline=None)
    @given(
        encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]),
        delimiter=st.sampled_from([",", ";", "\t", "|"]),
        decimal=st.sampled_from([".", ","]),
        says_so=st.booleans(),
        newline=st.sampled_from(["\n", "\r\n"]),
        title=st.booleans(),
    )
    def test_all_of_them_are_read(self, encoding, delimiter, decimal, says_so, newline, title):
        values = coefficients(20)
        columns = dict(zip(ARKIT_NAMES, values.T.round(4), strict=True)) | {"Grüße": ["ä"] * 20}
        rows = [[str(cell).replace(".", decimal) for cell in row] for row in zip(*columns.values(), strict=True)]
        quote = (lambda cell: f'"{cell}"') if decimal == delimiter else str
        lines = [delimiter.join(columns), *(delimiter.join(map(quote, row)) for row in rows)]
        if title:
            lines.insert(0, "A take of Monday")
        if says_so:
            lines.insert(0, f"sep={delimiter}")
        recording = parse_recording(newline.join(lines).encode(encoding))
        np.testing.assert_allclose(recording.values, values.round(4), atol=1e-6)
        assert recording.names == ARKIT_NAMES

    def test_clock_times(self):
        times = [f"23:59:{59 + index // 10 - (60 if index >= 10 else 0):02d}.{index % 10}00" for index in range(10)]
        times += [f"00:00:00.{index}00" for index in range(10)]
        recording = parse_recording(table({"time": times, "jawOpen": np.zeros(20)}))
        assert recording.seconds == pytest.approx(1.9)


class TestLostTracking:
    """Moments without a face are left out and counted; a few damaged rows too."""

    @settings(max_examples=40, deadline=None)
    @given(
        lost=st.sets(st.integers(0, 89), max_size=80),
        how=st.sampled_from(["short", "count", "empty", "nan"]),
    )
    def test_moments_without_a_face(self, lost, how):
        lines = live_link_face(coefficients(90)).decode().splitlines()
        for row in lost:
            cells = lines[row + 1].split(",")
            wrong = {"short": [cells[0], "0"], "count": [cells[0], "0", *cells[2:]]}
            wrong |= {word: [*cells[:2], *[text] * 52, *cells[54:]] for word, text in (("empty", ""), ("nan", "NaN"))}
            lines[row + 1] = ",".join(wrong[how])
        recording = parse_recording("\n".join(lines).encode())
        keep = np.setdiff1d(np.arange(90), sorted(lost))
        np.testing.assert_allclose(recording.values, coefficients(90)[keep], atol=1e-6)
        np.testing.assert_allclose(np.diff(recording.times) * 60, np.diff(keep), atol=1e-6)
        assert bool(lost) == any(f"{len(lost)} of 90 moments have no face" in note for note in recording.notes)

    def test_damaged_rows(self):
        lines = live_link_face(coefficients(90)).decode().splitlines()
        lines[40] = lines[40].replace(",61,0.", ",61,x", 1)
        lines[60] = lines[60][:200]
        recording = parse_recording("\n".join(lines).encode())
        assert len(recording.times) == 88 and "2 of 90 rows are damaged, the first is 41" in recording.notes[0]


def test_the_shared_cases(shared):
    """Takes after public reports, with what is right for each."""
    cases = shared / "cases"
    if not cases.exists():
        pytest.skip("the cases are not there")
    found = {path.name: load_recording(path) for path in sorted(cases.glob("rec-*.csv"))}
    lengths = {name: (len(take.times), round(take.seconds, 1)) for name, take in found.items()}
    assert lengths == {
        "rec-degrees-small-turns.csv": (90, 1.5),
        "rec-lost-tracking-short-row.csv": (89, 1.5),
        "rec-percent.csv": (60, 1.0),
        "rec-sep-line.csv": (90, 1.5),
        "rec-timestamp-in-ms.csv": (60, 2.0),
        "rec-utf16.csv": (90, 1.5),
    }
    assert np.abs(found["rec-degrees-small-turns.csv"].rotations["head"]).max() <= 0.044
    np.testing.assert_allclose(found["rec-percent.csv"].values, 0.55, atol=1e-6)
    assert {name for name, take in found.items() if not take.notes} == {"rec-sep-line.csv", "rec-utf16.csv"}


@pytest.mark.parametrize("rate", [0.4, 2, 5, 12.5, 15, 20, 23.976, 24, 25, 29.97, 30, 50, 60, 90, 120, 1000])
@pytest.mark.parametrize("seconds", [0.3, 0.95, 1.05, 6])
def test_what_is_written_is_read_again_at_its_own_speed(rate, seconds):
    """Time codes don't say their rate: what readers conclude of them must be what was meant."""
    times = np.arange(max(1, int(rate * seconds))) / rate
    values = coefficients(len(times)).astype(np.float32)
    turns = {part: 0.3 * coefficients(len(times))[:, :3].astype(np.float32) for part in ("head", "leftEye", "rightEye")}
    again = parse_recording(encode_recording(Recording(times, ARKIT_NAMES, values, turns)))
    assert np.allclose(again.times, times, atol=1e-3 / 24)
    assert np.abs(again.values - values).max() < 6e-7 and again.unit == RADIANS
    assert all(np.abs(again.rotations[part] - angles).max() < 6e-7 for part, angles in turns.items())
    assert encode_recording(again) == encode_recording(Recording(times, ARKIT_NAMES, values, turns))
