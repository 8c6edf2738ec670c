"""Moving a runtime or a folder of weights to another disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..progress import Reporter
from ..system.files import explain_disk_full
from .environment import COMPLETE, environments, folder_bytes, locked, python_of, read_marker
from .errors import RuntimeProblem
from .preflight import check_path
from .probe import free_bytes

UNFINISHED = ".moving"
COPY_PIECE = 1 << 22


def move_folder(source: Path, target: Path, reporter: Reporter) -> None:
    """Move a folder; the source goes only after the copy is complete.

    Args:
        source: The folder.
        target: Its new path, which must not exist or be empty.
        reporter: Progress in bytes; cancelling leaves the source as it is.

    Raises:
        RuntimeProblem: the target exists, lies inside the source, or can't be written.
        FaceLiftError: the target's disk is too small (code "disk-full").
        Cancelled: cancelled through the reporter.
    """
    source, target = source.resolve(), target.absolute()
    if target.is_relative_to(source):
        raise RuntimeProblem(f"{target} lies inside {source}.", "Choose another folder.", code="bad-folder")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RuntimeProblem(f"{target} exists and is not empty.", "Choose a new folder.", code="bad-folder")
    total = folder_bytes(source)
    reporter.stage("Moving", steps=total)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.rmdir()
        source.rename(target)
        reporter.step(total)
        return
    except OSError:
        pass  # Another disk: copy.
    if total > free_bytes(target):
        raise explain_disk_full(total, free_bytes(target), target)
    unfinished = target.with_name(target.name + UNFINISHED)
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(source, unfinished, symlinks=True, copy_function=lambda a, b: _copy(a, b, reporter))
        unfinished.rename(target)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise RuntimeProblem(
            f"{target} could not be written: {error}.", "Choose another folder.", code="folder-unwritable"
        ) from error
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    shutil.rmtree(source, ignore_errors=True)


def move_runtime(source: Path, target: Path, reporter: Reporter) -> None:
    """Move a runtime's folder and make its environment work in the new place.

    Raises:
        As :func:`move_folder`; and RuntimeProblem when the path gets too long for Windows, or an
        installation is at work.
    """
    check_path(target)
    marker = read_marker(source)
    if marker.get("state") != COMPLETE:
        raise RuntimeProblem("There is no finished runtime to move.", "Install it first.", code="no-runtime")
    with locked(source):
        old = source.resolve()
    moving, adapting = reporter.parts(95, 5)
    move_folder(source, target, moving)
    adapting.stage("Adapting the environment")
    for environment in environments(target):
        _adapt(environment, old, target.absolute())


def _adapt(environment: Path, old: Path, new: Path) -> None:
    """Point an environment that is built on the runtime's own Python to that Python's new place."""
    config = environment / "pyvenv.cfg"
    config.write_text(config.read_text(encoding="utf-8").replace(str(old), str(new)), encoding="utf-8")
    for link in python_of(environment).parent.iterdir():
        if link.is_symlink() and (destination := str(link.readlink())).startswith(str(old)):
            link.unlink()
            link.symlink_to(destination.replace(str(old), str(new), 1))


def _copy(source: str, target: str, reporter: Reporter) -> None:
    with Path(source).open("rb") as reading, Path(target).open("wb") as writing:
        while piece := reading.read(COPY_PIECE):
            writing.write(piece)
            reporter.step(len(piece))
    shutil.copystat(source, target)
