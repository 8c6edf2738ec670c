"""The registry of engines: what is missing here is told apart from what is broken."""

from __future__ import annotations

import pytest

from core.engines import registry
from core.errors import EngineUnavailable


@pytest.fixture
def engines(monkeypatch):
    monkeypatch.setattr(registry, "ENGINES", {})
    return registry.ENGINES


def test_an_unknown_engine_is_told_with_those_there_are(engines):
    engines["draft"] = (".draft.engine", "DraftEngine")
    with pytest.raises(EngineUnavailable, match="no engine 'dream'") as raised:
        registry.create_engine("dream")
    assert "draft" in raised.value.advice


def test_a_missing_package_is_told_by_its_name(engines, tmp_path, monkeypatch):
    (tmp_path / "dreaming.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    engines["dream"] = ("dreaming", "Dream")
    with pytest.raises(EngineUnavailable, match="needs the Python package 'not_installed_anywhere'"):
        registry.create_engine("dream")


def test_a_broken_import_of_ours_is_no_missing_package(engines, tmp_path, monkeypatch):
    (tmp_path / "dreaming.py").write_text("import core.nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    engines["dream"] = ("dreaming", "Dream")
    with pytest.raises(ModuleNotFoundError, match=r"core\.nowhere"):
        registry.create_engine("dream")
