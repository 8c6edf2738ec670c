"""Loading and saving by suffix; saving never harms the old file."""

from __future__ import annotations

import io
import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from core import formats
from core.errors import FaceLiftError, FormatError
from core.formats.registry import Loss
from core.system import blocks
from tests.helpers.format import assert_near
from tests.helpers.gaussian import random_gaussians

MANY = 2 * blocks.ROWS + 77
"""Splats that are read and written in several blocks."""


def test_unknown_suffixes_and_unreadable_files_are_named(tmp_path):
    for action in (lambda p: formats.load(p), lambda p: formats.save(random_gaussians(1), p)):
        for name in ("head.obj", "head"):
            with pytest.raises(FormatError) as caught:
                action(tmp_path / name)
            assert caught.value.code == "unknown-format" and ".ply" in caught.value.advice
    with pytest.raises(FormatError) as caught:
        formats.load(tmp_path / "absent.ply")
    assert caught.value.code == "file-unreadable" and "absent.ply" in caught.value.message
    assert not list(tmp_path.iterdir())


def test_saving_replaces_the_old_file_in_one_step(tmp_path):
    path = tmp_path / "head.ply"
    formats.save(random_gaussians(5), path)
    good = path.read_bytes()
    with pytest.raises(ValueError):
        formats.save(random_gaussians(5, extras={"bad": np.array(["a"] * 5)}), path)
    assert path.read_bytes() == good
    formats.save(random_gaussians(6), path)
    assert len(formats.load(path)) == 6
    assert [item.name for item in tmp_path.iterdir()] == ["head.ply"]


@pytest.mark.skipif(os.name != "posix", reason="permission bits and links as POSIX has them")
def test_saving_keeps_permissions_and_links(tmp_path):
    path, link = tmp_path / "head.ply", tmp_path / "link.ply"
    formats.save(random_gaussians(5), path)
    (tmp_path / "plain").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    path.chmod(0o640)
    link.symlink_to(path)
    formats.save(random_gaussians(6), link)
    assert link.is_symlink() and len(formats.load(path)) == 6
    assert path.stat().st_mode & 0o777 == 0o640


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FaceLiftError) as caught:
        formats.save(random_gaussians(1), tmp_path / "absent" / "head.ply")
    assert caught.value.code == "file-unwritable"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_full_disk_is_named(tmp_path):
    (tmp_path / "head.ply").symlink_to("/dev/full")
    with pytest.raises(FaceLiftError) as caught:
        formats.save(random_gaussians(1000), tmp_path / "head.ply")
    assert caught.value.code == "disk-full" and "full" in caught.value.message


@pytest.mark.parametrize("kind", formats.FORMATS, ids=lambda kind: kind.id)
def test_formats_lose_what_they_say_and_nothing_else(kind):
    if kind.id.startswith("usd"):
        pytest.importorskip("pxr")
    gaussians = random_gaussians(5, 1, parts=np.arange(1, 6), extras={"heat": np.arange(5, dtype=np.float32)})
    back = formats.loads(formats.dumps(gaussians, kind.suffixes[0]), kind.suffixes[0])
    assert (Loss.PARTS in kind.losses) == (not back.parts.any())
    assert (Loss.EXTRAS in kind.losses) == ("heat" not in back.extras)
    assert (Loss.HIGHER_HARMONICS in kind.losses) == (back.sh_degree == 0)


@pytest.mark.parametrize("suffix", (".ply", ".spz", ".compressed.ply"))
def test_files_of_many_blocks_keep_their_order(suffix, tmp_path):
    gaussians = random_gaussians(MANY, 1, parts=np.arange(MANY) % 8, extras={"index": np.arange(MANY)})
    formats.save(gaussians, tmp_path / f"head{suffix}")
    back = formats.load(tmp_path / f"head{suffix}")
    if suffix == ".ply":
        np.testing.assert_array_equal(back.parts, gaussians.parts)
        np.testing.assert_array_equal(back.extras["index"], gaussians.extras["index"])
        assert_near(gaussians, back, opacities=1e-7)
    if suffix == ".spz":
        # As a file of the second block alone holds them.
        some = slice(blocks.ROWS, 2 * blocks.ROWS)
        alone = formats.loads(formats.dumps(gaussians.select(some), suffix), suffix)
        np.testing.assert_array_equal(alone.rotations, back.rotations[some])
        np.testing.assert_array_equal(alone.sh, back.sh[some])
    if suffix == ".compressed.ply":
        assert np.abs(np.sort(back.means, axis=0) - np.sort(gaussians.means, axis=0)).max() < 0.02


