"""The folder of a slimming that is under way, and its journal of complete files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..progress import Reporter
from ..system.files import replacing
from .errors import WeightsError
from .record import HashRecord
from .slim_outputs import Output, source_files
from .table import sha256_of
from .verify import MANIFEST_NAME

JOURNAL_NAME = "journal.json"
SUFFIX = ".unfinished"
FORMAT = 1
"""Version of the manifest and of the rules by which tensors are converted."""


class Unfinished:
    """The unfinished folder beside the target, and what is complete in it.

    Attributes:
        folder: The unfinished folder.
        source: Path, size and SHA-256 of each file of the original.
        files: Size and SHA-256 by path of the files that are complete.
    """

    def __init__(self, target: Path, source: list[dict[str, Any]]) -> None:
        self.folder, self._target, self.source = target.with_name(target.name + SUFFIX), target, source
        self.files: dict[str, dict[str, Any]] = {}

    @classmethod
    def open(cls, source: Path, target: Path, reporter: Reporter, record: HashRecord) -> Unfinished:
        """Take up an earlier run's folder when it was made from the same source by the same rules, else begin.

        Raises:
            WeightsError: a folder of that name exists and is not ours, or it can't be made.
            Cancelled: cancelled through the reporter.
        """
        work = cls(target, source_facts(source, reporter, record))
        journal = work._journal()
        try:
            if (journal.get("format"), journal.get("source")) != (FORMAT, work.source):
                shutil.rmtree(work.folder, ignore_errors=True)
                journal = {}
            work.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WeightsError(
                f"The folder {work.folder} could not be made: {error.strerror or error}.", "Choose another folder."
            ) from error
        for part in work.folder.rglob("*.part"):
            part.unlink()
        for path, facts in journal.get("files", {}).items():
            file = work.folder / path
            # After a power failure a file can be torn although it is listed: its hash tells.
            if file.is_file() and file.stat().st_size == facts["size"] and sha256_of(file) == facts["sha256"]:
                work.files[path] = facts
            reporter.check()
        work._save_journal()
        return work

    def write(self, output: Output, reporter: Reporter) -> None:
        """Write a file and list it.

        Raises:
            FaceLiftError: it can't be written (code "disk-full" where the disk is).
            Cancelled: cancelled through the reporter.
        """
        path = self.folder / output.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            hashing = _Hashing(stream, reporter)
            output.write(hashing)
            _to_disk(stream)
        self.files[output.path] = {"size": hashing.size, "sha256": hashing.digest.hexdigest()}
        self._save_journal()

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, completed by the lists of files, and give the folder its name."""
        files = [{"path": path, **facts} for path, facts in sorted(self.files.items())]
        self._save(MANIFEST_NAME, {**manifest, "format": FORMAT, "source": self.source, "files": files})
        (self.folder / JOURNAL_NAME).unlink()
        self.folder.replace(self._target)

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)

    def _journal(self) -> dict[str, Any]:
        """Return the journal of an earlier run, empty when there was none.

        A run that was stopped between the removal of its journal and the renaming of its folder left
        the manifest, which says the same.
        """
        try:
            return json.loads((self.folder / JOURNAL_NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except (OSError, ValueError):
            return {}
        try:
            manifest = json.loads((self.folder / MANIFEST_NAME).read_text(encoding="utf-8"))
            return {**manifest, "files": {entry.pop("path"): entry for entry in manifest["files"]}}
        except (OSError, ValueError, KeyError, TypeError):
            if self.folder.exists() and any(path.suffix != ".part" for path in self.folder.iterdir()):
                raise WeightsError(
                    f"{self.folder} exists and is no unfinished slimming.", "Remove it or choose another folder."
                ) from None
            return {}

    def _save_journal(self) -> None:
        self._save(JOURNAL_NAME, {"format": FORMAT, "source": self.source, "files": self.files})

    def _save(self, name: str, content: object) -> None:
        with replacing(self.folder / name) as stream:
            stream.write(json.dumps(content, indent=1).encode())
            _to_disk(stream)


class _Hashing:
    """A stream that hashes and counts what is written through it."""

    def __init__(self, stream: BinaryIO, reporter: Reporter) -> None:
        self._stream, self._reporter = stream, reporter
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, data: bytes | memoryview) -> None:
        size = memoryview(data).nbytes
        self._stream.write(data)
        self.digest.update(data)
        self.size += size
        self._reporter.step(size)


def _to_disk(stream: BinaryIO) -> None:
    """Have the system write a file's bytes before anything relies on them."""
    stream.flush()
    os.fsync(stream.fileno())


def source_facts(source: Path, reporter: Reporter, record: HashRecord) -> list[dict[str, Any]]:
    """Return path, size and SHA-256 of each file of a checkpoint: what a journal belongs to."""
    facts = []
    for path in source_files(source):
        reporter.check()
        sha256 = record.sha256(path)
        if sha256 is None:
            sha256 = sha256_of(path, lambda count: reporter.check())
            record.remember(path, sha256)
        facts.append({"path": path.relative_to(source).as_posix(), "size": path.stat().st_size, "sha256": sha256})
    return facts
