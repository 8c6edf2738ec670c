"""The static repository: Blender chooses the zip that fits, installs it, and updates it keeping heads and settings."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.runtime.probe import platform_name
from tests.helpers.addon import PACKAGE, needs_blender
from tests.helpers.index import make_wheel
from tests.helpers.patience import PATIENCE
from tests.tools.building import packages
from tests.tools.building.environments import BLENDERS, ROOT

pytestmark = needs_blender
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
OWN_FIT = next(name for name, fit in packages.FITS.items() if fit.python == PYTHON)
OLD, NEW = "0.0.9", packages.project_version()


def make_zips(folder: Path, version: str) -> list[Path]:
    """Write the zips of a version for several platforms and all Blenders, each with a wheel that tells them apart."""
    plain = packages.build_zip(folder / "plain" / "facelift.zip")
    zips = []
    for platform in {platform_name(), "windows-x64", "macos-arm64"}:
        for name, fit in packages.FITS.items():
            tag = f"cp{fit.python.replace('.', '')}"
            wheel = make_wheel(folder, f"tiny_{name}_{platform.replace('-', '_')}", "1.0")
            wheel = wheel.rename(wheel.with_name(wheel.name.replace("py3-none", f"{tag}-{tag}")))
            text = packages.manifest_text(platform, [wheel.name], fit).replace(
                f'version = "{NEW}"', f'version = "{version}"', 1
            )
            target = folder / f"facelift-{version}-{name}-{platform}.zip"
            with zipfile.ZipFile(plain) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
                for member in source.namelist():
                    archive.writestr(member, text if member == "blender_manifest.toml" else source.read(member))
                archive.write(wheel, f"wheels/{wheel.name}")
            zips.append(target)
    return zips


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[Path, str]]:
    """A folder that is served on the loopback interface, and its address."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/index.json"
    server.shutdown()
    server.server_close()


def in_blender(*arguments: object) -> dict:
    """Start Blender for a step and return what it found."""
    command = [sys.executable, "-m", "tests.helpers.repository_steps", *map(str, arguments)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
    return json.loads(answer.stdout.strip().splitlines()[-1])


def test_blender_installs_what_fits_and_updates_it_keeping_heads_and_settings(server, tmp_path):
    web, url = server
    resources, blend = tmp_path / "user", tmp_path / "scene.blend"
    for folder in (resources, tmp_path / "old", tmp_path / "new"):
        folder.mkdir()
    packages.write_index(Path(sys.executable), web, make_zips(tmp_path / "old", OLD))
    before = in_blender("install", resources, blend, url)
    assert before["version"] == OLD
    assert before["heads"] == {"Head": 500}
    (wheel,) = before["wheels"]
    assert OWN_FIT in wheel and platform_name().replace("-", "_") in wheel
    packages.write_index(Path(sys.executable), web, make_zips(tmp_path / "new", NEW))
    after = in_blender("update", resources, blend)
    assert after == before | {"version": NEW}
    assert (after["worker_command"], after["seed"]) == ("ssh studio worker", 77)


def test_two_zips_for_the_same_blender_are_refused(tmp_path):
    """Blender would take either."""
    zips = [packages.build_zip(tmp_path / f"{name}.zip") for name in ("one", "other")]
    with pytest.raises(SystemExit, match="duplicate"):
        packages.write_index(Path(sys.executable), tmp_path / "web", zips)


def test_a_zip_for_another_blender_is_refused_from_disk_too(blender, tmp_path, capfd):
    import bpy

    other = next(fit for name, fit in packages.FITS.items() if name != OWN_FIT)
    path = packages.build_zip(tmp_path / "other.zip", platform_name(), fit=other)
    manifest = Path(sys.modules[PACKAGE].__file__).with_name("blender_manifest.toml")
    before = manifest.read_text()
    bpy.ops.extensions.package_install_files(filepath=str(path), repo="user_default", enable_on_install=True)
    assert "This Blender version" in capfd.readouterr().out
    assert manifest.read_text() == before


def test_every_served_blender_has_one_zip():
    for version, python in BLENDERS.items():
        number = tuple(map(int, f"{version}.0".split(".")))
        fitting = [
            fit
            for fit in packages.FITS.values()
            if tuple(map(int, fit.first.split("."))) <= number
            and (not fit.before or number < tuple(map(int, fit.before.split("."))))
        ]
        assert [fit.python for fit in fitting] == [python], version
