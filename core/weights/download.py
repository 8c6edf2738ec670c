"""Downloading a checkpoint from the Hugging Face hub: pinned, resumable, cancellable, verified.

The hub's client knows addresses, mirrors (``HF_ENDPOINT``), tokens, proxies and certificates, and
repeats requests that fail; but it starts a file anew in every process. Here each file grows in a
``.part`` file that the next run goes on with, and gets its name only once its bytes are the
expected ones.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..errors import EngineUnavailable
from ..progress import Reporter
from ..system.files import explain_disk_full
from .download_errors import explained
from .errors import WeightsError
from .record import HashRecord
from .table import LICENCE_FILE, OFFICIAL, FileTable, WeightFile, sha256_of
from .verify import check_file

LOCK_NAME = ".download.lock"
PIECE_BYTES = 1 << 18
"""What is written at once. The client's own ten megabytes are lost with every cut connection, and on a
slow one nothing seems to happen for a minute."""
SPARE_BYTES = 64 << 20
"""Kept free beyond what the files need."""


@dataclass(frozen=True)
class _Job:
    """A file to fetch.

    Attributes:
        file: Its entry in the table.
        url: Where it is.
        size: Bytes, as the server says.
        checksum: (kind, hexadecimal): "sha256" of the bytes, or "git" for git's hash of a blob.
        part: The unfinished file.
    """

    file: WeightFile
    url: str
    size: int
    checksum: tuple[str, str]
    part: Path

    @property
    def present(self) -> int:
        """Bytes that are here from before."""
        return self.part.stat().st_size if self.part.is_file() else 0


def download(
    folder: Path,
    table: FileTable = OFFICIAL,
    reporter: Reporter | None = None,
    *,
    licence_accepted: bool = False,
    only: Collection[str] | None = None,
    record: HashRecord | None = None,
) -> tuple[str, ...]:
    """Fetch what is missing or damaged in a checkpoint folder.

    Args:
        folder: Where the files go; made if needed.
        table: Which files, from which repository and revision.
        reporter: Progress in bytes, and cancelling.
        licence_accepted: Whether the user agreed to the licence, without which nothing but its
            text is fetched.
        only: Paths of the table to fetch; all by default.
        record: Hashes known from before, and where new ones are kept.

    Returns:
        Paths of the files that were fetched; those that were there and right are left alone.

    Raises:
        WeightsError: the licence is not accepted, the server can't be reached or has no such
            file, or sent other bytes than the published ones.
        EngineUnavailable: huggingface_hub is not installed.
        FaceLiftError: the disk is too small (code "disk-full").
        Cancelled: cancelled through the reporter; the next run goes on where this one stopped.
    """
    reporter = reporter or Reporter()
    files = [file for file in table.files if only is None or file.path in only]
    if not licence_accepted and any(file.path != LICENCE_FILE for file in files):
        raise WeightsError(
            f"The weights are under the {table.licence}, which was not accepted.",
            "Read the licence and accept it, then start the download again.",
            code="licence-not-accepted",
        )
    _make_folder(folder)
    with _locked(folder):
        looking, loading = reporter.parts(2, 90)
        looking.stage("Looking for files that are here already", steps=len(files))
        wanted = [file for file in files if _needed(folder / file.path, file, looking, record)]
        # Small files first: a wrong server shows before gigabytes came from it.
        jobs = sorted((_plan(folder, file, table) for file in wanted), key=lambda job: job.size)
        needed = sum(job.size - min(job.size, job.present) for job in jobs)
        free = shutil.disk_usage(folder).free
        if needed + SPARE_BYTES > free:
            raise explain_disk_full(needed + SPARE_BYTES, free, folder)
        loading.stage("Downloading the weights", steps=sum(job.size for job in jobs))
        for job in jobs:
            _fetch(job, folder, loading, record)
    reporter.finish()
    return tuple(file.path for file in wanted)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"The folder {folder} could not be made: {error.strerror or error}.", "Choose another folder."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other downloads into the folder out; the system releases the lock when the process ends."""
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as error:
        raise _no_client(error) from error
    lock = FileLock(folder / LOCK_NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise WeightsError(
            f"Another download into {folder} is running.", "Wait until it has finished, or stop it first."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _no_client(error: ModuleNotFoundError) -> EngineUnavailable:
    return EngineUnavailable(
        f"Downloading needs the Python package {error.name!r}, which is not installed here.",
        "Install the engine's runtime first.",
        code="no-runtime",
    )


def _needed(path: Path, file: WeightFile, reporter: Reporter, record: HashRecord | None) -> bool:
    """Return whether a file must be fetched. A damaged one stays until its successor is complete."""
    # Bytes are not counted here: this stage counts files.
    problem = check_file(path, file, Reporter(cancel=reporter.cancel_event), record)
    reporter.step()
    return problem is not None


def _plan(folder: Path, file: WeightFile, table: FileTable) -> _Job:
    """Ask the server for a file's size and checksum."""
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
    except ModuleNotFoundError as error:
        raise _no_client(error) from error
    url = hf_hub_url(table.repository, file.path, revision=table.revision)
    with explained(file, table):
        metadata = get_hf_file_metadata(url)
    etag = metadata.etag or ""
    if metadata.size is None or metadata.size != (file.size or metadata.size):
        raise WeightsError(
            f"The server's {file.path} is not the published file: its size is {metadata.size or 'unknown'}.",
            "Check the address of the server (HF_ENDPOINT): it does not hold the published weights.",
            files=[file.path],
        )
    checksum = ("sha256", file.sha256 or etag) if file.sha256 or len(etag) == 64 else ("git", etag)
    path = folder / file.path
    # A part of another revision is never taken for one of this: its name has the content's hash.
    part = path.with_name(f".{path.name}.{checksum[1][:12]}.part")
    return _Job(file, url, metadata.size, checksum, part)


def _fetch(job: _Job, folder: Path, reporter: Reporter, record: HashRecord | None) -> None:
    """Fetch one file, going on with its part, and give it its name once its bytes are right."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    target = folder / job.file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if job.present > job.size:
        job.part.unlink()
    present = job.present
    reporter.step(present)
    with explained(job.file), job.part.open("ab") as stream:
        # The text files may come compressed otherwise, whose length says nothing.
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        bar = _progress_bar(reporter)
        constants.DOWNLOAD_CHUNK_SIZE = PIECE_BYTES
        http_get(job.url, stream, resume_size=present, headers=headers, expected_size=job.size, tqdm_class=bar)
        stream.flush()
        os.fsync(stream.fileno())
    kind, expected = job.checksum
    actual = sha256_of(job.part, lambda count: reporter.check()) if kind == "sha256" else _git_hash(job.part)
    if actual != expected:
        job.part.unlink()
        raise WeightsError(
            f"The server sent other bytes for {job.file.path} than the published ones.",
            "Start the download again; if that does not help, check the server's address (HF_ENDPOINT) or the proxy.",
            files=[job.file.path],
        )
    job.part.replace(target)
    if record is not None and kind == "sha256":
        record.remember(target, actual)


def _git_hash(path: Path) -> str:
    """Return git's hash of a blob, which the hub gives for its small files."""
    contents = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(contents) + contents, usedforsecurity=False).hexdigest()


def _progress_bar(reporter: Reporter) -> type:
    """Return a class that the hub's client takes for a progress bar and that reports to ours."""

    class Bar:
        """The part of tqdm's interface that the client uses."""

        def __init__(self, **_description: object) -> None:
            self.update = reporter.step

        def __enter__(self) -> Bar:
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            return None

    return Bar
