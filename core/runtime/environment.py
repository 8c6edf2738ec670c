"""What is installed: the runtime's folder, its marker file, and tidying up.

In the folder: ``runtime.json`` (the marker), ``e1``, ``e2`` ... (environments; one is in use),
``cache`` (downloads of an unfinished installation), ``py`` (a Python of the runtime's own),
``tools`` (uv). An environment counts only once the marker says "complete".
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..system.files import replacing
from .errors import RuntimeProblem
from .selftest import PACKAGES

MARKER = "runtime.json"
LOCK_NAME = ".lock"
CACHE, PYTHONS, TOOLS = "cache", "py", "tools"
OWN_NAMES = (MARKER, LOCK_NAME, CACHE, PYTHONS, TOOLS)
COMPLETE, INCOMPLETE = "complete", "incomplete"
INSTALL_AGAIN = "Press Install: what is already downloaded is used."


@dataclass(frozen=True)
class RuntimeState:
    """What is in a runtime's folder.

    Attributes:
        status: "absent", "incomplete", "broken", "outdated" or "ready".
        message: What that means, in a sentence; empty when ready.
        advice: What to do; empty when ready.
        python: Its interpreter, where one can be used: also an outdated one, and the earlier
            one while a new installation is unfinished.
        facts: What the marker tells of that environment: backend, torch, python, size.
    """

    status: str
    message: str = ""
    advice: str = ""
    python: Path | None = None
    facts: Mapping[str, Any] | None = None

    @property
    def usable(self) -> bool:
        """Whether a worker can be started with it."""
        return self.python is not None


def state(home: Path, digest: str | None = None) -> RuntimeState:
    """Return what is in a folder, in a millisecond: no process is started.

    Args:
        home: The runtime's folder.
        digest: The wanted lock's; another one installed makes the runtime outdated.
    """
    marker = read_marker(home)
    if not marker:
        return RuntimeState("absent", "The runtime is not installed.", "Press Install.")
    if marker.get("state") != COMPLETE:
        python, facts = _usable(home, marker.get("previous") or {})
        return RuntimeState("incomplete", "The installation was interrupted.", INSTALL_AGAIN, python, facts)
    python, facts = _usable(home, marker)
    if python is None:
        return RuntimeState(
            "broken", "The runtime's Python is gone, or its files were moved or deleted.", "Press Repair.", None, marker
        )
    if digest is not None and marker.get("digest") != digest:
        return RuntimeState(
            "outdated", "The runtime is from another version of the extension.", "Press Install.", python, facts
        )
    return RuntimeState("ready", python=python, facts=facts)


def _usable(home: Path, marker: Mapping[str, Any]) -> tuple[Path | None, Mapping[str, Any] | None]:
    """Return an environment's Python and facts when its files are there; a link to a removed Python is not."""
    name = marker.get("environment")
    if not isinstance(name, str) or not is_environment_name(name):
        return None, None
    folder = home / name
    packages = next(iter(folder.glob("lib/python3*/site-packages")), folder / "Lib" / "site-packages")
    whole = python_of(folder).exists() and (packages / "torch").is_dir() and (packages / PACKAGES[-1]).is_dir()
    return (python_of(folder), marker) if whole else (None, None)


def python_of(environment: Path) -> Path:
    """Return where an environment's interpreter is."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_marker(home: Path) -> dict[str, Any]:
    """Return the marker; empty when there is none, incomplete when it can't be read."""
    try:
        marker = json.loads((home / MARKER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return {"state": INCOMPLETE}
    return marker if isinstance(marker, dict) else {"state": INCOMPLETE}


def write_marker(home: Path, marker: Mapping[str, Any]) -> None:
    """Replace the marker.

    Raises:
        FaceLiftError: it can't be written (code "disk-full" where the disk is).
    """
    with replacing(home / MARKER) as stream:
        stream.write(json.dumps(marker, indent=1).encode())
        stream.flush()
        os.fsync(stream.fileno())


def is_environment_name(name: str) -> bool:
    """Return whether a name is one of our environments' ("e1", "e2", ...)."""
    return name[:1] == "e" and name[1:].isdigit()


def environments(home: Path) -> list[Path]:
    """Return the environments in a runtime's folder, whatever their state."""
    if not home.is_dir():
        return []
    return sorted(path for path in home.iterdir() if path.is_dir() and is_environment_name(path.name))


def new_environment(home: Path) -> Path:
    """Return a folder for a new environment, which does not exist."""
    numbers = [int(path.name[1:]) for path in environments(home)]
    return home / f"e{max(numbers, default=0) + 1}"


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Keep other installations out of the folder; the system releases the lock when the process ends.

    Raises:
        RuntimeProblem: another one is at work there, or the folder can't be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        stream = (home / LOCK_NAME).open("a+b")
    except OSError as error:
        raise RuntimeProblem(
            f"The folder {home} can't be written: {error.strerror or error}.",
            "Choose another folder for the runtime.",
            code="folder-unwritable",
        ) from error
    with stream:
        if not _take(stream.fileno()):
            raise RuntimeProblem(
                "Another installation is running in this folder.", "Wait until it has finished.", code="busy"
            )
        yield


def _take(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def folder_bytes(*folders: Path) -> int:
    """Return the bytes of all files in folders; what has several names counts once."""
    seen, total, waiting = set(), 0, [str(folder) for folder in folders]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if status.st_nlink > 1:
                        if (status.st_dev, status.st_ino) in seen:
                            continue
                        seen.add((status.st_dev, status.st_ino))
                    total += status.st_size
        except OSError:
            continue  # It is being changed while we look.
    return total


def sizes(home: Path) -> dict[str, int]:
    """Return bytes by kind: "environment", "cache", "python", "tools"; only what is there."""
    kinds = {"environment": environments(home), "cache": [home / CACHE], "python": [home / PYTHONS]}
    measured = {kind: folder_bytes(*folders) for kind, folders in {**kinds, "tools": [home / TOOLS]}.items()}
    return {kind: size for kind, size in measured.items() if size}


def remove(home: Path) -> int:
    """Delete a runtime: what this module knows in its folder, nothing else. Return the bytes freed.

    Raises:
        RuntimeProblem: an installation is at work there, or files are in use.
    """
    freed = sum(sizes(home).values())
    with locked(home):
        # First: an interrupted removal leaves no runtime that looks complete.
        (home / MARKER).unlink(missing_ok=True)
        for path in [*environments(home), *(home / name for name in (CACHE, PYTHONS, TOOLS))]:
            delete_folder(path)
    (home / LOCK_NAME).unlink(missing_ok=True)
    if not any(home.iterdir()):
        home.rmdir()
    return freed


def delete_folder(path: Path) -> None:
    """Delete a folder if it is there.

    Raises:
        RuntimeProblem: a file in it is in use or protected.
    """
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RuntimeProblem(
            f"{Path(error.filename or path).name} can't be deleted: {error.strerror or error}.",
            "Press Stop Background Process and close other programs that use the runtime, then try again.",
            code="file-in-use",
        ) from error