class _LettingOthersIn(io.BytesIO):
    """A file in which every other thread gets a turn between finding a place and reading there."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        found = super().seek(offset, whence)
        time.sleep(0.002)
        return found


@pytest.mark.parametrize("suffix", (".ply", ".compressed.ply"))
def test_threads_that_read_different_tables_of_a_file_take_turns(suffix):
    data = formats.dumps(random_gaussians(4 * MANY, 1), suffix)
    found = formats.ply.decode(_LettingOthersIn(data)).gaussians
    expected = formats.ply.decode(io.BytesIO(data)).gaussians
    np.testing.assert_array_equal(found.means, expected.means)
    np.testing.assert_array_equal(found.sh, expected.sh)


def test_faults_in_all_blocks_of_a_ply_file_are_left_out_and_counted():
    gaussians = random_gaussians(MANY, extras={"index": np.arange(MANY)})
    means, broken = np.array(gaussians.means), np.arange(0, MANY, blocks.ROWS)
    means[broken] = np.nan
    found = formats.reads(formats.dumps(gaussians.replace(means=means)))
    assert f"3 of {MANY:,} splats left out" in found.notes[0]
    np.testing.assert_array_equal(found.gaussians.extras["index"], np.delete(np.arange(MANY), broken))


def test_harmonics_and_normals_that_begin_with_zeros_are_kept():
    gaussians = random_gaussians(MANY, 1, extras={"nx": np.arange(MANY, dtype=np.float32)})
    sh = np.array(gaussians.sh)
    sh[:-1, 1:] = 0
    back = formats.loads(formats.dumps(gaussians.replace(sh=sh)))
    np.testing.assert_allclose(back.sh, sh, atol=1e-6)
    np.testing.assert_array_equal(back.extras["nx"], np.arange(MANY))
    sh[-1, 1:] = 0
    assert formats.loads(formats.dumps(gaussians.replace(sh=sh))).sh_degree == 0


def test_ply_files_are_never_in_memory_as_a_whole(tmp_path):
    path = tmp_path / "head.ply"
    formats.save(random_gaussians(150_000, 3), path)
    tracemalloc.start()
    try:
        back = formats.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # What a block takes, for each of the threads and those waiting, is bounded.
    assert peak < back.sh.nbytes + 44 * len(back) + path.stat().st_size // 2 + 8_000_000


def test_a_file_that_shrinks_while_it_is_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "head.ply"
    formats.save(random_gaussians(MANY, 1), path)
    monkeypatch.setattr(formats.ply.reader, "blocks", _Shrinking(path))
    with pytest.raises(FormatError) as caught:
        formats.load(path)
    assert caught.value.code == "ply-truncated"


class _Shrinking:
    """Cuts the file off when its size has been looked at, then goes on as ``core.system.blocks`` does."""

    def __init__(self, path: Path) -> None:
        self._path = path

    slices = staticmethod(blocks.slices)

    def fill(self, work, count):
        os.truncate(self._path, self._path.stat().st_size // 2)
        blocks.fill(work, count)


@pytest.mark.parametrize("suffix", formats.suffixes())
def test_bytes_are_told_while_files_are_read_and_written(suffix, tmp_path):
    if suffix.startswith(".usd"):
        pytest.importorskip("pxr")
    path, told = tmp_path / f"head{suffix}", []
    formats.save(random_gaussians(40), path, told.append)
    assert sum(told) == path.stat().st_size
    told.clear()
    assert len(formats.load(path, told.append)) == 40
    assert sum(told) >= path.stat().st_size, "some bytes are read twice"
