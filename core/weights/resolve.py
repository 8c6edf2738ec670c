"""Finding a checkpoint on this computer, without the network and without importing anything heavy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import WeightsError
from .places import CHECKPOINT_VARIABLE, hub_cache, weights_home
from .table import LICENCE_FILE, OFFICIAL, FileTable
from .verify import MANIFEST_NAME

DOWNLOADED_NAME = "OpenFaceLift"
"""Folder of a download under :func:`~core.weights.places.weights_home`."""
SLIMMED_NAME = "OpenFaceLift-slim"
"""Folder of the slimmed checkpoint there."""


@dataclass(frozen=True)
class Location:
    """A checkpoint that was found.

    Attributes:
        folder: The checkpoint folder.
        source: Where it was found: "chosen", "environment", "slimmed", "downloaded" or "hub-cache".
        slimmed: Whether it holds the slimmed form.
    """

    folder: Path
    source: str
    slimmed: bool


def resolve(chosen: str | Path | None = None, table: FileTable = OFFICIAL) -> Location:
    """Return the checkpoint to use.

    In this order: the chosen folder, the environment variable FACELIFT_CHECKPOINT, the slimmed
    and the downloaded checkpoint in the weights folder, the Hugging Face cache. A folder named by
    a person is taken as it is, so that what is missing in it can be named; places that are only
    looked at must be complete.

    Args:
        chosen: A folder, or None.
        table: The files that a checkpoint must have, and the repository in the Hugging Face cache.

    Raises:
        WeightsError: the chosen folder does not exist, or there is no checkpoint anywhere.
    """
    for source, text in (("chosen", chosen), ("environment", os.environ.get(CHECKPOINT_VARIABLE))):
        if text:
            folder = Path(text).expanduser()
            if not folder.is_dir():
                raise WeightsError(
                    f"The checkpoint folder {folder} does not exist.",
                    "Choose the folder that holds gslrm and mvdiffusion, or download the weights.",
                )
            return Location(folder, source, (folder / MANIFEST_NAME).is_file())
    slimmed = weights_home() / SLIMMED_NAME
    if (slimmed / MANIFEST_NAME).is_file():
        return Location(slimmed, "slimmed", True)
    if is_complete(weights_home() / DOWNLOADED_NAME, table):
        return Location(weights_home() / DOWNLOADED_NAME, "downloaded", False)
    for snapshot in hub_snapshots(table):
        if is_complete(snapshot, table):
            return Location(snapshot, "hub-cache", False)
    raise WeightsError(
        "The FaceLift weights are not here.",
        "Download them (they need your consent to their licence), or choose the folder where they are.",
        code="no-checkpoint",
    )


def is_complete(folder: Path, table: FileTable) -> bool:
    """Return whether all files that inference needs are in a folder, in their right size where it is known."""
    for file in table.files:
        path = folder / file.path
        if file.path != LICENCE_FILE and not path.is_file():
            return False
        if file.size is not None and path.is_file() and path.stat().st_size != file.size:
            return False
    return True


def hub_snapshots(table: FileTable) -> Iterator[Path]:
    """Yield the repository's snapshots in the Hugging Face cache: the table's revision first, then what refs name."""
    repository = hub_cache() / ("models--" + table.repository.replace("/", "--"))
    revisions = [table.revision]
    references = repository / "refs"
    if references.is_dir():
        revisions += sorted(
            path.read_text(encoding="utf-8").strip() for path in references.rglob("*") if path.is_file()
        )
    for revision in dict.fromkeys(revisions):
        snapshot = repository / "snapshots" / revision
        # A damaged reference must not lead out of the cache.
        if snapshot.parent.name == "snapshots" and snapshot.name == revision and snapshot.is_dir():
            yield snapshot
