"""Fixtures of the recorded FaceLift subset: tensors of the reference and a tiny random checkpoint."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

SUBSET = Path(__file__).parents[1] / "data" / "facelift-parity" / "subset.tar.xz"


@pytest.fixture(scope="session")
def record_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded subset, unpacked. Read only: copy before changing."""
    folder = tmp_path_factory.mktemp("record")
    with tarfile.open(SUBSET) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def checkpoint_folder(record_folder: Path) -> Path:
    """The tiny checkpoint in the official layout. Read only."""
    return record_folder / "openfacelift-tiny"


@pytest.fixture
def own_checkpoint(checkpoint_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint that a test may change."""
    return Path(shutil.copytree(checkpoint_folder, tmp_path / "checkpoint"))


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's folders out of the tests."""
    base = tmp_path_factory.getbasetemp()
    for name, folder in {"XDG_CACHE_HOME": "cache", "FACELIFT_WEIGHTS": "weights", "HF_HUB_CACHE": "hub"}.items():
        monkeypatch.setenv(name, str(base / folder))
    monkeypatch.delenv("FACELIFT_CHECKPOINT", raising=False)
