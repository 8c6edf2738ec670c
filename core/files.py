"""Writing files so that a failure never leaves half of one."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import FaceLiftError

_NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
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


def _through_temporary_file(target: Path) -> Iterator[BinaryIO]:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:64]}.", suffix=".part", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        temporary.chmod(_permissions(target))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _permissions(target: Path) -> int:
    """Return the mode of the file that is replaced, or what the umask gives a new file.

    mkstemp makes files that only their owner can read, whatever the umask says.
    """
    if target.exists():
        return target.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


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
