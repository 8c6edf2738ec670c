"""Getting uv, the installer: from its wheel, checked against the pinned hashes, made executable.

The wheel may travel with the extension, lie in a folder of wheels, or come from the package index.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

from ..progress import Reporter
from ..system.files import replacing
from ..weights.table import sha256_of
from . import command
from .errors import RuntimeProblem
from .indexes import package_files, package_index
from .lockfile import FOLDER
from .package_settings import open_url

LOCK = FOLDER / "uv.txt"
BUNDLED = Path(__file__).resolve().parent / "data"
"""Where a wheel that travels with the extension lies."""
PROGRAM = "uv.exe" if os.name == "nt" else "uv"
WHEEL_TAGS = {"linux": "manylinux", "win32": "win_amd64", "darwin": "macosx_11_0_arm64"}
MEMBER = re.compile(rf"uv-[^/]+\.data/scripts/{re.escape(PROGRAM)}")
CHUNK = 1 << 18


class UvUnavailable(RuntimeProblem):
    """uv can't be had or does not start here; pip has to do."""

    code = "no-uv"


def pinned() -> tuple[str, frozenset[str]]:
    """Return uv's pinned version and the SHA-256 of its wheels."""
    text = LOCK.read_text(encoding="utf-8")
    (version,) = re.findall(r"^uv==([\d.]+)", text, re.MULTILINE)
    return version, frozenset(re.findall(r"sha256:([0-9a-f]{64})", text))


def obtain(tools: Path, wheels: Path | None, online: bool, reporter: Reporter) -> Path:
    """Return a uv program that starts.

    Args:
        tools: Folder where it is kept.
        wheels: A folder of wheels to look in, or None.
        online: Whether the package index may be asked.
        reporter: Progress in bytes of a download, and cancelling.

    Raises:
        UvUnavailable: there is none, or it can't be started.
        Cancelled: cancelled through the reporter.
    """
    version, hashes = pinned()
    program = tools / f"uv-{version}" / PROGRAM
    if not program.is_file():
        wheel = _local_wheel(wheels, hashes)
        if wheel is None and online:
            wheel = _download(tools, version, hashes, reporter)
        if wheel is None:
            raise UvUnavailable(
                "uv is not here and may not be downloaded.", f"Put uv's wheel ({version}) in the folder."
            )
        _unpack(wheel, program)
    try:
        outcome = command.run([program, "--version"], reporter)
    except OSError as error:
        raise UvUnavailable("uv can't be started.", "Allow it in the virus scanner.", raw=str(error)) from error
    if outcome.status:
        raise UvUnavailable("uv does not run here.", "Allow it in the virus scanner.", raw=outcome.output)
    return program


def _local_wheel(wheels: Path | None, hashes: frozenset[str]) -> Path | None:
    """Return the platform's wheel from a folder; files with other hashes are passed over."""
    for folder in (wheels, BUNDLED):
        for path in sorted(folder.glob("uv-*.whl")) if folder else ():
            if WHEEL_TAGS.get(sys.platform, "?") in path.name and sha256_of(path) in hashes:
                return path
    return None


def _download(tools: Path, version: str, hashes: frozenset[str], reporter: Reporter) -> Path:
    tag = WHEEL_TAGS.get(sys.platform, "?")
    try:
        files = package_files(package_index(), "uv")
        file = next(
            (
                file
                for file in files
                if file.name.startswith(f"uv-{version}-") and tag in file.name and file.sha256 in hashes
            ),
            None,
        )
        if file is None:
            raise UvUnavailable(f"The package index has no uv {version} for this platform.", "Check the mirror.")
        target = tools / file.name
        tools.mkdir(parents=True, exist_ok=True)
        with open_url(file.url) as answer, replacing(target) as stream:
            reporter.stage("Downloading the installer", int(answer.headers.get("Content-Length") or file.size or 1))
            while piece := answer.read(CHUNK):
                stream.write(piece)
                reporter.step(len(piece))
    except (OSError, ValueError) as error:
        raise UvUnavailable("uv could not be downloaded.", "Check the connection.", raw=str(error)) from error
    if sha256_of(target) not in hashes:
        target.unlink()
        raise UvUnavailable("The server sent other bytes for uv than the published ones.", "Check the mirror.")
    return target


def _unpack(wheel: Path, program: Path) -> None:
    """Take the one program out of the wheel. A wheel's own installer would set its run bit: so do we."""
    with zipfile.ZipFile(wheel) as archive:
        member = next((name for name in archive.namelist() if MEMBER.fullmatch(name)), None)
        if member is None:
            raise UvUnavailable(f"{wheel.name} holds no uv program.", "Download it again.")
        program.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, replacing(program) as target:
            shutil.copyfileobj(source, target)
    program.chmod(0o755)
