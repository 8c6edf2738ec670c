"""Numbered files: found from one of them, with gaps told; and which of them a frame shows."""

from __future__ import annotations

import pytest

from core.errors import FaceLiftError, FormatError
from core.sequences import files
from core.sequences.timing import Loop, Timing


def touch(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (("head_0001.ply", "head_0002.ply", "head_0010.ply"), "head_####.ply"),
        (("1.spz", "2.spz", "10.spz"), "#.spz"),
        (("take-01.splat", "take-02.splat", "take-10.splat"), "take-##.splat"),
        (("f1_final.compressed.ply", "f2_final.compressed.ply", "f10_final.compressed.ply"), "f#_final.compressed.ply"),
        (("v2 00001.PLY", "v2 00002.ply", "v2 00010.ply"), "v2 #####.PLY"),
        (("scan 001 v2.usdc", "scan 002 v2.usdc", "scan 010 v2.usdc"), "scan ### v2.usdc"),
    ],
)
def test_any_of_the_files_finds_all(tmp_path, names, pattern):
    touch(tmp_path, *names, "notes.txt", "head.ply", "other_0003.ply")
    for name in names:
        found = files.find(tmp_path / name)
        assert found.numbers == (1, 2, 10)
        assert [found.names[number].lower() for number in found.numbers] == [each.lower() for each in names]
        assert found.gaps == ((3, 9),)
        assert (found.first, found.last) == (1, 10)
    assert files.find(tmp_path / names[0]).pattern == pattern
    assert found.path(10) == tmp_path / names[2]


def test_frames_below_0_are_what_exports_write(tmp_path):
    touch(tmp_path, "head_-002.ply", "head_-001.ply", "head_0000.ply", "head_0001.ply")
    assert files.find(tmp_path / "head_0001.ply").numbers == (-2, -1, 0, 1)


def test_a_compressed_ply_is_no_frame_of_plain_ones(tmp_path):
    touch(tmp_path, "a1.ply", "a2.ply", "a2.compressed.ply")
    assert files.find(tmp_path / "a1.ply").numbers == (1, 2)


def test_what_is_no_sequence_is_told(tmp_path):
    touch(tmp_path, "a_01.ply", "a_03.ply", "b_1.ply", "b_01.ply", "c_1.ply", "c_2.spz", "d_1.ply", "d_1.spz", "e.ply")
    for name, kind, code in (
        ("b_1.ply", FaceLiftError, "number-twice"),
        ("c_1.ply", FaceLiftError, "mixed-formats"),
        ("e.ply", FaceLiftError, "not-numbered"),
        ("a_01.png", FormatError, "unknown-format"),
        ("z_01.ply", FaceLiftError, "file-unreadable"),
        ("nowhere/a_01.ply", FaceLiftError, "file-unreadable"),
    ):
        with pytest.raises(kind) as caught:
            files.find(tmp_path / name)
        assert caught.value.code == code, name
    # The same frames in another format are a sequence of their own, and one that is gone is found by the others.
    assert files.find(tmp_path / "d_1.ply").numbers == (1,)
    assert files.find(tmp_path / "a_02.ply").numbers == (1, 3)


def test_the_nearest_file_takes_the_place_of_a_missing_one(tmp_path):
    touch(tmp_path, "a_1.ply", "a_4.ply", "a_5.ply", "a_9.ply")
    found = files.find(tmp_path / "a_1.ply")
    assert [found.closest(number) for number in (-3, 2, 3, 5, 7, 8, 30)] == [1, 1, 4, 5, 5, 9, 9]
    assert list(found.nearest(6)) == [5, 4, 9, 1]
    assert [found.closest(number) for number in (-(10**9), 10**9)] == [1, 9]
    assert files.told(found.gaps) == "2 to 3, 6 to 8"
    assert files.told(files.runs_of((1, 3, 4, 6, 8, 10, 12))) == "1, 3 to 4, 6, 8 and 2 more"


def test_numbers_that_are_dates_cost_no_time_and_longer_ones_are_none(tmp_path):
    touch(tmp_path, "a_5.ply", "a_20261231.ply", "a_1700000000000.ply", "1700000000000_7.ply")
    found = files.find(tmp_path / "a_5.ply")
    assert found.gaps == ((6, 20261230),)
    assert found.closest(10**12) == 20261231
    assert files.find(tmp_path / "1700000000000_7.ply").numbers == (7,)


def test_timing():
    hold = Timing(5, 8, start=10)
    assert [hold.number_at(frame) for frame in (0, 10, 11, 13, 14, 99)] == [5, 5, 6, 8, 8, 8]
    loop = Timing(5, 8, start=10, loop=Loop.REPEAT)
    assert [loop.number_at(frame) for frame in (9, 10, 13, 14, 18)] == [8, 5, 8, 5, 5]
    swing = Timing(5, 8, start=10, loop=Loop.PING_PONG)
    assert [swing.number_at(frame) for frame in range(9, 18)] == [6, 5, 6, 7, 8, 7, 6, 5, 6]
    slow = Timing(0, 9, start=1, speed=0.1)
    assert [slow.number_at(frame) for frame in (1, 10, 11, 30, 31)] == [0, 0, 1, 2, 3]
    back = Timing(0, 9, start=1, offset=9, speed=-2)
    assert [back.number_at(frame) for frame in (1, 2, 5, 9)] == [9, 7, 1, 0]
    assert Timing(3, 3, loop=Loop.PING_PONG).number_at(77) == 3
    assert hold.number_of(2.9) == 7
