"""The registry of engines: what is missing here is told apart from what is broken."""

from __future__ import annotations

import sys

import pytest

from core import engines
from core.engines import registry
from core.errors import EngineUnavailable


@pytest.fixture
def dream(tmp_path, monkeypatch):
    """Put an engine "dream" whose module has a given text beside the others."""
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "ENGINES", [*registry.ENGINES, "dream"])

    def dream(text: str) -> None:
        (tmp_path / "dream").mkdir()
        (tmp_path / "dream" / "__init__.py").touch()
        description = "from types import SimpleNamespace\nDESCRIPTION = SimpleNamespace(engine='.engine:Dream')\n"
        (tmp_path / "dream" / "description.py").write_text(description)
        (tmp_path / "dream" / "engine.py").write_text(text)

    yield dream
    for name in [name for name in sys.modules if name.startswith("core.engines.dream")]:
        del sys.modules[name]


def test_an_unknown_engine_is_told_with_those_there_are():
    with pytest.raises(EngineUnavailable, match="no engine 'dream'") as raised:
        registry.create_engine("dream")
    assert "draft" in raised.value.advice


def test_a_missing_package_is_told_by_its_name(dream):
    dream("import not_installed_anywhere\n")
    with pytest.raises(EngineUnavailable, match="needs the Python package 'not_installed_anywhere'"):
        registry.create_engine("dream")


def test_a_broken_import_of_ours_is_no_missing_package(dream):
    dream("import core.nowhere\n")
    with pytest.raises(ModuleNotFoundError, match=r"core\.nowhere"):
        registry.create_engine("dream")
