"""The registry of engines: what is missing here is told apart from what is broken."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from core import engines
from core.engines import registry
from core.errors import EngineUnavailable

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dream(tmp_path, monkeypatch):
    """Put an engine "dream" whose module has a given text beside the others."""
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "ENGINES", [*registry.ENGINES, "dream"])

    def dream(text: str) -> None:
        (tmp_path / "dream").mkdir()
        (tmp_path / "dream" / "__init__.py").touch()
        description = "DESCRIPTION = SimpleNamespace(label='Dream', engine='.engine:Dream', setup='.engine')\n"
        (tmp_path / "dream" / "description.py").write_text(f"from types import SimpleNamespace\n{description}")
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


def test_the_setup_is_told_which_package_its_engine_lacks(dream):
    dream("import not_installed_anywhere\n")
    assert registry.with_setup().needs_runtime
    with pytest.raises(EngineUnavailable, match="needs the Python package 'not_installed_anywhere'"):
        registry.load_setup("dream")


def test_engines_are_named_nowhere_but_in_their_folders_and_the_registry():
    """Texts and decisions take names from descriptions, so that a new engine is a folder and a line."""
    named = re.compile("|".join(f"{engine.label} engine" for engine in registry.descriptions()), re.IGNORECASE)
    found = []
    for path in (*ROOT.glob("core/**/*.py"), *ROOT.glob("facelift_addon/**/*.py")):
        inside = path.relative_to(ROOT).as_posix()
        if any(inside.startswith(f"core/engines/{name}") for name in (*registry.ENGINES, "registry.py")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            f"{inside}:{node.lineno} {node.value!r}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
            if node.value in registry.ENGINES or named.search(node.value)
        ]
    assert found == []
