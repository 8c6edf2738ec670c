"""Writing files so that a failure never leaves half of one, and what is said when a disk is full."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

from ..errors import FaceLiftError

_NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BufferedWriter]:
    """Open ``path`` for binary writing; the old file stays until the new one is complete.

    Data goes to a temporary file in the same folder, which takes the place of ``path`` when the
    block ends without an error and is removed otherwise. Devices and pipes are written directly.

    Raises:
        FaceLiftError: codes "disk-full" and "file-unwritable".
    """
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                yield stream
        else:
            # A link stays a link: what it points to is replaced.
            yield from _through_temporary_file(target.resolve())
    except OSError as error:
        raise _explained(error, target) from error


def explain_disk_full(needed: int, free: int, folder: Path) -> FaceLiftError:
    """Return the error for a disk with too little space.

    Args:
        needed: Bytes that will be written.
        free: Bytes that are free.
        folder: Where.
    """
    return FaceLiftError(
        f"The disk of {folder} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB are needed.",
        "Free some space or choose another folder; what is already there is kept.",
        code="disk-full",
        needed=needed,
        free=free,
    )


def _through_temporary_file(target: Path) -> Iterator[BufferedWriter]:
    temporary = target.with_name(f".{target.name[:64]}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("xb") as stream:
            yield stream
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _explained(error: OSError, path: Path) -> FaceLiftError:
    if error.errno in _NO_SPACE:
        return FaceLiftError(
            f"The disk is full: {path.name} could not be written.",
            "Free some space or choose another folder, then save again.",
            code="disk-full",
            path=str(path),
        )
    reason = error.strerror or str(error)
    return FaceLiftError(
        f"{path.name} could not be written: {reason}.",
        "Check that the folder exists and that you may write to it.",
        code="file-unwritable",
        path=str(path),
    )
