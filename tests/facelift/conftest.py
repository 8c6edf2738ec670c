"""What every test of the FaceLift engine has: folders of its own, and one thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.engines.base import Engine
from core.engines.registry import create_engine


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads cost more than they bring for tiny models."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def own_folders(own_cache: None) -> None:
    """Keep the user's folders out of all of them."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The engine, without models after the test."""
    made = create_engine("facelift")
    yield made
    made.unload()
