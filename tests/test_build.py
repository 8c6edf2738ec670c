"""The entry point: requirements, interpreters, and the zip that users install."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import build


@pytest.fixture(scope="module")
def extension(tmp_path_factory) -> Path:
    return build.build_zip(tmp_path_factory.mktemp("zip") / "facelift.zip")


def test_zip_is_accepted_by_blenders_own_validator(extension):
    build.validate_zip(Path(sys.executable), extension)


def test_validator_would_notice_a_broken_manifest(extension, tmp_path):
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(extension) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "blender_manifest.toml":
                data = data.replace(b'id = "facelift"', b'id = "not an id"')
            target.writestr(name, data)
    with pytest.raises(SystemExit):
        build.validate_zip(Path(sys.executable), broken)


def test_zip_holds_the_product_and_nothing_else(extension):
    names = zipfile.ZipFile(extension).namelist()
    assert "core/gaussians.py" in names and "core/engines/draft/engine.py" in names
    assert "facelift_addon/__init__.py" in names and "LICENSE" in names and "NOTICE" in names
    assert any(name.startswith("core/photo/data/") for name in names)
    strangers = [name for name in names if name.startswith(("tests", "core/assets", "build")) or "__pycache__" in name]
    assert strangers == []


def test_equal_sources_give_equal_bytes(extension, tmp_path):
    assert build.build_zip(tmp_path / "again.zip").read_bytes() == extension.read_bytes()


def test_platform_manifest_keeps_every_key_and_adds_wheels():
    plain = tomllib.loads(build.manifest_text(None, []))
    linux = tomllib.loads(build.manifest_text("linux-x64", ["scipy-1-cp311.whl"]))
    assert linux.pop("platforms") == ["linux-x64"]
    assert linux.pop("wheels") == ["./wheels/scipy-1-cp311.whl"]
    assert linux == plain


def test_every_requirement_is_pinned():
    groups = tuple(tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"])
    loose = [line for line in build.requirements(groups) if "==" not in line.split(";")[0]]
    assert loose == ["numpy>=1.26.4"], "only numpy floats: Blender brings its own"


def test_an_unsupported_python_is_told_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    with pytest.raises(SystemExit) as stopped:
        build.own_blender()
    assert "3.11" in str(stopped.value) and "3.13" in str(stopped.value)


def test_running_interpreter_is_found_by_its_version():
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert build.python_version(build.find_python(version)) == version
    assert build.find_python("2.9") is None


def test_help_lists_the_commands():
    result = subprocess.run([sys.executable, "build.py", "--help"], capture_output=True, text=True, check=True)
    for command in ("demo", "test", "bench", "package", "validate", "assets", "parity"):
        assert command in result.stdout
