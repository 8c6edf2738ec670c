"""Checking a checkpoint folder file by file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..progress import Reporter
from .errors import WeightsError
from .record import HashRecord
from .structure import structural_problem
from .table import OFFICIAL, FileTable, WeightFile, sha256_of

MANIFEST_NAME = "slim.json"
"""The table of a slimmed checkpoint, among other facts, beside its files."""

DOWNLOAD_AGAIN = "Download the weights again: only what is missing or damaged is fetched."
DELETE_AND_DOWNLOAD = f"Delete this file. {DOWNLOAD_AGAIN}"
SLIM_AGAIN = "Delete this folder and slim the original checkpoint again, or download the weights."


@dataclass(frozen=True)
class Problem:
    """What is wrong with one file.

    Attributes:
        path: The file, relative to the checkpoint folder.
        kind: "missing", "unreadable", "truncated", "damaged" or "wrong-hash".
        message: One sentence.
        remedy: What to do.
    """

    path: str
    kind: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Report:
    """The outcome of a verification.

    Attributes:
        folder: The checkpoint folder.
        files: Number of files checked.
        size: Bytes of all files that are there.
        problems: One for each file that is not as it should be; empty when all is well.
    """

    folder: Path
    files: int
    size: int
    problems: tuple[Problem, ...]

    def require(self) -> None:
        """Raise WeightsError that names the files when something is wrong."""
        if not self.problems:
            return
        first, more = self.problems[0], len(self.problems) - 1
        raise WeightsError(
            first.message + (f" {more} more file{'s are' if more > 1 else ' is'} not right." if more else ""),
            first.remedy,
            files=[problem.path for problem in self.problems],
        )


def table_of(folder: Path) -> FileTable:
    """Return the table that a folder must agree with: its own when it is slimmed, else the official one.

    Raises:
        WeightsError: the slimmed folder's own table is damaged.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        return OFFICIAL
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(WeightFile(file["path"], file["size"], file["sha256"]) for file in manifest["files"])
        return FileTable(manifest["repository"], manifest["revision"], manifest["licence"], files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is damaged.", SLIM_AGAIN, files=[MANIFEST_NAME]) from error


def verify(
    folder: Path,
    table: FileTable | None = None,
    reporter: Reporter | None = None,
    record: HashRecord | None = None,
    deep: bool = True,
) -> Report:
    """Check every file of a checkpoint: there, whole, and with the right bytes.

    Args:
        folder: The checkpoint folder.
        table: What it must agree with; by default the folder's own or the official one.
        reporter: Progress in bytes, and cancelling.
        record: Hashes known from before; None hashes everything anew.
        deep: Compare hashes; otherwise only presence, size and structure, in milliseconds.

    Raises:
        Cancelled: cancelled through the reporter.
        WeightsError: the folder does not exist or its own table is damaged.
    """
    if not folder.is_dir():
        raise WeightsError(f"The folder {folder} does not exist.", "Choose the folder where the weights are.")
    remedy = DELETE_AND_DOWNLOAD if table or not (folder / MANIFEST_NAME).is_file() else SLIM_AGAIN
    table = table or table_of(folder)
    reporter = reporter or Reporter()
    present = [folder / file.path for file in table.files if (folder / file.path).is_file()]
    total = sum(path.stat().st_size for path in present)
    reporter.stage("Checking the weights", steps=total)
    problems = list(_problems(folder, table.files, reporter, record, deep, remedy))
    return Report(folder, len(table.files), total, tuple(problems))


def _problems(
    folder: Path, files: Iterable[WeightFile], reporter: Reporter, record: HashRecord | None, deep: bool, remedy: str
) -> Iterable[Problem]:
    for file in files:
        path = folder / file.path
        try:
            found = check_file(path, file, reporter, record, deep)
        except OSError as error:
            found = "unreadable", f"can't be read: {error.strerror or error}"
        if found is not None:
            kind, what = found
            advice = DOWNLOAD_AGAIN if kind == "missing" and remedy is DELETE_AND_DOWNLOAD else remedy
            yield Problem(file.path, kind, f"{file.path} {what}.", advice)


def check_file(
    path: Path, file: WeightFile, reporter: Reporter, record: HashRecord | None = None, deep: bool = True
) -> tuple[str, str] | None:
    """Return (kind, end of a sentence) of what is wrong with one file, or None.

    Raises:
        Cancelled: cancelled through the reporter.
        OSError: the file can't be read.
    """
    if not path.is_file():
        return "missing", "is missing"
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        kind = "truncated" if size < file.size else "damaged"
        return kind, f"has {size:,} bytes where {file.size:,} are expected"
    problem = structural_problem(path)
    if problem:
        return "damaged", problem
    if not deep or file.sha256 is None:
        reporter.step(size)
        return None
    actual = record.sha256(path) if record else None
    if actual is None:
        actual = sha256_of(path, reporter.step)
        if record:
            record.remember(path, actual)
    else:
        reporter.step(size)
    return None if actual == file.sha256 else ("wrong-hash", "holds other bytes than the published file")
