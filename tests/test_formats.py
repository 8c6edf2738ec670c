"""Loading and saving by suffix; saving never harms the old file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core import formats
from core.errors import FaceLiftError, FormatError
from tests.gaussian_helpers import random_gaussians


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
