"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.addon_helpers"]

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material that is not ours to commit, beside the checkout; skip where it is absent."""
    if not (SHARED / "DESIGN.md").exists():
        pytest.skip("the shared test material is not beside this checkout")
    return SHARED
