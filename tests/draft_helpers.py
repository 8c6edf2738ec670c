"""Heads for the draft engine's tests: made once, shared by all."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from core.engines.base import GenerateResult
from core.engines.draft.engine import DraftEngine
from core.photo.decode import Photo, decode, from_array
from core.photo.prepare import Portrait
from core.progress import Reporter
from tests.photo_helpers import SAMPLE_FRONT, SHARED, astronaut


def portrait_photo(name: str) -> Photo:
    """A shared portrait; skips the test where the shared material is absent."""
    return file_photo(SHARED / "portraits" / f"{name}.png")


def sample_head_photo() -> Photo:
    """The sample head's front view, aligned already; skips the test where it is absent."""
    return file_photo(SAMPLE_FRONT)


def file_photo(path: Path) -> Photo:
    """A shared picture; skips the test where it is absent."""
    if not path.exists():
        pytest.skip(f"{path.name} is shared material that is not here")
    return decode(path.read_bytes(), path.name)


@lru_cache(maxsize=1)
def astronaut_head() -> tuple[GenerateResult, Portrait]:
    """The astronaut's head at default settings, and her prepared photo."""
    photo = from_array(astronaut(), "astronaut.png")
    engine = DraftEngine()
    return engine.generate(photo, {}, Reporter()), engine.prepare(photo, {}, Reporter())
