"""Deleting checkpoints: an original once its slimmed form has been checked, or any on a person's order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..progress import Reporter
from .errors import WeightsError
from .record import HashRecord
from .slim import TOLERANCE, finished
from .table import FileTable, sha256_of
from .verify import MANIFEST_NAME, table_of, verify


@dataclass(frozen=True)
class Removal:
    """What was deleted.

    Attributes:
        freed: Bytes that are free now.
        removed: Paths of the deleted files, relative to the checkpoint folder.
        left: Paths of files that were left because they changed or lie outside the folder.
    """

    freed: int
    removed: tuple[str, ...]
    left: tuple[str, ...]


def remove_original(source: Path, slimmed: Path, reporter: Reporter | None = None) -> Removal:
    """Delete the files of a checkpoint from which a slimmed one was made.

    Before, every byte of the slimmed checkpoint is read and compared with its manifest, which also
    proves that the models' outputs were compared when it was made. Only files that the manifest
    names as its source and that have not changed since are deleted, never anything outside the
    folder; files that the Hugging Face cache keeps for it count as inside.

    Args:
        source: The original checkpoint folder.
        slimmed: Its slimmed form.
        reporter: Progress of the check; cancelling is honoured until the first file is deleted.

    Raises:
        WeightsError: the slimmed checkpoint is not whole, or the two folders overlap.
        Cancelled: cancelled through the reporter; nothing was deleted.
    """
    reporter = reporter or Reporter()
    source, slimmed = source.resolve(), slimmed.resolve()
    if source == slimmed or source.is_relative_to(slimmed):
        raise WeightsError(f"{source} is the slimmed checkpoint itself.", "Name the original's folder.")
    if any(difference > TOLERANCE for difference in finished(slimmed).differences.values()):
        raise WeightsError(f"{slimmed} was not found equal to its original.", "Keep the original weights.")
    verifying, checking = reporter.parts(1, 1)
    verify(slimmed, reporter=verifying).require()
    entries = json.loads((slimmed / MANIFEST_NAME).read_text(encoding="utf-8"))["source"]
    checking.stage("Checking what may be deleted", steps=len(entries))
    record = HashRecord.of_user()
    deletable: list[str] = []
    left: list[str] = []
    for entry in entries:
        path = source / entry["path"]
        if path.is_file():
            same = _deletable(path, source) and _is_unchanged(path, entry, record)
            (deletable if same else left).append(entry["path"])
        checking.step()
    freed = sum(_delete(source / name) for name in deletable)
    _remove_empty_folders(source)
    return Removal(freed, tuple(deletable), tuple(left))


def remove_checkpoint(folder: Path, table: FileTable) -> int:
    """Delete a checkpoint's files and no others; return the bytes freed.

    Args:
        folder: The checkpoint folder.
        table: Its files; a slimmed checkpoint's own manifest counts instead.

    Raises:
        WeightsError: a file is in use or protected.
    """
    folder = folder.resolve()
    slimmed = (folder / MANIFEST_NAME).is_file()
    names = [file.path for file in (table_of(folder) if slimmed else table).files]
    paths = [folder / name for name in [*names, *([MANIFEST_NAME] if slimmed else [])]]
    try:
        freed = sum(_delete(path) for path in paths if path.is_file() and _deletable(path, folder))
        _remove_empty_folders(folder)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise WeightsError(
            f"{Path(error.filename or folder).name} can't be deleted: {error.strerror or error}.",
            "Press Stop Background Process and close other programs that use the weights, then try again.",
            code="file-in-use",
        ) from error
    return freed


def _deletable(path: Path, source: Path) -> bool:
    """Return whether a file lies in the folder, or in the store of the hub cache that the folder belongs to."""
    real = path.resolve()
    if real.is_relative_to(source):
        return True
    repository = source.parent.parent
    if source.parent.name != "snapshots" or not repository.name.startswith("models--"):
        return False
    others = (link for link in repository.glob("snapshots/*/**/*") if not link.is_relative_to(source))
    return real.is_relative_to(repository / "blobs") and all(link.resolve() != real for link in others)


def _is_unchanged(path: Path, entry: Mapping[str, Any], record: HashRecord) -> bool:
    if path.stat().st_size != entry["size"]:
        return False
    return (record.sha256(path) or sha256_of(path)) == entry["sha256"]


def _delete(path: Path) -> int:
    """Delete a file, and what it links to; return the bytes freed."""
    real = path.resolve()
    size = real.stat().st_size
    path.unlink()
    if real != path:
        real.unlink(missing_ok=True)
    return size


def _remove_empty_folders(source: Path) -> None:
    for folder in sorted((path for path in source.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
